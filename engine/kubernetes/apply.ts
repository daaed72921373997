import { setTimeout as sleep } from "node:timers/promises";
import { isProps, type Props, type Value } from "../plugin/value.ts";
import { type Client, isAlreadyThere, isConflict, isMissing, NoMatchError, pathOf, StatusError } from "./client.ts";
import { parsePath } from "./diff.ts";
import type { Resource } from "./kinds.ts";
import { createdByPlugin, entriesOf, handOver, managedByOthers } from "./managed-fields.ts";
import { annotation, apiVersionOf, at, type KubeObject, kindOf, metadata, nameOf, namespaceOf, random, withMetadata } from "./object.ts";

export interface Operation {
  readonly client: Client;
  readonly signal: AbortSignal;
  /** The status line at the resource. */
  readonly log: (message: string) => void;
  readonly inputs: KubeObject;
  readonly fieldManager: string;
  readonly preview: boolean;
  /** The resource only patches an object that something else made. */
  readonly patch: boolean;
  readonly force: boolean;
}

/** A preview of an object in a namespace that is not there yet. */
export class NamespaceMissing extends Error {}

const APPLY = "application/apply-patch+yaml";

const ALREADY_EXISTS = `

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use \`pulumi import\`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create.`;

const CONFLICT_HELP =
  "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/" +
  "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources";

/** A conflict of field managers, with what to do about it; other errors as they are. */
function explainConflict(error: unknown, manager: string): unknown {
  if (!isConflict(error) || !(error instanceof StatusError)) return error;
  return new StatusError(error.code, {
    reason: error.reason,
    message:
      `server-side apply field conflict detected, see ${CONFLICT_HELP} for troubleshooting help\n` +
      `The resource managed by field manager "${manager}" had an apply conflict: ${error.message}`,
  });
}

const inNamespace = (resource: Resource, it: KubeObject): string => (resource.namespaced ? namespaceOf(it) || "default" : "");

/** Whether a conflict is to be won. `live` is the object as it is; undefined when it may not be there. */
function wins({ inputs, force, preview }: Operation, live: KubeObject | undefined): boolean {
  if (force || annotation(inputs, "patchForce") === "true") return true;
  // A preview of what does not exist for the program yet must not fail on the object that it replaces.
  if (preview && (live === undefined || createdByPlugin(live))) return true;
  // Objects from before field management have no managers at all.
  return live !== undefined && entriesOf(live).length === 0;
}

async function applyOnce(operation: Operation, resource: Resource, object: KubeObject, live?: KubeObject, query = {}): Promise<KubeObject> {
  const { client, fieldManager, preview, signal } = operation;
  try {
    return await client.json({
      method: "PATCH",
      path: pathOf(resource, inNamespace(resource, object), nameOf(object)),
      query: { fieldManager, force: String(wins(operation, live)), ...(preview ? { dryRun: "All" } : {}), ...query },
      contentType: APPLY,
      body: object,
      signal,
    });
  } catch (error) {
    throw explainConflict(error, fieldManager);
  }
}

async function upsert(operation: Operation, resource: Resource): Promise<KubeObject> {
  const { inputs, preview } = operation;
  const query = { fieldValidation: "Warn" };
  try {
    return await applyOnce(operation, resource, inputs, undefined, query);
  } catch (error) {
    if (!preview || !(error instanceof StatusError) || error.code !== 422 || !error.message.includes("field is immutable")) throw error;
    // A replacement: what is there cannot become the new object, but another name shows whether the server would take it.
    return await applyOnce(
      operation,
      resource,
      withMetadata(inputs, { name: `${nameOf(inputs)}${random().slice(0, 5)}` }),
      undefined,
      query,
    );
  }
}

async function createOnce(operation: Operation, upserts: boolean): Promise<KubeObject> {
  const { client, inputs, preview, patch, signal } = operation;
  const resource = await client.resource(apiVersionOf(inputs), kindOf(inputs));
  if (upserts || patch) return await upsert(operation, resource);
  return await client.json({
    method: "POST",
    path: pathOf(resource, inNamespace(resource, inputs)),
    // Always this name: by it the first update knows what to take over.
    query: { fieldManager: "pulumi-kubernetes", ...(preview ? { dryRun: "All" } : {}) },
    body: inputs,
    signal,
  });
}

const RETRIES = [1, 2, 4, 8, 16, 32];

/** Creates the object, or with `upserts` applies it onto one that is there. Waits some time for a namespace or kind that is still to come. */
export async function create(operation: Operation, upserts: boolean): Promise<KubeObject> {
  for (let i = 0; ; i++) {
    try {
      return await createOnce(operation, upserts);
    } catch (error) {
      if (operation.preview && isMissing(error) && error instanceof StatusError && error.about === "namespaces")
        throw new NamespaceMissing();
      const message = error instanceof Error ? error.message : String(error);
      operation.log(`Retry #${i}; creation failed: ${message}`);
      const passes = isMissing(error) || error instanceof NoMatchError;
      const pause = RETRIES[i];
      if (!passes || pause === undefined || i === RETRIES.length - 1 || operation.preview) {
        if (isAlreadyThere(error)) throw new StatusError(409, { reason: "AlreadyExists", message: message + ALREADY_EXISTS });
        throw error;
      }
      await sleep(pause * 1000, undefined, { signal: operation.signal });
    }
  }
}

/** Sets or, with undefined, removes the value at a path of names; a copy. */
function put(it: Props, path: readonly string[], value: Value | undefined): Props {
  const [key, ...rest] = path;
  if (key === undefined) return it;
  const copy = { ...it };
  if (rest.length > 0) {
    const inner = it[key];
    if (inner === undefined && value === undefined) return it;
    copy[key] = put(isProps(inner) ? inner : {}, rest, value);
  } else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

/** Inputs in which what `ignoreChanges` names is as it really is, or left to those who manage it. */
function withoutIgnored(inputs: KubeObject, live: KubeObject, manager: string, ignored: readonly string[]): KubeObject {
  let result = inputs;
  for (const one of ignored) {
    const path = parsePath(one).map(String);
    const value = at(live, ...parsePath(one));
    if (managedByOthers(live, manager, path)) result = put(result, path, undefined);
    else if (value !== undefined && parsePath(one).every((step) => typeof step === "string")) result = put(result, path, value);
  }
  return result;
}

/** The object as it is; a 404 StatusError when it is gone. */
export async function get(client: Client, it: KubeObject, signal: AbortSignal): Promise<KubeObject> {
  const resource = await client.resource(apiVersionOf(it), kindOf(it));
  return await client.json({ method: "GET", path: pathOf(resource, inNamespace(resource, it), nameOf(it)), signal });
}

/** Applies the inputs onto the object that is there; both as they were and as they are now. */
export async function update(
  operation: Operation,
  old: KubeObject,
  ignored: readonly string[],
): Promise<{ readonly before: KubeObject; readonly after: KubeObject }> {
  const { client, inputs, fieldManager, preview, patch, signal } = operation;
  const resource = await client.resource(apiVersionOf(inputs), kindOf(inputs));
  const before = await get(client, { ...inputs, metadata: { ...metadata(inputs), name: nameOf(old) } }, signal);
  let live = before;
  const entries = preview || patch ? undefined : handOver(before, fieldManager);
  if (entries) {
    live = await client.json({
      method: "PATCH",
      path: pathOf(resource, inNamespace(resource, before), nameOf(before)),
      contentType: "application/json-patch+json",
      body: [{ op: "replace", path: "/metadata/managedFields", value: entries }],
      signal,
    });
  }
  return { before, after: await applyOnce(operation, resource, withoutIgnored(inputs, live, fieldManager, ignored), live) };
}

/** Gives up all fields that `manager` manages; what nobody else manages goes back to its default. */
export async function relinquish(client: Client, it: KubeObject, manager: string, signal: AbortSignal): Promise<void> {
  const resource = await client.resource(apiVersionOf(it), kindOf(it));
  const namespace = inNamespace(resource, it);
  await client.json({
    method: "PATCH",
    path: pathOf(resource, namespace, nameOf(it)),
    query: { fieldManager: manager },
    contentType: APPLY,
    body: {
      apiVersion: apiVersionOf(it),
      kind: kindOf(it),
      metadata: { name: nameOf(it), ...(namespace === "" ? {} : { namespace }) },
    },
    signal,
  });
}

/** Starts the deletion of an object; false when it was not there. */
export async function remove(client: Client, it: KubeObject, name: string, inputs: KubeObject, signal: AbortSignal): Promise<boolean> {
  const policies: { readonly [name: string]: string } = { orphan: "Orphan", background: "Background" };
  const policy = policies[annotation(inputs, "deletionPropagationPolicy").toLowerCase()] ?? "Foreground";
  try {
    const resource = await client.resource(apiVersionOf(it), kindOf(it));
    await client.json({
      method: "DELETE",
      path: pathOf(resource, inNamespace(resource, it), name),
      body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: policy },
      signal,
    });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
