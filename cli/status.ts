import { statusTable } from "./claws.ts";
import { Stack } from "./stack.ts";
import { note, say } from "./terminal.ts";

/**
 * How the stack's claws are now. With `json`, stdout is a list of ClawStatus.
 *
 * @returns exit code 0 when there are claws and all are well
 */
export async function status(stackName: string, json: boolean): Promise<number> {
  const stack = await Stack.read(stackName);
  const { inventory } = stack;
  const claws = inventory.length > 0 ? await (await stack.target()).statuses(inventory, false) : [];
  if (json) say(JSON.stringify(claws, null, 2));
  else if (claws.length === 0) note(`no claws in stack "${stackName}": clawfleet up`);
  else for (const line of statusTable(claws)) say(line);
  return claws.length > 0 && claws.every(({ healthy }) => healthy) ? 0 : 1;
}
