import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative, sep } from "node:path";

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
  const ignored = existsSync(join(context, ignoreFile)) ? ignoreRule(readFileSync(join(context, ignoreFile), "utf8")) : () => false;
  const files = readdirSync(context, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ path: relative(context, join(entry.parentPath, entry.name)).split(sep).join("/"), link: entry.isSymbolicLink() }))
    .filter(({ path }) => path === dockerfile || path === ignoreFile || !ignored(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const hash = createHash("sha256");
  for (const { path, link } of files) {
    const content = link ? readlinkSync(join(context, path)) : readFileSync(join(context, path));
    hash.update(`${path}\0${link ? "link" : "file"}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/** The meaning of an ignore file: whether a path (with `/`, from the context's root) is left out. The last line that matches decides. */
export function ignoreRule(text: string): (path: string) => boolean {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ keep: line.startsWith("!"), pattern: patternOf(line.replace(/^!/, "").trim()) }));
  return (path) => {
    let out = false;
    for (const { keep, pattern } of rules) if (pattern.test(path)) out = !keep;
    return out;
  };
}

/** `*` and `?` stay within a path segment, `**` does not; a match of a directory takes all below it. */
function patternOf(line: string): RegExp {
  const path = line.replace(/^\/+|\/+$/g, "");
  const source = path.replace(/\*\*\/|\*\*|\*|\?|\[[^\]]*\]|[.+^${}()|\\]/g, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    return token.startsWith("[") ? token : `\\${token}`;
  });
  return new RegExp(`^${source}(?:/.*)?$`, "s");
}
