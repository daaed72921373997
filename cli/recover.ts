import { killedRun } from "./locks.ts";
import { askPulumi, failingSince } from "./pulumi.ts";
import type { Stack } from "./stack.ts";
import type { Target } from "./target.ts";
import { note } from "./terminal.ts";

/**
 * Repairs what a killed or failed run left behind, so that the next one converges: the lock of a process that is gone,
 * begun operations, and things that were made but never got into the state. Data is never touched.
 *
 * @param claws Those that are to come up.
 * @returns true when the next run must look at the target first (`--refresh`).
 * @throws UserError when another run is at work, or something in the way may not be ours.
 */
export async function recover(stack: Stack, target: Target, claws: readonly string[]): Promise<boolean> {
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
  // A few seconds of slack: the target's clock counts whole seconds.
  const unnoted = (claw: string, kind: string, created: Date) =>
    begun.has(`${claw}-${kind}`) || (since !== undefined && created.getTime() >= since.getTime() - 2000);
  await target.removeUnnoted(unnoted, claws);
  if (pending.length > 0) {
    note(
      `compares the state with ${target.kind === "docker" ? "the daemon" : "the cluster"}: the last run ended in the middle of something`,
    );
    await askPulumi(["refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", name]);
    return false;
  }
  return since !== undefined;
}
