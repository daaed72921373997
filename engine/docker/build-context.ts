import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join, posix, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import dockerignore from "@balena/dockerignore";
import { pack } from "tar-stream";

export interface BuildContext {
  readonly directory: string;
  /** Dockerfile's path in the context, with forward slashes. */
  readonly dockerfile: string;
  /** Patterns of what stays out. */
  readonly patterns: readonly string[];
}

async function textIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Finds a build's parts: `dockerfile` is relative to the context. Patterns come from `<dockerfile>.dockerignore`, else from `.dockerignore`.
 * Throws an error for people when the directory or the Dockerfile is missing.
 */
export async function findContext(directory: string, dockerfile: string): Promise<BuildContext> {
  const root = resolve(directory);
  const known = await stat(root).catch(() => undefined);
  if (!known?.isDirectory()) throw new Error(`build context '${directory}' is not a directory (looked at ${root})`);
  const file = relative(root, resolve(root, dockerfile)).split(sep).join(posix.sep);
  if (file.startsWith("../") || file === "..")
    throw new Error(`Dockerfile '${dockerfile}' is outside the build context '${directory}': move it into the context`);
  const there = await stat(join(root, file)).catch(() => undefined);
  if (!there?.isFile()) throw new Error(`Dockerfile '${dockerfile}' does not exist in the build context '${directory}'`);
  const ignore = (await textIfThere(join(root, `${file}.dockerignore`))) ?? (await textIfThere(join(root, ".dockerignore"))) ?? "";
  return {
    directory: root,
    dockerfile: file,
    patterns: ignore.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#")),
  };
}

/** Paths of all that belongs to the context, with forward slashes, sorted. */
export async function listContext(context: BuildContext): Promise<string[]> {
  const matcher = dockerignore.default().add([...context.patterns]);
  // Below an ignored directory only an exception can bring something back.
  const exceptions = context.patterns.some((pattern) => pattern.trim().startsWith("!"));
  const paths: string[] = [];
  const walk = async (directory: string): Promise<void> => {
    const found = await readdir(join(context.directory, directory), { withFileTypes: true });
    for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      const kept = !matcher.ignores(path) || path === context.dockerfile;
      if (entry.isDirectory()) {
        const before = paths.length;
        if (kept) paths.push(path);
        if (kept || exceptions || context.dockerfile.startsWith(`${path}/`)) await walk(path);
        // The parents of what an exception brought back belong to it.
        if (!kept && paths.length > before) paths.splice(before, 0, path);
      } else if (kept && (entry.isFile() || entry.isSymbolicLink())) paths.push(path);
    }
  };
  await walk("");
  return paths;
}

/** The context as a tar stream. Everything in it belongs to root; a failure to read destroys the stream with that error. */
export function packContext(context: BuildContext): Readable {
  const tar = pack();
  const fill = async (): Promise<void> => {
    for (const path of await listContext(context)) {
      const full = join(context.directory, path);
      const info = await lstat(full);
      const header = { name: path, mode: info.mode & 0o7777, mtime: new Date(Math.floor(info.mtimeMs / 1000) * 1000), uid: 0, gid: 0 };
      if (info.isSymbolicLink()) tar.entry({ ...header, type: "symlink", linkname: await readlink(full) });
      else if (info.isDirectory()) tar.entry({ ...header, name: `${path}/`, type: "directory" });
      else if (info.size === 0) tar.entry({ ...header, size: 0 }, "");
      else await pipeline(createReadStream(full, { end: info.size - 1 }), tar.entry({ ...header, size: info.size }));
    }
    tar.finalize();
  };
  // A new error: the system's code in the old one would read as one of the connection to the daemon.
  fill().catch((error: unknown) =>
    tar.destroy(new Error(`build context ${context.directory}: ${error instanceof Error ? error.message : String(error)}`)),
  );
  return tar;
}
