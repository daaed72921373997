import type { CoreV1Event, V1Pod } from "@kubernetes/client-node";
import { CONTAINER } from "../../components/kubernetes/names.ts";

/*
 * What objects of the API server say, in few words. Pure.
 */

/** The claw's container in its pod. */
const containerOf = (pod: V1Pod) => pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER);

/** A claw's state in one word: `running`, or what keeps it from running (`CrashLoopBackOff`, `pending`, `missing`). */
export function stateOf(pod: V1Pod | undefined): string {
  if (pod === undefined) return "missing";
  if (pod.metadata?.deletionTimestamp !== undefined) return "terminating";
  const state = containerOf(pod)?.state;
  if (state?.running !== undefined) return "running";
  if (state?.waiting !== undefined) return state.waiting.reason ?? "waiting";
  if (state?.terminated !== undefined) return state.terminated.reason ?? "terminated";
  return pod.status?.phase?.toLowerCase() ?? "unknown";
}

export function isReady(pod: V1Pod | undefined): boolean {
  if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) return false;
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/** Why a pod is not ready, for a person: `CrashLoopBackOff, restarted 3 times, exit code 1`. */
export function troubleOf(pod: V1Pod): string {
  const container = containerOf(pod);
  const { waiting, terminated } = container?.state ?? {};
  const exit = (terminated ?? container?.lastState?.terminated)?.exitCode;
  const killed =
    (terminated ?? container?.lastState?.terminated)?.reason === "OOMKilled" ? "killed: it used more memory than its limit" : "";
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  const restarts = container?.restartCount ?? 0;
  const parts = [
    stateOf(pod) === "running" ? "running, not ready" : stateOf(pod),
    unscheduled?.message ?? "",
    waiting?.message ?? "",
    killed,
    restarts > 0 ? `restarted ${restarts} ${restarts === 1 ? "time" : "times"}` : "",
    exit === undefined ? "" : `exit code ${exit}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

const timeOf = ({ lastTimestamp, eventTime, firstTimestamp, metadata }: CoreV1Event): number =>
  new Date(lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp ?? 0).getTime();

/**
 * The newest events of these objects, a line each, oldest first.
 *
 * @param names Of a claw's pod, its StatefulSet and its claim.
 */
export function eventLines(events: readonly CoreV1Event[], names: readonly string[], lines: number): string[] {
  return events
    .filter(({ involvedObject }) => names.includes(involvedObject.name ?? ""))
    .sort((a, b) => timeOf(a) - timeOf(b))
    .map(({ type, reason, message, count }) => {
      const times = count !== undefined && count > 1 ? ` (${count} times)` : "";
      return `${type ?? "Normal"} ${reason ?? ""}${times}: ${(message ?? "").replace(/\s+/g, " ").trim()}`;
    })
    .slice(-lines);
}

/**
 * The uid of a claw's processes, from the `/proc/<pid>/status` of all in its pod: the lowest, so that root does not hide behind others.
 * The pause process is the cluster's, and `sh` and `cat` are who asks.
 */
export function uidIn(statuses: string): number | undefined {
  const uids = statuses.split(/^(?=Name:)/m).flatMap((one) => {
    const name = /^Name:\s+(\S+)/.exec(one)?.[1];
    const uid = /^Uid:\s+(\d+)/m.exec(one)?.[1];
    return name === undefined || uid === undefined || ["pause", "sh", "cat"].includes(name) ? [] : [Number(uid)];
  });
  return uids.length === 0 ? undefined : Math.min(...uids);
}

/** A text without these values. Longer ones first: one may be a part of another. */
export function redacted(text: string, values: readonly string[]): string {
  return [...values]
    .filter((value) => value !== "")
    .sort((a, b) => b.length - a.length)
    .reduce((all, value) => all.replaceAll(value, "***"), text);
}
