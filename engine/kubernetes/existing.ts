import { InitError } from "../plugin/service.ts";
import { isProps, type Props } from "../plugin/value.ts";
import { get, relinquish, remove } from "./apply.ts";
import { AwaitError } from "./await/loop.ts";
import { isMissing, NoMatchError, StatusError } from "./client.ts";
import { type Context, type Made, reasonsOf, wait } from "./context.ts";
import { isPatch, parseToken } from "./kinds.ts";
import { normalize, prune } from "./normalize.ts";
import { apiVersionOf, idOf, type KubeObject, kindOf, metadata, nameOf, namespaceOf, parseId, withMetadata } from "./object.ts";
import { markSecrets, plainProps } from "./secrets.ts";
import { fieldManager, makeState, parseState } from "./state.ts";
import { Status } from "./status.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
const FORGET =
  "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the " +
  'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"';

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
  if (isProps(annotations)) {
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
