import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { systemCode, UserError } from "./errors.ts";

const lock = z.object({ pid: z.number(), username: z.string(), hostname: z.string(), timestamp: z.coerce.date() });

/** A run of Pulumi that holds, or held when it was killed, a stack. */
export type Lock = z.infer<typeof lock>;

/** Where a `file://` backend keeps a stack's locks; undefined for other backends, whose locks Pulumi itself tells of. */
function lockDir(stack: string, backend: string | undefined): string | undefined {
  if (!backend?.startsWith("file://")) return undefined;
  const base = backend.startsWith("file://~")
    ? join(homedir(), backend.slice("file://~".length))
    : fileURLToPath(backend.split("?")[0] ?? "");
  const dir = join(base, ".pulumi/locks/organization/clawfleet", stack);
  return existsSync(dir) ? dir : undefined;
}

/** A lock file's content; undefined when it was not written to its end. */
function readLock(file: string): Lock | undefined {
  const text = readFileSync(file, "utf8");
  return text.trimEnd().endsWith("}") ? lock.parse(JSON.parse(text)) : undefined;
}

/** The locks of a stack in a `file://` backend: a killed Pulumi leaves its own behind. */
export function locksOf(stack: string, backend = process.env.PULUMI_BACKEND_URL): Lock[] {
  const dir = lockDir(stack, backend);
  if (dir === undefined) return [];
  const files = readdirSync(dir).filter((name) => name.endsWith(".json"));
  return files.map((name) => readLock(join(dir, name))).filter((one) => one !== undefined);
}

/**
 * Removes lock files that were never written to their end, on a full disk for instance: Pulumi fails on them for ever.
 *
 * @returns how many
 */
export function removeUnfinishedLocks(stack: string, backend = process.env.PULUMI_BACKEND_URL): number {
  const dir = lockDir(stack, backend);
  if (dir === undefined) return 0;
  const unfinished = readdirSync(dir)
    .map((name) => join(dir, name))
    .filter((file) => /\.(json|tmp)$/.test(file) && readLock(file) === undefined)
    // One that is being written now is done within milliseconds.
    .filter((file) => Date.now() - statSync(file).mtimeMs > 500);
  for (const file of unfinished) rmSync(file);
  return unfinished.length;
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
