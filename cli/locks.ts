import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { systemCode, UserError } from "./errors.ts";

const lock = z.object({ pid: z.number(), username: z.string(), hostname: z.string(), timestamp: z.coerce.date() });

/** A run of Pulumi that holds, or held when it was killed, a stack. */
export type Lock = z.infer<typeof lock>;

/** Folders of a stack in a `file://` backend that are there; none for other backends, whose locks Pulumi itself tells of. */
function folders(stack: string, backend: string | undefined, ...names: ("locks" | "stacks" | "history")[]): string[] {
  if (!backend?.startsWith("file://")) return [];
  const base = backend.startsWith("file://~")
    ? join(homedir(), backend.slice("file://~".length))
    : fileURLToPath(backend.split("?")[0] ?? "");
  const paths = { locks: `locks/organization/clawfleet/${stack}`, stacks: "stacks/clawfleet", history: `history/clawfleet/${stack}` };
  return names.map((name) => join(base, ".pulumi", paths[name])).filter(existsSync);
}

/** A file's text; empty when it is gone: its run has ended. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  }
}

const written = (file: string) => textOf(file).trimEnd().endsWith("}");

/** The locks of a stack in a `file://` backend: a killed Pulumi leaves its own behind. */
export function locksOf(stack: string, backend = process.env.PULUMI_BACKEND_URL): Lock[] {
  const files = folders(stack, backend, "locks").flatMap((dir) => readdirSync(dir).map((name) => join(dir, name)));
  return files.filter((file) => file.endsWith(".json") && written(file)).map((file) => lock.parse(JSON.parse(textOf(file))));
}

/**
 * Removes files of a stack in a `file://` backend that were never written to their end, on a full disk for instance: locks, and
 * the `.attrs` that the backend keeps beside each file and can do without. Pulumi fails on them for ever. The state is not
 * among them: it gets its name when it is whole.
 *
 * @returns how many
 */
export async function removeUnfinished(stack: string, backend = process.env.PULUMI_BACKEND_URL): Promise<number> {
  const find = () => [
    ...folders(stack, backend, "locks").flatMap((dir) => filesIn(dir, /\.(json|tmp|attrs)$/)),
    ...folders(stack, backend, "stacks", "history").flatMap((dir) => filesIn(dir, /\.attrs$/)),
  ];
  const filesIn = (dir: string, names: RegExp) =>
    readdirSync(dir)
      .filter((name) => names.test(name))
      .map((name) => join(dir, name))
      .filter((file) => !written(file));
  if (find().length === 0) return 0;
  // One that is being written now is done within milliseconds.
  await sleep(500);
  const unfinished = find().filter((file) => Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) >= 500);
  for (const file of unfinished) rmSync(file, { force: true });
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
