import type Docker from "dockerode";
import { containerName, label } from "../components/docker/names.ts";
import { findContainers } from "./docker.ts";
import { UserError } from "./errors.ts";
import { killedRun } from "./locks.ts";
import { askPulumi, failingSince } from "./pulumi.ts";
import type { Stack } from "./stack.ts";
import { note } from "./terminal.ts";

/**
 * Repairs what a killed or failed run left behind, so that the next one converges: the lock of a process that is gone,
 * begun operations, and containers and networks that were made but never got into the state. Volumes are never touched.
 *
 * @returns true when the next run must look at the daemon first (`--refresh`).
 * @throws UserError when another run is at work, or something in the way may not be ours.
 */
export async function recover(stack: Stack, docker: Docker, claws: readonly string[]): Promise<boolean> {
  const { name } = stack;
  const killed = killedRun(name);
  if (killed !== undefined) {
    note("the last run on this stack was killed: releases its lock");
    await askPulumi(["cancel", "--yes", "--stack", name]);
  }
  const since = [killed, stack.restored, await failingSince(name)]
    .filter((date) => date !== undefined)
    .sort((a, b) => a.getTime() - b.getTime())[0];
  const pending = stack.state?.pending_operations ?? [];
  const begun = new Set(pending.map(({ resource }) => resource.urn.split("::").at(-1)));
  // A few seconds of slack: the daemon's clock counts whole seconds.
  const ours = (claw: string, kind: string, created: Date) =>
    begun.has(`${claw}-${kind}`) || (since !== undefined && created.getTime() >= since.getTime() - 2000);

  for (const container of await findContainers(docker, name)) {
    if (stack.knows("container:Container", container.id)) continue;
    if (ours(container.claw, "container", container.created)) {
      note(`removes ${container.name}: the last run made it but ended before it was noted (its volume is kept)`);
      await docker.getContainer(container.id).remove({ force: true });
    } else if (claws.some((claw) => containerName(name, claw) === container.name)) {
      throw new UserError(
        `the container ${container.name} exists, but this stack's state does not know it. If it is a leftover: docker rm -f ${container.name} (its volume is kept). If another stack named "${name}" runs it, choose another name: --stack`,
      );
    }
  }
  for (const network of await docker.listNetworks({ filters: { label: [`${label.stack}=${name}`] } })) {
    if (stack.knows("network:Network", network.Id)) continue;
    if (!ours(network.Labels?.[label.claw] ?? "", "network", new Date(network.Created))) continue;
    note(`removes the network ${network.Name}: the last run made it but ended before it was noted`);
    await docker.getNetwork(network.Id).remove();
  }
  if (pending.length > 0) {
    note("compares the state with the daemon: the last run ended in the middle of something");
    await askPulumi(["refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", name]);
    return false;
  }
  return since !== undefined;
}
