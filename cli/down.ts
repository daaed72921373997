import { UserError } from "./errors.ts";
import { typed } from "./next.ts";
import { showPulumi } from "./pulumi.ts";
import { recover } from "./recover.ts";
import { Stack } from "./stack.ts";
import type { Target } from "./target.ts";
import { note, say } from "./terminal.ts";

/** Removes what runs of a stack; its data stays. */
export async function down(stackName: string): Promise<number> {
  const stack = await Stack.read(stackName);
  if (stack.state === undefined) {
    note(`there is no stack "${stackName}": nothing to do`);
    return 0;
  }
  const target = await stack.target();
  const code = await destroy(stack, target);
  if (code !== 0) return code;
  const data = await target.data();
  if (data.length > 0) {
    const also = target.keeps === undefined ? "" : ` (and ${target.keeps})`;
    const [up, clean] = [typed("up", stackName), typed("clean", stackName)];
    const width = Math.max(up.length, clean.length);
    say(
      `\nKept, with all data: ${data.join(", ")}${also}\n  ${up.padEnd(width)}  starts the claws on them again\n  ${clean.padEnd(width)}  removes them`,
    );
  }
  return 0;
}

/** Runs `pulumi destroy` after what a killed run left is repaired. */
export async function destroy(stack: Stack, target: Target): Promise<number> {
  const refresh = await recover(stack, target, []);
  const code = await showPulumi(["destroy", "--yes", "--skip-preview", "--stack", stack.name, ...(refresh ? ["--refresh"] : [])]);
  if (code !== 0) for (const line of await target.hindrances()) note(line);
  if (code !== 0) note("Not all is removed. Set right what is said above and run the command again: it goes on from here.");
  return code;
}

/** Asks on the terminal; without one only `yes` says yes. */
export async function confirmed(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw new UserError(`${question} There is no terminal to ask on: say --yes`, 2);
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
