import { size, styled, table } from "./terminal.ts";

/** A claw as it is now: the stack's record, and what the target and the runtime itself say. */
export interface ClawStatus {
  readonly name: string;
  readonly runtime: string;
  readonly version: string;
  /** On Docker an address of this machine, on Kubernetes one inside the cluster. */
  readonly url: string;
  /** The container's: `running`, `exited`, ..., or `missing`. */
  readonly state: string;
  readonly healthy: boolean;
  /** The runtime's answer to its health question, or why there is none. */
  readonly answer: string;
  /** Of the claw's processes, as the kernel says; absent when none runs. */
  readonly uid?: number;
  readonly image: { readonly digest: string; readonly bytes?: number };
  /** On Kubernetes the pod. */
  readonly container: string;
  /** On Kubernetes the claim. */
  readonly volume: string;
  /** Of the pod; on Kubernetes only. */
  readonly namespace?: string;
}

/** The statuses as a table for a person. */
export function statusTable(claws: readonly ClawStatus[]): string[] {
  const rows = claws.map(({ name, runtime, version, url, healthy, answer, uid, image }) => [
    name,
    `${runtime} ${version}`,
    url,
    `${styled(healthy ? "green" : "red", healthy ? "healthy" : "NOT HEALTHY")} ${short(answer, 48)}`,
    uid === undefined ? "-" : String(uid),
    image.bytes === undefined ? "-" : size(image.bytes),
    image.digest.replace("sha256:", "").slice(0, 12),
  ]);
  return table([["CLAW", "RUNTIME", "URL", "HEALTH", "UID", "IMAGE", "DIGEST"], ...rows]);
}

function short(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
