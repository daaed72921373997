import { setTimeout as sleep } from "node:timers/promises";
import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import type { Launch } from "../../runtimes/runtime.ts";
import { type Cluster, ifThere, reasonOf, statusOf } from "./cluster.ts";
import { component, label, podName } from "./names.ts";
import { type KnownTemplate, trialPod } from "./objects/trial.ts";
import { failureOf, isReady, lastLines, redacted, waitOf } from "./podstate.ts";
import { type KubernetesSettings, readySeconds } from "./settings.ts";

/** Milliseconds between two looks at a trial. */
const INTERVAL = 500;

export interface TrialArgs {
  readonly launch: Launch;
  readonly template: KnownTemplate;
  /** Values that no message may show. */
  readonly secrets: readonly string[];
}

/** Why a claw's next version does not take the place of the one that runs. */
export class TrialFailed extends Error {}

/**
 * Tries a claw's next version in a pod of its own, beside the one that serves. Nothing is tried where nothing serves, or where the
 * version is the one that runs.
 *
 * @param live The claw's StatefulSet as it is; undefined when there is none.
 * @param say Called with a line when a trial begins.
 * @throws TrialFailed when it does not become ready; the claw is then as it was
 */
export async function tryNext(
  cluster: Cluster,
  settings: KubernetesSettings,
  live: V1StatefulSet | undefined,
  next: TrialArgs,
  say: (line: string) => unknown,
): Promise<void> {
  const { namespace } = settings;
  const { claw, runtime } = next.launch;
  if (live === undefined || covers(live.spec?.template, next.template)) return;
  if (!isReady(await ifThere(cluster.core.readNamespacedPod({ name: podName(claw), namespace })))) return;

  const seconds = readySeconds(settings, runtime.health.startupSeconds);
  const fail = (why: string, lines: readonly string[] = []) => {
    const text = [
      `claw "${claw}": its next version does not come up, so the one that runs stays: ${why}`,
      ...lines,
      "Mend it and run up again. To update without a trial: pulumi config set clawfleet:trial false",
    ].join("\n");
    return new TrialFailed(redacted(text, next.secrets));
  };
  say("trying its next version beside the one that runs");
  await removeTrials(cluster, namespace, claw);
  const remove = () => removeTrials(cluster, namespace, claw);
  interrupted.add(remove);
  try {
    const pod = await start(cluster, namespace, trialPod(claw, next.template, seconds + 60)).catch((error: unknown) => {
      if (statusOf(error) === undefined) throw error;
      throw fail(`the cluster refuses its pod: ${reasonOf(error)}`);
    });
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const now = await ifThere(cluster.core.readNamespacedPod({ name: pod.metadata?.name ?? "", namespace }));
      if (now === undefined) throw fail("its trial was removed by somebody else");
      if (isReady(now)) return;
      const why = failureOf(now) ?? (Date.now() > end ? `it is not ready after ${seconds} s: ${waitOf(now)}` : undefined);
      if (why !== undefined) throw fail(why, await lastLines(cluster, now, next.secrets));
      await sleep(INTERVAL);
    }
  } finally {
    await remove();
    interrupted.delete(remove);
  }
}

function start({ core }: Cluster, namespace: string, body: ReturnType<typeof trialPod>): Promise<V1Pod> {
  return core.createNamespacedPod({ namespace, body: { apiVersion: "v1", kind: "Pod", ...body } });
}

/** Also those of a run that was killed. */
async function removeTrials({ core }: Cluster, namespace: string, claw: string): Promise<void> {
  const labelSelector = `${label.component}=${component.trial},${label.claw}=${claw}`;
  await core.deleteCollectionNamespacedPod({ namespace, labelSelector, gracePeriodSeconds: 1 });
}

/** What is still to be removed when the program is told to end. */
const interrupted = new Set<() => Promise<void>>();

/** Removes running trials when the program is interrupted. What it misses, the cluster ends and the next trial removes. */
export function removeTrialsOnInterrupt(): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      const removed = Promise.allSettled([...interrupted].map((remove) => remove()));
      void Promise.race([removed, sleep(3000)]).then(() => process.exit(code));
    });
  }
}

/** Whether a live object has all that is wanted of it. What the cluster has added to it counts for nothing. */
export function covers(live: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) {
    return Array.isArray(live) && live.length === wanted.length && wanted.every((item, i) => covers(live[i], item));
  }
  if (typeof wanted !== "object" || wanted === null) return live === wanted;
  if (typeof live !== "object" || live === null) return Object.keys(wanted).length === 0;
  return Object.entries(wanted).every(([key, value]) => covers(Reflect.get(live, key), value));
}
