import { Stack } from "./stack.ts";

/** Copies a claw's log to stdout and stderr. */
export async function logs(stackName: string, claw: string, follow: boolean, tail: number): Promise<number> {
  const target = await (await Stack.read(stackName)).target();
  await target.logs(claw, tail, follow);
  return 0;
}
