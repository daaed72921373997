import { log, type Resource } from "@pulumi/pulumi";
import { type Cluster, ifThere } from "./cluster.ts";
import { podName } from "./names.ts";
import { failureOf, isReady, lastLines, redacted, waitOf } from "./podstate.ts";
import { type KubernetesSettings, readySeconds } from "./settings.ts";
import { covers, type TrialArgs } from "./trial.ts";

/** Milliseconds between two looks at a claw that is not ready yet. */
const INTERVAL = 3000;

/** Milliseconds before its time is over at which a claw that only waits is spoken of. */
const BEFORE_END = 10_000;

/**
 * Says why a claw that the provider waits for does not become ready, with the last lines of its log: the provider itself waits
 * out its whole time, and knows no log.
 *
 * @param claw The resource that the messages are of: one that is registered.
 * @returns what ends it
 */
export function watchClaw(cluster: Cluster, settings: KubernetesSettings, next: TrialArgs, claw: Resource): () => void {
  const { namespace } = settings;
  const name = podName(next.launch.claw);
  const end = Date.now() + readySeconds(settings, next.launch.runtime.health.startupSeconds) * 1000 - BEFORE_END;
  const said = new Set<string>();
  const look = async () => {
    const pod = await ifThere(cluster.core.readNamespacedPod({ name, namespace }));
    // The one before it is still there for a while.
    if (pod === undefined || isReady(pod) || !covers(pod.spec?.containers, next.template.spec.containers)) return;
    const why = failureOf(pod) ?? (Date.now() > end ? waitOf(pod) : undefined);
    // Counts and times in it change with each restart.
    const kind = why?.replace(/\d+/g, "");
    if (why === undefined || kind === undefined || said.has(kind)) return;
    said.add(kind);
    const lines = await lastLines(cluster, pod, next.secrets);
    const text = [`claw "${next.launch.claw}" is not ready: ${why}`, ...lines].join("\n");
    await log.warn(redacted(text, next.secrets), claw);
  };
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    look()
      // Whatever keeps us from looking is the provider's to report: it waits for the same pod.
      .catch((error: unknown) => log.debug(`cannot look at ${name}: ${String(error)}`, claw))
      .finally(() => {
        busy = false;
      });
  }, INTERVAL);
  // A program that has nothing else to wait for ends.
  timer.unref();
  return () => clearInterval(timer);
}
