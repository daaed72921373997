import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { folders, textOf, written } from "./backend.ts";
import { systemCode, UserError } from "./errors.ts";

const lock = z.object({ pid: z.number(), username: z.string(), hostname: z.string(), timestamp: z.coerce.date() });

/** A run of Pulumi that holds, or held when it was killed, a stack. */
export type Lock = z.infer<typeof lock>;

/** The locks of a stack in a `file://` backend: a killed Pulumi leaves its own behind. */
export function locksOf(stack: string, backend = process.env.PULUMI_BACKEND_URL): Lock[] {
  const files = folders(stack, backend, "locks").flatMap((dir) => readdirSync(dir).map((name) => join(dir, name)));
  return files.filter((file) => file.endsWith(".json") && written(file)).map((file) => lock.parse(JSON.parse(textOf(file))));
}

/** Whether the lock's process is still at work; unknown (true) when it is another machine's. */
export function alive({ pid, hostname: host }: Lock): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return true;
  // proc(5): pid (program) state. The pid may have been given to another program since; a zombie (Z, X) has ended already.
  const [, program, state] = /\((.*)\) (\w)/s.exec(readFileSync(file, "utf8")) ?? [];
  return program === "pulumi" && state !== "Z" && state !== "X";
}

/**
 * When the oldest killed run on this stack began; undefined when there is none.
 *
 * @throws UserError when a run is still at work.
 */
export function killedRun(stack: string, backend?: string): Date | undefined {
  const locks = locksOf(stack, backend);
  const busy = locks.find(alive);
  if (busy !== undefined) {
    throw new UserError(
      `stack "${stack}" is being changed by pulumi, process ${busy.pid} of ${busy.username} on ${busy.hostname} since ${busy.timestamp.toISOString()}: wait for it, or end it`,
    );
  }
  return locks.map(({ timestamp }) => timestamp).sort((a, b) => a.getTime() - b.getTime())[0];
}
