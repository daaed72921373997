import type { z } from "zod";
import { UserError } from "../errors.ts";
import type { Flags } from "./flags.ts";
import * as parse from "./parse.ts";

/** Where the runtime's program comes from. */
export type Program =
  /** A small HTTP server of the template's, to start from. */
  | { readonly kind: "starter" }
  /** A copy of a folder. */
  | { readonly kind: "folder"; readonly folder: string }
  /** A Go module's command or an npm package, at the runtime's version. */
  | { readonly kind: "package"; readonly name: string }
  /** A git repository at a tag or commit. */
  | { readonly kind: "git"; readonly url: string; readonly ref: string };

/** All that is to be known of a new runtime. */
export interface Answers {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly port: number;
  readonly uid: number;
  readonly envPrefix: string;
  readonly format: "json" | "toml";
  readonly language: "go" | "node";
  readonly program: Program;
  /** What of a Go program is built: a package's path from its module's root. */
  readonly main: string;
  readonly command: readonly string[];
  readonly health: string;
  readonly expect: { readonly [member: string]: z.core.util.JSONType };
  readonly source: string;
  readonly license: string;
}

/** What other runtimes have, and a new one beside them cannot. */
export interface Taken {
  readonly names: ReadonlySet<string>;
  readonly ports: ReadonlyMap<number, string>;
  readonly uids: ReadonlyMap<number, string>;
  readonly prefixes: ReadonlyMap<string, string>;
}

/** Asks a person; undefined where nobody can be asked. */
export type Ask = ((question: string, fallback: string | undefined) => Promise<string>) | undefined;

type Flag = Exclude<keyof Flags, "repo" | "yes" | "help">;

/** How one answer is got. */
interface Question<T> {
  readonly flag: Flag;
  readonly question: string;
  readonly parse: (text: string) => T;
  /** What holds when nobody says otherwise. @default there is nothing: it must be said */
  readonly fallback?: string | undefined;
  /** Only from its flag, or as the fallback. */
  readonly quiet?: boolean;
}

/** First of the reserved uids. */
const firstUid = 10_001;

/**
 * Every answer: from its flag, else asked for, else its default.
 *
 * @param ask undefined = nobody can be asked
 * @param home Where the runtime's own program is kept, for want of an upstream
 * @throws UserError (exit code 2) that names the flag of an answer that is missing or wrong
 */
export async function answersOf(
  name: string | undefined,
  flags: Flags,
  ask: Ask,
  taken: Taken,
  home: (name: string) => string,
): Promise<Answers> {
  async function get<T>({ flag, question, parse: read, fallback, quiet = false }: Question<T>): Promise<T> {
    const given = flags[flag];
    if (given !== undefined) return named(`--${flag}`, () => read(given));
    if (ask === undefined || (quiet && fallback !== undefined)) {
      if (fallback === undefined) throw new UserError(`--${flag} is missing: ${question.toLowerCase()}`, 2);
      return named(`--${flag}`, () => read(fallback));
    }
    return await asked(ask, question, fallback, read);
  }

  const known = (text: string) => parse.free(parse.name(text), taken.names, "a runtime or a reserved name");
  const id =
    name !== undefined
      ? named("NAME", () => known(name))
      : ask !== undefined
        ? await asked(ask, "Name, in lower case", undefined, known)
        : missingName();
  const title = await get({ flag: "title", question: "Title", parse: parse.title, fallback: parse.titleOf(id) });
  const port = await get({
    flag: "port",
    question: "Port inside the container, 1024 to 65535",
    parse: (text) => parse.number(text, 1024, 65_535, taken.ports),
  });
  const version = await get({ flag: "version", question: "Version", parse: parse.version, fallback: "0.1.0" });
  const language = await get({ flag: "build", question: "Built as: go or node", parse: parse.choice("go", "node"), fallback: "go" });
  const program = await programOf(flags, language, version);
  const format = await get({
    flag: "format",
    question: "Configuration: json or toml",
    parse: parse.choice("json", "toml"),
    fallback: "json",
  });
  const own = program.kind === "starter" || program.kind === "folder";
  const source = await get({ flag: "source", question: "Home page", parse: parse.url, fallback: homeOf(program, language) ?? home(id) });
  // What others have written is under their licence, which nobody should have to guess.
  const license = await get({
    flag: "license",
    question: "Licence of the program (SPDX)",
    parse: parse.license,
    fallback: own ? "Apache-2.0" : undefined,
  });
  const main = await get({ flag: "main", question: "", parse: parse.main, fallback: ".", quiet: true });
  const rest = { quiet: true } as const;
  return {
    ...{ name: id, title, port, version, language, program, format, source, license, main },
    uid: await get({
      flag: "uid",
      question: "",
      parse: (text) => parse.number(text, firstUid, 59_999, taken.uids),
      fallback: String(freeUid(taken)),
      ...rest,
    }),
    envPrefix: await get({
      flag: "env-prefix",
      question: "",
      parse: (text) => parse.prefix(text, taken.prefixes),
      fallback: parse.prefixOf(id),
      ...rest,
    }),
    command: await get({
      ...{ flag: "command", question: "Command in the container", parse: parse.words },
      ...{ fallback: commandOf(id, language, program, main, format), quiet: true },
    }),
    health: await get({ flag: "health", question: "", parse: parse.path, fallback: "/health", ...rest }),
    expect: await get({ flag: "expect", question: "", parse: parse.members, fallback: '{"status":"ok"}', ...rest }),
  };
}

function missingName(): never {
  throw new UserError("which name? clawfleet runtime init NAME --port PORT", 2);
}

/** Asks until the answer is right. */
async function asked<T>(ask: NonNullable<Ask>, question: string, fallback: string | undefined, read: (text: string) => T): Promise<T> {
  let shown = question;
  for (;;) {
    const text = (await ask(shown, fallback)) || fallback;
    if (text === undefined) continue;
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      shown = `${error.message}\n${question}`;
    }
  }
}

/** Adds to a complaint what it is about. */
function named<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${what}: ${error.message}`, 2) : error;
  }
}

function freeUid({ uids }: Taken): number {
  let uid = firstUid;
  while (uids.has(uid)) uid++;
  return uid;
}

async function programOf(flags: Flags, language: Answers["language"], version: string): Promise<Program> {
  const given = (["from", "package", "git"] as const).filter((flag) => flags[flag] !== undefined);
  if (given.length > 1)
    throw new UserError(
      `a program comes from one place: leave out ${given
        .slice(1)
        .map((flag) => `--${flag}`)
        .join(" and ")}`,
      2,
    );
  if (flags.ref !== undefined && flags.git === undefined) throw new UserError("--ref goes with --git", 2);
  if (flags.main !== undefined && language === "node") throw new UserError("--main is for --build go; for Node write --command", 2);
  if (flags.from !== undefined) return { kind: "folder", folder: flags.from };
  const { package: module, git, ref = version } = flags;
  if (module !== undefined) return { kind: "package", name: named("--package", () => parse.module(module, language)) };
  if (git === undefined) return { kind: "starter" };
  if (language === "node" && flags.command === undefined) {
    throw new UserError("--command is missing: how the program in /opt/NAME is started", 2);
  }
  return { kind: "git", url: named("--git", () => parse.repository(git)), ref: named("--ref", () => parse.reference(ref)) };
}

function homeOf(program: Program, language: Answers["language"]): string | undefined {
  if (program.kind === "package")
    return language === "go" ? `https://pkg.go.dev/${program.name}` : `https://www.npmjs.com/package/${program.name}`;
  return program.kind === "git" && program.url.startsWith("http") ? program.url : undefined;
}

/** Name of the executable that Go makes of a package. */
export function binaryOf(name: string, program: Program): string {
  if (program.kind !== "package") return name;
  // The last part of a module's path may be its major version.
  return program.name.split("/").findLast((part) => !/^v\d+$/.test(part)) ?? name;
}

function commandOf(name: string, language: Answers["language"], program: Program, main: string, format: string): string {
  const config = `/run/claw/config.${format}`;
  if (language === "go") return `${program.kind === "package" || main === "." ? binaryOf(name, program) : name} ${config}`;
  if (program.kind === "package") return `/opt/${name}/node_modules/.bin/${program.name.split("/").at(-1)} ${config}`;
  return `node /opt/${name}/server.js ${config}`;
}
