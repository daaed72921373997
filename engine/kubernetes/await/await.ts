import { isProps, same } from "../../plugin/value.ts";
import { isMissing, pathOf, StatusError } from "../client.ts";
import { annotation, apiVersionOf, at, type KubeObject, kindOf, list, nameOf, namespaceOf, text } from "../object.ts";
import { AwaitError, type Awaiter, poll, resource, unready, untilDone, type Wait } from "./loop.ts";

const MINUTE = 60_000;

const idOfKind = (it: KubeObject): string => `${apiVersionOf(it)}/${kindOf(it)}`;

/** The awaiter of a kind that has one of its own, loaded when needed. */
async function awaiterOf(wait: Wait): Promise<Awaiter | undefined> {
  switch (idOfKind(wait.outputs)) {
    case "apps/v1/StatefulSet":
      return new (await import("./statefulset.ts")).StatefulSetAwaiter(wait);
    case "apps/v1/Deployment":
      return new (await import("./deployment.ts")).DeploymentAwaiter(wait);
    case "batch/v1/Job":
      return new (await import("./job.ts")).JobAwaiter(wait);
    case "v1/Pod":
      return new (await import("./pod.ts")).PodAwaiter(wait);
    case "v1/Service":
      return new (await import("./service.ts")).ServiceAwaiter(wait);
    default:
      return undefined;
  }
}

/** Kinds that are ready a moment after they are made, and that are asked for until they are. */
async function polled(wait: Wait): Promise<KubeObject> {
  const { outputs } = wait;
  const ask = async (kind: string, limit: number, good: (object: KubeObject) => boolean | Promise<boolean>) =>
    await poll(wait, pathOf(resource("v1", kind), namespaceOf(outputs), nameOf(outputs)), limit, good);
  switch (idOfKind(outputs)) {
    case "v1/PersistentVolume":
      return await ask("PersistentVolume", 5 * MINUTE, (it) => ["Available", "Bound"].includes(text(it, "status", "phase")));
    case "v1/PersistentVolumeClaim": {
      let late: boolean | undefined;
      return await ask("PersistentVolumeClaim", 5 * MINUTE, async (it) => {
        const phase = text(it, "status", "phase");
        if (phase === "Bound") return true;
        late ??= await bindsLate(wait, it);
        return late === true && wait.last === undefined && phase === "Pending";
      });
    }
    case "v1/ReplicationController":
      return await ask("ReplicationController", 10 * MINUTE, (it) => at(it, "status", "availableReplicas") === at(it, "spec", "replicas"));
    case "v1/ResourceQuota":
      return await ask("ResourceQuota", MINUTE, (it) => {
        const hard = at(it, "spec", "hard");
        return isProps(hard) && same(hard, at(it, "status", "hard"));
      });
    case "v1/Secret":
      if (outputs.type !== "kubernetes.io/service-account-token") return outputs;
      return await ask("Secret", 5 * MINUTE, (it) => isProps(it.data) && Object.keys(it.data).length > 0);
    default:
      return outputs;
  }
}

/** Whether the claim's storage class binds when the first pod uses it; undefined while the claim has no class yet. */
async function bindsLate(wait: Wait, claim: KubeObject): Promise<boolean | undefined> {
  const name = text(claim, "spec", "storageClassName");
  if (name === "") return undefined;
  try {
    const found = await wait.client.json({ method: "GET", path: pathOf(resource("storage.k8s.io/v1", "StorageClass"), "", name) });
    return found.volumeBindingMode === "WaitForFirstConsumer";
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    wait.log("status-warning", `getting storageclass "${name}": ${error.message}`);
    return undefined;
  }
}

/** Waits until the object just created or updated is ready; the object then. Throws an AwaitError when it does not become so. */
export async function ready(wait: Wait): Promise<KubeObject> {
  if (annotation(wait.inputs, "skipAwait") === "true") {
    wait.log("status", "Skipping await logic");
    return wait.outputs;
  }
  const waitFor = annotation(wait.outputs, "waitFor");
  if (waitFor !== "") {
    const { parseWaitFor, WaitForAwaiter } = await import("./wait-for.ts");
    const kind = await wait.client.resource(apiVersionOf(wait.outputs), kindOf(wait.outputs));
    let awaiter: Awaiter;
    try {
      awaiter = new WaitForAwaiter(wait, kind, parseWaitFor(waitFor));
    } catch (error) {
      throw new AwaitError(error instanceof Error ? error.message : String(error), wait.outputs);
    }
    try {
      return await untilDone(wait, awaiter);
    } catch (error) {
      if (!(error instanceof AwaitError) || wait.signal.aborted) throw error;
      throw new AwaitError("timed out waiting for the condition", error.object, error.reasons);
    }
  }
  const awaiter = await awaiterOf(wait);
  return awaiter ? await untilDone(wait, awaiter) : await polled(wait);
}

/** Whether the object that a refresh has just read is ready; throws an AwaitError when not. */
export async function checkReady(wait: Wait): Promise<void> {
  if (annotation(wait.inputs, "skipAwait") === "true") return;
  const awaiter = await awaiterOf(wait);
  if (!awaiter) return;
  const [main, ...others] = awaiter.watches;
  main?.event({ type: "ADDED", object: wait.outputs });
  if (kindOf(wait.outputs) === "Service") {
    if (others.length > 0) await feedEndpoints(wait, others[0]);
    if (awaiter.goodEnough?.()) return;
    throw unready(wait.outputs, awaiter.reasons());
  }
  if (awaiter.done()) return;
  // Not ready as far as it says itself: what belongs to it may say why.
  for (const { resource: kind, event } of others) {
    try {
      const found = await wait.client.json({ method: "GET", path: pathOf(kind, namespaceOf(wait.outputs)), signal: wait.signal });
      for (const item of list(found, "items")) event({ type: "ADDED", object: item });
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      wait.log("status-warning", error.message);
    }
  }
  if (!awaiter.done()) throw unready(wait.outputs, awaiter.reasons());
}

async function feedEndpoints(wait: Wait, watch: Awaiter["watches"][number] | undefined): Promise<void> {
  try {
    const path = pathOf(resource("v1", "Endpoints"), namespaceOf(wait.outputs), nameOf(wait.outputs));
    const object = await wait.client.json({ method: "GET", path, signal: wait.signal });
    watch?.event({ type: "ADDED", object });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
