import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative, sep } from "node:path";
import dockerignore from "@balena/dockerignore";

/**
 * Hash of the files that an image build sees: its Dockerfile, that one's `.dockerignore`, and all of the context that is
 * not ignored. Modes and times do not count, so that every checkout of a commit gives the same.
 *
 * @param context The build context's directory.
 * @param dockerfile Path of the Dockerfile in it; its ignore file is `<dockerfile>.dockerignore`.
 * @returns 64 hexadecimal digits
 */
export function contextHash(context: string, dockerfile: string): string {
  const ignoreFile = `${dockerfile}.dockerignore`;
  const text = existsSync(join(context, ignoreFile)) ? readFileSync(join(context, ignoreFile), "utf8") : "";
  const rules = dockerignore.default().add(text.split(/\r?\n/));
  const files = readdirSync(context, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ path: relative(context, join(entry.parentPath, entry.name)).split(sep).join("/"), link: entry.isSymbolicLink() }))
    .filter(({ path }) => path === dockerfile || path === ignoreFile || !rules.ignores(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const hash = createHash("sha256");
  for (const { path, link } of files) {
    const content = link ? readlinkSync(join(context, path)) : readFileSync(join(context, path));
    hash.update(`${path}\0${link ? "link" : "file"}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}
