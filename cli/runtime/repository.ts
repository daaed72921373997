import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { filesOf } from "../../runtimes/generate.ts";
import { OWN_REPOSITORY } from "../../runtimes/generated/layout.ts";
import { schema } from "../../runtimes/template/native.ts";
import { UserError } from "../errors.ts";
import { root } from "../root.ts";
import type { Answers } from "./answers.ts";
import { descriptorOf, wordsOf, write, writeCommon } from "./files.ts";
import { undoable } from "./interrupt.ts";
import { fill } from "./template.ts";

/** What generated files say of themselves here; a repository of its own has no generator, and is edited by hand. */
const GENERATED = " Written by `node runtimes/generate.ts`; what is edited here is lost.";

/**
 * Scaffolds a repository of its own around a runtime: all that `docker build .` and `docker compose up --build` need is in it. Git knows it, and nothing
 * is committed.
 *
 * @param folder Absolute path of the repository.
 * @throws UserError (exit code 2) when there is something already; after any error nothing is
 */
export async function initRepository(folder: string, answers: Answers, bases: ReadonlyMap<string, string>): Promise<void> {
  if (existsSync(folder)) throw new UserError(`--repo: ${folder} is already there; choose another folder, or remove it`, 2);
  mkdirSync(dirname(folder), { recursive: true });
  const staged = mkdtempSync(join(dirname(folder), `.${basename(folder)}-`));
  const work = () => {
    writeRepository(staged, answers, bases);
    execFileSync("git", ["init", "--quiet", "--initial-branch", "main", staged], { stdio: ["ignore", "ignore", "pipe"] });
    // A temporary folder is its owner's alone.
    chmodSync(staged, 0o755);
    renameSync(staged, folder);
  };
  await undoable(work, () => rmSync(staged, { recursive: true, force: true }));
}

function writeRepository(folder: string, answers: Answers, bases: ReadonlyMap<string, string>): void {
  const descriptor = descriptorOf(answers, bases);
  const words = wordsOf(answers, descriptor, {
    folder: "",
    context: "this folder",
    ignore: ".dockerignore",
    note: "# Bases are pinned by digest.",
  });
  writeCommon(folder, answers, words);
  write(folder, ".dockerignore", fill("repository/dockerignore.in", words));
  write(folder, ".gitignore", fill("repository/gitignore", words));
  write(folder, "README.md", fill("repository/README.md.in", words));
  cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  cpSync(join(root, "runtimes/entrypoint"), join(folder, "entrypoint"), { recursive: true });
  const head = fill("env.head.in", words);
  const read = (name: string) =>
    name === ".env.head" ? head : existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
  for (const { path, content } of filesOf(descriptor, { schema, read }, OWN_REPOSITORY)) {
    write(folder, path, content.replaceAll(GENERATED, ""));
  }
}
