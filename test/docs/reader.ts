import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { endGroup, start, type TestStack } from "../docker/stack.ts";
import type { Run } from "./commands.ts";

/** Runs a line in the checkout as a reader of the documents would. */
export type Shell = (line: string, stdin?: string) => Promise<{ code: number; out: string }>;

/** A reader's shell on a stack and a local state of its own; all but `make` is run where the environment is sourced, as in `make shell`. */
export function readerOf({ env, dir }: TestStack): Shell {
  // Pulumi's home holds the plugins, which are shared, and which stack is selected, which is not.
  const home = env.PULUMI_HOME ?? join(homedir(), ".pulumi");
  mkdirSync(join(dir, "home"));
  symlinkSync(join(home, "plugins"), join(dir, "home/plugins"));
  Object.assign(env, { DIR: dir, CLAWFLEET_STATE: join(dir, "local"), PULUMI_HOME: join(dir, "home") });
  // What an outer `make test ARGS=...` and its vitest hand down is not for the runs within; what is set here is the user's own.
  for (const name of Object.keys(env))
    if (/^(MAKE|MFLAGS|VITEST|CLAWFLEET_ENV_SET$|ARGS$|FLEET$|CLAW$|STACK$)/.test(name)) delete env[name];
  return async (line, stdin = "") => {
    writeFileSync(join(dir, "stdin"), stdin);
    const sourced = /^(make|\.) /.test(line) ? line : `. "$CLAWFLEET_STATE/env"; ${line}`;
    const running = start(["bash", "-c", `exec <"$DIR/stdin"; ${sourced}`], env, 280);
    try {
      return await running.done;
    } finally {
      endGroup(running.process, "SIGKILL");
    }
  };
}

/** What is wrong with how a command of the documents has ended; undefined when nothing is. */
export async function wrong(shell: Shell, { command, as, stdin, codes = [0], prints }: Run): Promise<string | undefined> {
  const { code, out } = await shell(as?.[0] ?? command, stdin);
  if (!codes.includes(code)) return `ended with ${code}:\n${out}`;
  if (!prints.test(out)) return `did not print ${prints}:\n${out}`;
  return out.includes("canary") ? `printed a secret:\n${out}` : undefined;
}
