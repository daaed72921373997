import { isMissing, pathOf } from "../client.ts";
import type { Subscription } from "../informers.ts";
import { annotation, at, generationOf, idOf, type KubeObject, kindOf, nameOf, namespaceOf, uidOf } from "../object.ts";
import { AwaitError, type Wait } from "./loop.ts";

/** Kinds for which skipAwait holds for deletions too. */
const SKIPS = new Set(["Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"]);

/** Waits until an object that has been deleted is really gone: what it owns goes first. Throws an AwaitError when it stays. */
export async function deleted(wait: Wait, last: KubeObject): Promise<void> {
  const { outputs, client, log } = wait;
  if (annotation(wait.inputs, "skipAwait") === "true" && SKIPS.has(kindOf(outputs))) return;
  const kind = await client.resource(String(outputs.apiVersion), kindOf(outputs));
  const path = pathOf(kind, namespaceOf(outputs), nameOf(outputs));
  const uid = uidOf(last);
  /** Whether it is gone; another one of that name counts as gone. */
  const gone = async (): Promise<boolean> => {
    try {
      const found = await client.json({ method: "GET", path });
      object = found;
      return uid !== "" && uidOf(found) !== uid;
    } catch (error) {
      if (isMissing(error)) return true;
      throw error;
    }
  };
  let object = last;
  let subscription: Subscription | undefined;
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  log("status", "Resource scheduled for deletion");
  try {
    await new Promise<void>((resolve, reject) => {
      const ask = (): void => void gone().then((answer) => (answer ? resolve() : undefined), reject);
      // A namespace of its own is watched among all of them.
      subscription = wait.informers.subscribe(kind, namespaceOf(outputs), {
        event: (event) => {
          if (nameOf(event.object) !== nameOf(outputs)) return;
          if (event.type === "DELETED") resolve();
          else if (generationOf(event.object) >= generationOf(object)) object = event.object;
        },
        refused: (error) => {
          log("status-warning", error.message);
          setTimeout(ask, 1000).unref();
        },
      });
      void subscription.synced.then(ask);
      timer = setTimeout(() => {
        // One last look, as an event may have been missed.
        gone().then((answer) => (answer ? resolve() : reject(stays(object, "timed out waiting for the condition"))), reject);
      }, wait.timeout);
      abort = () => reject(stays(object, "timed out waiting for the condition: context canceled"));
      wait.signal.addEventListener("abort", abort, { once: true });
      if (wait.signal.aborted) abort();
    });
  } catch (error) {
    if (error instanceof AwaitError) {
      const finalizers = at(object, "metadata", "finalizers");
      const names = Array.isArray(finalizers) ? finalizers.join(", ") : "";
      log("warning", `finalizers might be preventing deletion (${names})`);
    }
    throw error;
  } finally {
    clearTimeout(timer);
    if (abort) wait.signal.removeEventListener("abort", abort);
    subscription?.close();
  }
}

const stays = (object: KubeObject, message: string): AwaitError => new AwaitError(message, object, [`${idOf(object)} is still there`]);
