import { InitError } from "../plugin/service.ts";
import type { Props } from "../plugin/value.ts";
import { create, get, NamespaceMissing, type Operation, relinquish, update } from "./apply.ts";
import { AwaitError } from "./await/loop.ts";
import { isAlreadyThere, isStatus, NoMatchError } from "./client.ts";
import { type Context, type Made, message, reasonsOf, wait } from "./context.ts";
import { isPatch } from "./kinds.ts";
import { normalize } from "./normalize.ts";
import { apiVersionOf, idOf, type KubeObject, kindOf, namespaceOf } from "./object.ts";
import { holdsUnknown, plainProps } from "./secrets.ts";
import { fieldManager, makeState, parseState } from "./state.ts";
import { Status } from "./status.ts";

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
