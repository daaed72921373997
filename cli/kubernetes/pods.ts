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

/** Processes of a pod that are not the claw's: Kubernetes' own, what looks, and what the node is just starting in there, which is root until it has become the claw's user. */
const OTHERS = /^(pause|sh|cat|runc.*)$/;

/**
 * The uid of a claw's processes, from the `/proc/<pid>/status` of all in its pod: the lowest, so that root does not hide behind others.
 * The pause process is the cluster's, and `sh` and `cat` are who asks.
 */
export function uidIn(statuses: string): number | undefined {
  const uids = statuses.split(/^(?=Name:)/m).flatMap((one) => {
    const name = /^Name:\s+(\S+)/.exec(one)?.[1];
    const uid = /^Uid:\s+(\d+)/m.exec(one)?.[1];
    return name === undefined || uid === undefined || OTHERS.test(name) ? [] : [Number(uid)];
  });
  return uids.length === 0 ? undefined : Math.min(...uids);
}
