import type { Severity } from "../plugin/engine-log.ts";
import { InitError } from "../plugin/service.ts";
import { isProps, type Props } from "../plugin/value.ts";
import { create, get, NamespaceMissing, type Operation, relinquish, remove, update } from "./apply.ts";
import { AwaitError, type Wait } from "./await/loop.ts";
import { isAlreadyThere, isMissing, isStatus, NoMatchError, StatusError } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import { isPatch, parseToken } from "./kinds.ts";
import { normalize, prune } from "./normalize.ts";
import { annotation, apiVersionOf, idOf, type KubeObject, kindOf, metadata, nameOf, namespaceOf, parseId, withMetadata } from "./object.ts";
import { holdsUnknown, markSecrets, plainProps } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import { fieldManager, makeState, parseState } from "./state.ts";
import { Status } from "./status.ts";

/** What an operation on one resource may use. */
export interface Context {
  readonly urn: string;
  readonly type: string;
  readonly settings: Settings;
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
  readonly log: (severity: Severity, message: string) => Promise<void>;
}

export interface Made {
  readonly id: string;
  readonly state: Props;
}

const DEFAULT_TIMEOUT = 600;
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Seconds for waiting: the resource's own timeout, else its annotation. */
function timeout(seconds: number, inputs: KubeObject): number {
  if (seconds > 0) return seconds * 1000;
  const written = annotation(inputs, "timeoutSeconds");
  return (/^\d+$/.test(written) ? Number(written) : DEFAULT_TIMEOUT) * 1000;
}

async function wait(
  context: Context,
  status: Status,
  inputs: KubeObject,
  outputs: KubeObject,
  seconds: number,
  last?: KubeObject,
): Promise<Wait> {
  const { client, informers } = await context.cluster.use();
  const log: Wait["log"] = (severity, text) => status.say(severity, text);
  return { client, informers, signal: context.signal, log, timeout: timeout(seconds, inputs), inputs, outputs, last };
}

async function operation(context: Context, status: Status, inputs: KubeObject, manager: string, preview: boolean): Promise<Operation> {
  const { client } = await context.cluster.use();
  return {
    client,
    signal: context.signal,
    log: (text) => status.say("status", text),
    inputs,
    fieldManager: manager,
    preview,
    patch: isPatch(context.type, kindOf(inputs)),
    force: context.settings.force,
  };
}

const reasonsOf = (error: unknown, text: string): string[] => [text, ...(error instanceof AwaitError ? error.reasons : [])];

/** Whether a preview can ask the API server about the inputs. */
async function previewable(context: Context, inputs: KubeObject): Promise<boolean> {
  if (holdsUnknown(inputs) || (await context.cluster.why()) !== undefined) return false;
  try {
    const { client } = await context.cluster.use();
    await client.resource(apiVersionOf(inputs), kindOf(inputs));
    return true;
  } catch {
    // The kind may be one that this very update brings.
    return false;
  }
}

async function reachable(context: Context): Promise<void> {
  const why = await context.cluster.why();
  if (why !== undefined) throw new Error(`configured Kubernetes cluster is unreachable: ${why}`);
}

/** Makes a new object and waits until it is ready. `seconds`: the resource's own timeout, 0 = none. */
export async function createResource(context: Context, given: Props, seconds: number): Promise<Made> {
  const inputs = plainProps(given);
  const status = new Status(context.log);
  const version = apiVersionOf(inputs);
  const manager = fieldManager(inputs, undefined);
  if (context.settings.render !== undefined) {
    const { renderNew } = await import("./render-mode.ts");
    return await renderNew(context, given, inputs, manager, "warning");
  }
  await reachable(context);
  let made: KubeObject;
  try {
    made = await create(await operation(context, status, inputs, manager, false), context.settings.upsert);
  } catch (error) {
    if (error instanceof NoMatchError) {
      throw new Error(
        `creation of resource "${context.urn}" with kind ${version}/${kindOf(inputs)} failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${message(error)}`,
      );
    }
    throw new Error(`resource "${context.urn}" was not successfully created by the Kubernetes API server: ${message(error)}`);
  }
  try {
    const { ready } = await import("./await/await.ts");
    const live = await ready(await wait(context, status, inputs, made, seconds));
    status.clear();
    return { id: idOf(live), state: makeState(inputs, live, given, version, manager) };
  } catch (error) {
    const live = error instanceof AwaitError ? error.object : made;
    const text = `resource "${context.urn}" was successfully created, but the Kubernetes API server reported that it failed to fully initialize or become live: ${message(error)}`;
    throw new InitError(text, idOf(live), makeState(inputs, live, given, version, manager), reasonsOf(error, text));
  }
}

/** What a creation would make, from the server's dry run; undefined = the inputs as they are, since nobody can say more. */
export async function previewCreate(context: Context, given: Props): Promise<Props | undefined> {
  const inputs = plainProps(given);
  if (context.settings.render !== undefined || isPatch(context.type, kindOf(inputs)) || !(await previewable(context, inputs)))
    return undefined;
  const { client } = await context.cluster.use();
  const kind = await client.resource(apiVersionOf(inputs), kindOf(inputs));
  if (kind.namespaced && (await context.cluster.lacks(namespaceOf(inputs)))) return undefined;
  const manager = fieldManager(inputs, undefined);
  const status = new Status(context.log);
  try {
    const { status: _, ...made } = await create(await operation(context, status, inputs, manager, true), context.settings.upsert);
    return makeState(inputs, made, given, apiVersionOf(inputs), manager);
  } catch (error) {
    if (error instanceof NamespaceMissing || isStatus(error, 403) || isAlreadyThere(error) || noDryRun(error)) return undefined;
    throw new Error(`resource "${context.urn}" was not successfully created by the Kubernetes API server: ${message(error)}`);
  }
}

const noDryRun = (error: unknown): boolean => isStatus(error, 400) && error.message.includes("does not support dry run");

/** Changes an object in place and waits until it is ready; in a preview the server only says what would be. */
export async function updateResource(
  context: Context,
  olds: Props,
  given: Props,
  ignored: readonly string[],
  seconds: number,
  preview: boolean,
): Promise<Props> {
  const inputs = normalize(plainProps(given));
  const old = parseState(olds);
  if (preview && (context.settings.render !== undefined || !(await previewable(context, inputs)))) return given;
  const version = old.initialVersion ?? apiVersionOf(old.inputs);
  const managerBefore = fieldManager(old.inputs, old.manager);
  const manager = fieldManager(inputs, old.manager);
  if (context.settings.render !== undefined) {
    const { renderNew } = await import("./render-mode.ts");
    return (await renderNew(context, given, inputs, manager, "status-warning", version)).state;
  }
  if (!preview) await reachable(context);
  const { client } = await context.cluster.use();
  const status = new Status(context.log);
  try {
    const { before, after } = await update(await operation(context, status, inputs, manager, preview), old.live, ignored);
    if (preview) return makeState(inputs, after, given, version, manager);
    const { ready } = await import("./await/await.ts");
    const live = await ready(await wait(context, status, inputs, after, seconds, before));
    status.clear();
    if (managerBefore !== manager) await relinquish(client, live, managerBefore, context.signal);
    return makeState(inputs, live, given, version, manager);
  } catch (error) {
    if (preview && isStatus(error, 403)) return given;
    if (error instanceof NoMatchError) {
      throw new Error(
        `update of resource "${context.urn}" failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: ${message(error)}`,
      );
    }
    let live: KubeObject;
    try {
      // What was cancelled is looked at all the same: its state is to be recorded.
      live = await get(client, old.live, AbortSignal.timeout(30_000));
    } catch (lost) {
      throw new Error(`update of resource "${context.urn}" failed: ${message(error)}\nunable to get cluster state: ${message(lost)}`);
    }
    const text = `the Kubernetes API server reported that "${idOf(live)}" failed to fully initialize or become live: ${message(error)}`;
    throw new InitError(text, idOf(live), makeState(inputs, live, given, version, manager), reasonsOf(error, text));
  }
}

const GONE = 'environment variable set to "true"';
const FORGET = `If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE ${GONE}`;

/** Says that the cluster cannot be used; whether to forget the resource for that. */
async function lost(context: Context, why: string): Promise<boolean> {
  await context.log("warning", `configured Kubernetes cluster is unreachable: ${why}`);
  if (!context.settings.deleteUnreachable) return false;
  await context.log(
    "info",
    "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. Deleting the unreachable resource from Pulumi state",
  );
  return true;
}

export interface Found extends Made {
  readonly inputs: Props;
}

/** The object as it is, with inputs that show what has drifted; undefined = gone. Without inputs and state it is an import. */
export async function readResource(context: Context, id: string, givenInputs: Props, givenState: Props): Promise<Found | undefined> {
  const why = await context.cluster.why();
  if (why !== undefined) {
    if (await lost(context, why)) return undefined;
    if (context.settings.skipUpdateUnreachable) {
      await context.log(
        "info",
        "configured Kubernetes cluster is unreachable and the `skipUnreachable` option is enabled. Returned data could not reflect the actual cluster configuration.",
      );
      return { id, state: givenState, inputs: givenInputs };
    }
    throw new Error(`failed to read resource state due to unreachable cluster. ${FORGET}`);
  }
  const { namespace, name } = parseId(id);
  if (name === "") throw new Error(`failed to read resource because of a failure to parse resource name from request ID: ${id}`);
  const old = parseState(givenState);
  let inputs = normalize(plainProps(givenInputs));
  const imported = apiVersionOf(inputs) === "" && apiVersionOf(old.live) === "";
  if (apiVersionOf(inputs) === "") {
    const { apiVersion, kind } = imported ? parseToken(context.type) : { apiVersion: apiVersionOf(old.live), kind: kindOf(old.live) };
    inputs = withMetadata(
      { ...inputs, apiVersion, kind },
      { name: nameOf(inputs) || name, namespace: namespaceOf(inputs) || namespace || undefined },
    );
  }
  const version = old.initialVersion ?? apiVersionOf(inputs);
  const manager = fieldManager(inputs, old.manager);
  if (context.settings.render !== undefined) {
    return { id, state: makeState(inputs, old.live, givenState, version, manager), inputs: givenInputs };
  }
  const { client } = await context.cluster.use();
  let live: KubeObject;
  try {
    live = await get(client, withMetadata(inputs, { name }), context.signal);
  } catch (error) {
    if (isMissing(error) || error instanceof NoMatchError) return undefined;
    throw error;
  }
  const found = imported ? importedInputs(live) : prune(live, inputs);
  const state = makeState(found, live, givenInputs, version, manager);
  const marked = markSecrets(found, givenInputs);
  if (!imported) {
    const { checkReady } = await import("./await/await.ts");
    const status = new Status(context.log);
    try {
      await checkReady(await wait(context, status, inputs, live, 0));
      status.clear();
    } catch (error) {
      if (!(error instanceof AwaitError)) throw error;
      throw new InitError(error.message, id, state, reasonsOf(error, error.message), marked);
    }
  }
  return { id, state, inputs: marked };
}

/** Inputs that would make the object: without what the API server adds to its metadata, and without its status. */
function importedInputs(live: KubeObject): KubeObject {
  const { status: _, ...rest } = live;
  const dropped = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"];
  const { annotations } = metadata(live);
  let kept = annotations;
  if (isProps(annotations ?? null) && isProps(annotations)) {
    const { "deployment.kubernetes.io/revision": _revision, [LAST_APPLIED]: _applied, ...others } = annotations;
    kept = others;
  }
  return withMetadata(rest, { ...Object.fromEntries(dropped.map((key) => [key, undefined])), annotations: kept });
}

/** Deletes an object and waits until it is gone; one that is gone already is a success. */
export async function deleteResource(context: Context, id: string, given: Props, seconds: number): Promise<void> {
  const { inputs, live, manager, initialVersion } = parseState(given);
  if (context.settings.render !== undefined) {
    const { removeYaml } = await import("./render.ts");
    await context.log("status", `deleted ${removeYaml(live, context.settings.render)}`);
    return;
  }
  const why = await context.cluster.why();
  if (why !== undefined) {
    if (await lost(context, why)) return;
    throw new Error(`configured Kubernetes cluster is unreachable. ${FORGET}`);
  }
  const { client } = await context.cluster.use();
  if (isPatch(context.type, kindOf(inputs))) {
    try {
      await relinquish(client, live, fieldManager(inputs, manager), context.signal);
    } catch (error) {
      const required = error instanceof StatusError && error.code === 422 && error.message.includes("Required value");
      if (!required) throw error;
      const field = error.causes.find((cause) => cause.reason === "FieldValueRequired")?.field ?? "";
      throw new Error(
        `this Patch resource is currently managing a required field, so it can't be deleted directly. Either set the \`retainOnDelete\` resource option, or transfer ownership of the field before deleting: ${field}`,
      );
    }
    return;
  }
  const status = new Status(context.log);
  try {
    if (!(await remove(client, live, parseId(id).name, inputs, context.signal))) return;
    const { deleted } = await import("./await/deletion.ts");
    await deleted(await wait(context, status, inputs, live, seconds), live);
    status.clear();
  } catch (error) {
    if (error instanceof NoMatchError) return;
    if (!(error instanceof AwaitError)) throw error;
    const state = makeState(live, error.object, given, initialVersion ?? "", fieldManager(inputs, manager));
    throw new InitError(error.message, idOf(error.object), state, reasonsOf(error, error.message));
  }
}
