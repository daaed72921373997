import type { Launch } from "../../runtimes/runtime.ts";

/*
 * Names and labels on the daemon. The command line finds a stack's containers by them, so they are in one place.
 */

/** Label keys of everything that belongs to a claw. */
export const label = {
  managed: "dev.clawfleet.managed",
  stack: "dev.clawfleet.stack",
  claw: "dev.clawfleet.claw",
  runtime: "dev.clawfleet.runtime",
} as const;

/** Name of a claw's container and of its network. A claw has no dot in its name, so that no two stacks can mean the same. */
export function containerName(stack: string, claw: string): string {
  return `clawfleet-${stack}.${claw}`;
}

/** Name of the volume with a claw's state. */
export function volumeName(stack: string, claw: string): string {
  return `${containerName(stack, claw)}-state`;
}

/** Labels of all that belongs to a claw, sorted by key. */
export function labelsOf(stack: string, { claw, runtime }: Launch): { label: string; value: string }[] {
  return [
    { label: label.claw, value: claw },
    { label: label.managed, value: "true" },
    { label: label.runtime, value: runtime.name },
    { label: label.stack, value: stack },
  ];
}
