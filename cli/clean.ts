import { confirmed, destroy } from "./down.ts";
import { Stack } from "./stack.ts";
import { note } from "./terminal.ts";

/**
 * Removes all that a stack has on its target, with all data. Asks first. The stack itself, its config and secrets stay.
 */
export async function clean(stackName: string, yes: boolean): Promise<number> {
  const stack = await Stack.read(stackName);
  const target = await stack.target();
  const data = await target.data();
  const what = data.length > 0 ? `the data of ${data.length} claws (${data.join(", ")})` : "no data";
  if (!(await confirmed(`Removes stack "${stackName}" from ${target.place}, with ${what}. Go on?`, yes))) {
    note("nothing is changed");
    return 1;
  }
  if (stack.state !== undefined) {
    const code = await destroy(stack, target);
    if (code !== 0) return code;
  }
  await target.removeRest();
  return 0;
}
