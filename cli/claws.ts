import type Docker from "dockerode";
import { loadRuntimes } from "../runtimes/index.ts";
import { ifThere, textOf } from "./docker.ts";
import { dockerStatus } from "./errors.ts";
import { awaitHealth, type Health } from "./health.ts";
import type { Inventory } from "./pulumi.ts";
import { size, styled, table } from "./terminal.ts";

/** A claw as it is now: the stack's record, and what the daemon and the runtime itself say. */
export interface ClawStatus {
  readonly name: string;
  readonly runtime: string;
  readonly version: string;
  readonly url: string;
  /** The container's: `running`, `exited`, ..., or `missing`. */
  readonly state: string;
  readonly healthy: boolean;
  /** The runtime's answer to its health question, or why there is none. */
  readonly answer: string;
  /** Of the claw's processes, as the kernel says; absent when none runs. */
  readonly uid?: number;
  readonly image: { readonly digest: string; readonly bytes?: number };
  readonly container: string;
  readonly volume: string;
}

/**
 * Asks Docker and each claw.
 *
 * @param patient true = a claw may use up its startup time before its answer counts.
 */
export async function clawStatuses(docker: Docker, inventory: Inventory, patient: boolean): Promise<ClawStatus[]> {
  const runtimes = await loadRuntimes(inventory.map(({ runtime }) => runtime));
  return await Promise.all(
    inventory.map(async ({ name, runtime, version, url, healthUrl, imageDigest, container, volume }) => {
      const state = (await ifThere(docker.getContainer(container).inspect()))?.State.Status ?? "missing";
      const expected = runtimes.get(runtime)?.descriptor.health;
      const deadline = Date.now() + (patient ? (expected?.startupSeconds ?? 0) * 1000 : 0);
      const running = state === "running" && expected !== undefined;
      const health: Health = running ? await awaitHealth(healthUrl, expected, deadline) : { healthy: false, answer: state };
      const uid = running ? await uidOf(docker, docker.getContainer(container)) : undefined;
      const bytes = (await ifThere(docker.getImage(imageDigest).inspect()))?.Size;
      const image = { digest: imageDigest, ...(bytes !== undefined && { bytes }) };
      return { name, runtime, version, url, state, ...health, ...(uid !== undefined && { uid }), image, container, volume };
    }),
  );
}

/**
 * The uid of a container's first process, in the kernel's words; undefined when it cannot be asked (it is just ending, or
 * its image has no `cat`). `docker top` would do, but needs cgroups, which a rootless daemon may not have.
 */
async function uidOf(docker: Docker, container: Docker.Container): Promise<number | undefined> {
  try {
    const exec = await container.exec({ Cmd: ["cat", "/proc/1/status"], AttachStdout: true });
    const uid = /^Uid:\s+(\d+)/m.exec(await textOf(docker, await exec.start({})))?.[1];
    return uid === undefined ? undefined : Number(uid);
  } catch (error) {
    if (dockerStatus(error) === undefined) throw error;
    return undefined;
  }
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
