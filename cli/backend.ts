import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemCode } from "./errors.ts";

/*
 * The files of a `file://` backend, as Pulumi 3 lays them out below `.pulumi/`, and what is wrong with them after a disk was full.
 */

type Folder = "locks" | "stacks" | "history" | "backups";

/** Folders of a stack in a `file://` backend that are there; none for other backends, whose locks Pulumi itself tells of. */
export function folders(stack: string, backend: string | undefined, ...names: Folder[]): string[] {
  if (!backend?.startsWith("file://")) return [];
  const base = backend.startsWith("file://~")
    ? join(homedir(), backend.slice("file://~".length))
    : fileURLToPath(backend.split("?")[0] ?? "");
  const paths = {
    locks: `locks/organization/clawfleet/${stack}`,
    stacks: "stacks/clawfleet",
    history: `history/clawfleet/${stack}`,
    backups: `backups/clawfleet/${stack}`,
  };
  return names.map((name) => join(base, ".pulumi", paths[name])).filter(existsSync);
}

/** A file's text; empty when it is gone: its run has ended. */
export function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  }
}

/** Whether a JSON file looks written to its end. */
export const written = (file: string) => textOf(file).trimEnd().endsWith("}");

/**
 * Removes files of a stack in a `file://` backend that were never written to their end, on a full disk for instance: locks, and
 * the `.attrs` that the backend keeps beside each file and can do without. Pulumi fails on them for ever.
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

/**
 * Puts a whole state back where the stack's own is cut off: the newest of those that Pulumi keeps beside it, in the history and
 * in the backups. The cut-off one stays, as `.json.broken`.
 *
 * @returns when the one put back was written; undefined when the state is whole, or there is none to put back.
 */
export function restoreState(stack: string, backend = process.env.PULUMI_BACKEND_URL): Date | undefined {
  const [dir] = folders(stack, backend, "stacks");
  if (dir === undefined) return undefined;
  const file = join(dir, `${stack}.json`);
  if (!existsSync(file) || whole(file)) return undefined;
  const kept = folders(stack, backend, "history", "backups").flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => (folder.includes("/history/") ? name.endsWith(".checkpoint.json") : name.endsWith(".json")))
      .map((name) => join(folder, name)),
  );
  const newest = [`${file}.bak`, ...kept]
    .filter(existsSync)
    .map((path) => ({ path, time: statSync(path).mtime }))
    .sort((a, b) => b.time.getTime() - a.time.getTime())
    .find(({ path }) => whole(path));
  if (newest === undefined) return undefined;
  writeFileSync(`${file}.new`, readFileSync(newest.path));
  renameSync(file, `${file}.broken`);
  renameSync(`${file}.new`, file);
  return newest.time;
}

function whole(file: string): boolean {
  try {
    JSON.parse(readFileSync(file, "utf8"));
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
