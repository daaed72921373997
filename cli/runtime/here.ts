import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../errors.ts";
import { root } from "../root.ts";
import type { Answers } from "./answers.ts";
import { descriptorOf, wordsOf, write, writeCommon } from "./files.ts";
import { undoable } from "./interrupt.ts";
import { fill } from "./template.ts";

const at = (path: string) => join(root, path);

/** What the generators write of all runtimes together, and the README with its table. */
const SHARED = ["docker-compose.fleet.yml", "fleet/fleet.schema.json", "docs/fleet-file.md", "docs/runtimes.md", "README.md"];

/**
 * Scaffolds a runtime in this repository: its folder, its tests, and what is generated of it.
 *
 * @returns the new paths, from the repository's root
 * @throws UserError (exit code 2) when one of them is there already; after any error everything is as it was
 */
export async function initHere(answers: Answers, bases: ReadonlyMap<string, string>): Promise<string[]> {
  const { name } = answers;
  const folder = `runtimes/${name}`;
  const tests = [`test/runtimes/${name}.test.ts`, `test/contract/${name}.test.ts`];
  const made = [folder, ...tests, `.github/workflows/${name}.yml`];
  const there = made.filter((path) => existsSync(at(path)));
  if (there.length > 0) throw new UserError(`${there.join(", ")}: already there; choose another name, or remove it`, 2);

  const shared = SHARED.filter((path) => existsSync(at(path))).map((path) => ({ path, before: readFileSync(at(path)) }));
  const staged = mkdtempSync(at(`runtimes/.${name}-`));
  const undo = () => {
    for (const path of [staged, ...made.map(at)]) rmSync(path, { recursive: true, force: true });
    for (const { path, before } of shared) writeFileSync(at(path), before);
  };
  await undoable(async () => {
    writeFolder(staged, answers, bases);
    // A temporary folder is its owner's alone.
    chmodSync(staged, 0o755);
    renameSync(staged, at(folder));
    for (const [i, kind] of ["runtime", "contract"].entries()) {
      write(root, tests[i] ?? "", fill(`${kind}.test.ts.in`, { name, title: answers.title }));
    }
    writeFileSync(at("README.md"), withRow(readFileSync(at("README.md"), "utf8"), answers));
    await format([folder, ...tests]);
    await run("runtimes/generate.ts");
    await run("fleet/generate.ts");
  }, undo);
  return made;
}

function writeFolder(folder: string, answers: Answers, bases: ReadonlyMap<string, string>): void {
  const { name } = answers;
  const words = wordsOf(answers, descriptorOf(answers, bases), {
    folder: `${name}/`,
    context: "runtimes/",
    ignore: "Dockerfile.dockerignore",
    note: "# The digest-pinned bases are repeated in runtime.ts; a test keeps the two the same.",
  });
  writeCommon(folder, answers, words);
  write(folder, "runtime.ts", fill("runtime.ts.in", words));
  write(folder, "native.ts", readFileSync(at("runtimes/template/native.ts"), "utf8"));
  write(folder, "Dockerfile.dockerignore", fill("dockerignore.in", words));
  write(folder, ".env.head", fill("env.head.in", words));
  write(folder, "README.md", fill("README.md.in", words));
}

/** The README with a row for the runtime below the last one's, which says where else it runs. */
export function withRow(readme: string, { title, version, port }: Answers): string {
  const lines = readme.split("\n");
  const last = lines.findLastIndex((line) => /^\| [^|]+ \| \S+ \| \d+ \| yes \|/.test(line));
  const targets = lines[last]?.split(" | ").slice(3).join(" | ");
  if (targets === undefined) throw new Error("README.md has no table of runtimes: | title | version | port | yes | ...");
  return lines.toSpliced(last + 1, 0, `| ${title} | ${version} | ${port} | ${targets}`).join("\n");
}

/** As Biome wants it: how long a line gets depends on the answers. Only what comes from the templates; a program that was copied is its author's. */
async function format(paths: readonly string[]): Promise<void> {
  await run("node_modules/@biomejs/biome/bin/biome", "format", "--write", ...paths);
}

/** Runs one of the repository's own programs with Node. @throws Error with what it said */
async function run(program: string, ...args: string[]): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [at(program), ...args], { cwd: root });
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Error(`${relative(root, at(program))} failed; everything is as it was${said && `:\n${said}`}`, { cause: error });
  }
}
