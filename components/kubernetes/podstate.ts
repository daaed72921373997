import type { V1Pod } from "@kubernetes/client-node";
import type { Cluster } from "./cluster.ts";
import { reasonOf } from "./cluster.ts";
import { CONTAINER } from "./names.ts";

/** Reasons for which a container waits that no waiting mends. */
const HOPELESS = new Set([
  "CreateContainerConfigError",
  "CreateContainerError",
  "ErrImageNeverPull",
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "RunContainerError",
]);

/** Lines of a log that a message shows. */
const LINES = 15;

const containerOf = (pod: V1Pod) => pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER);

export function isReady(pod: V1Pod | undefined): boolean {
  if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) return false;
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/** Why a pod will not become ready as it is; undefined while it still may. */
export function failureOf(pod: V1Pod): string | undefined {
  const { state, lastState, restartCount = 0 } = containerOf(pod) ?? {};
  const ended = state?.terminated ?? (restartCount > 0 ? lastState?.terminated : undefined);
  if (ended !== undefined) {
    const how = ended.reason === "OOMKilled" ? "it used more memory than its limit" : `exit code ${ended.exitCode}`;
    return restartCount > 0 ? `it ended (${how}) and was restarted ${restartCount} times` : `it ended (${how})`;
  }
  const reason = state?.waiting?.reason;
  if (reason !== undefined && HOPELESS.has(reason)) return oneLine(`${reason}: ${state?.waiting?.message ?? ""}`);
  if (pod.status?.phase === "Failed") return oneLine(`${pod.status.reason ?? "Failed"}: ${pod.status.message ?? ""}`);
  return undefined;
}

/** What a pod waits for that is not ready. */
export function waitOf(pod: V1Pod): string {
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (unscheduled !== undefined) return oneLine(unscheduled.message ?? "no node takes it");
  const { state } = containerOf(pod) ?? {};
  if (state?.running !== undefined) return "it runs, but does not answer its health check";
  return oneLine(`${state?.waiting?.reason ?? pod.status?.phase ?? "nothing is known of it"} ${state?.waiting?.message ?? ""}`);
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

/** The last lines of a pod's log, each with a bar before it, without the values of secrets. */
export async function lastLines({ core }: Cluster, pod: V1Pod, secrets: readonly string[]): Promise<string[]> {
  const { name = "", namespace = "" } = pod.metadata ?? {};
  try {
    const previous = containerOf(pod)?.state?.waiting !== undefined && (containerOf(pod)?.restartCount ?? 0) > 0;
    const text = await core.readNamespacedPodLog({ name, namespace, container: CONTAINER, tailLines: LINES, previous });
    return redacted(text, secrets)
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => `  | ${line.trimEnd()}`);
  } catch (error) {
    // A container that never started has no log, and the reason for that is said already.
    return containerOf(pod)?.containerID === undefined ? [] : [`  | (its log cannot be read: ${reasonOf(error)})`];
  }
}

/** A text without these values; longer ones first, since one may be a part of another. */
export function redacted(text: string, values: readonly string[]): string {
  return values
    .filter((value) => value !== "")
    .sort((a, b) => b.length - a.length)
    .reduce((all, value) => all.replaceAll(value, "***"), text);
}
