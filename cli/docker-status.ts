import type Docker from "dockerode";
import { loadRuntimes } from "../runtimes/index.ts";
import type { ClawStatus } from "./claws.ts";
import { ifThere, textOf } from "./docker.ts";
import { dockerStatus } from "./errors.ts";
import { awaitHealth, type Health } from "./health.ts";
import type { Inventory } from "./pulumi.ts";

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
