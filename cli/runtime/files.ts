import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { stringify } from "smol-toml";
import type { Descriptor } from "../../runtimes/runtime.ts";
import { messageOf, UserError } from "../errors.ts";
import type { Answers } from "./answers.ts";
import { basesOf, buildStages, environment, origin, programs } from "./dockerfile.ts";
import { fill, template } from "./template.ts";

/** The descriptor that the answers make. `bases` has the digest-pinned images of the other runtimes. */
export function descriptorOf(answers: Answers, bases: ReadonlyMap<string, string>): Descriptor {
  const { name, title, version, source, license, uid, port, health, expect, format, envPrefix, language, command, program } = answers;
  const home = `/home/${name}`;
  return {
    ...{ name, title, version, source, upstream: upstreamOf(answers), license, uid, port },
    health: { path: health, expect, startupSeconds: 30 },
    stateDir: `${home}/.${name}`,
    tmpfs: [{ path: "/tmp", sizeMiB: 64, exec: false }],
    stopGraceSeconds: 10,
    minMemoryMiB: 64,
    config: { format, overrides: "merge", path: `/run/claw/config.${format}` },
    envPrefix,
    variables: [],
    env: { HOME: home, ...(language === "node" && { NODE_ENV: "production" }) },
    command,
    bases: Object.fromEntries(basesOf(answers).map((arg) => [arg, required(bases.get(arg), `base image ${arg}`)])),
    buildArgs: { VERSION: version, ...(program.kind === "git" && { REPO: program.url, REF: program.ref }) },
  };
}

function upstreamOf({ language, program }: Answers): Descriptor["upstream"] {
  if (program.kind !== "package") return { kind: "git", tags: "^v?(\\d+(?:\\.\\d+)+)$" };
  if (language === "node") return { kind: "npm", name: program.name };
  // A command's module is, as a rule, the repository that its path begins with.
  const [module = program.name] = /^(github|gitlab|codeberg)\.(com|org)\/[^/]+\/[^/]+(\/v\d+)?/.exec(program.name) ?? [];
  return { kind: "go", name: module };
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not known`);
  return value;
}

/** The default configuration. */
export function configOf({ format, port }: Answers): string {
  const config = {
    host: "0.0.0.0",
    port,
    token: "",
    greeting: "Hello",
    model: { provider: "", name: "", base_url: "", api_key: "" },
  };
  return format === "json" ? `${JSON.stringify(config, null, 2)}\n` : stringify(config);
}

/** Where a runtime's folder is: here, among the others, or a repository's root. */
export interface Place {
  /** From the build context, with a slash at its end; nothing for the context itself. */
  readonly folder: string;
  readonly context: string;
  readonly ignore: string;
  /** What is said of the base images. */
  readonly note: string;
}

/** The words that all templates may have. */
export function wordsOf(answers: Answers, descriptor: Descriptor, place: Place) {
  const { name, title, version, source, license, port, uid, format, envPrefix, health } = answers;
  return {
    ...{ name, title, version, source, license, format, health, ...place },
    port: String(port),
    uid: String(uid),
    prefix: envPrefix,
    startup: String(descriptor.health.startupSeconds),
    origin: origin(answers),
    bases: Object.entries(descriptor.bases).map(([arg, image]) => `ARG ${arg}=${image}`),
    build: buildStages(answers, place.folder),
    programs: programs(answers),
    env: environment(descriptor),
    descriptor: JSON.stringify(descriptor, null, 2),
  };
}

/** Writes a text file, with its folder. */
export function write(folder: string, name: string, text: string): void {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** What is the same in both places: Dockerfile, default configuration, workspace and program. */
export function writeCommon(folder: string, answers: Answers, words: ReturnType<typeof wordsOf>): void {
  write(folder, "Dockerfile", fill("Dockerfile.in", words));
  write(folder, `config.${answers.format}`, configOf(answers));
  cpSync(join(template, "workspace"), join(folder, "workspace"), { recursive: true });
  writeProgram(join(folder, "program"), answers);
}

function writeProgram(folder: string, answers: Answers): void {
  const { program, language } = answers;
  if (program.kind === "folder") copyProgram(program.folder, folder, answers);
  else if (program.kind === "starter") (language === "go" ? writeGo : writeNode)(folder, answers);
  else if (program.kind === "package" && language === "node") lock(folder, program.name, answers);
}

/** Left where they are: what a version control, a package manager or a person keeps beside a program. */
const NOT_COPIED = new Set([".git", "node_modules", ".env"]);

function copyProgram(from: string, to: string, { language }: Answers): void {
  const needed = language === "go" ? ["go.mod"] : ["package.json", "package-lock.json"];
  if (!existsSync(from) || !statSync(from).isDirectory()) throw new UserError(`--from: ${from} is no folder`, 2);
  const missing = needed.filter((name) => !existsSync(join(from, name)));
  if (missing.length > 0)
    throw new UserError(`--from: ${from} has no ${missing.join(" and no ")}, which its build (--build ${language}) needs`, 2);
  cpSync(from, to, { recursive: true, filter: (path) => path === from || !NOT_COPIED.has(basename(path)) });
}

function writeGo(folder: string, { name, format, health, expect }: Answers): void {
  const json = JSON.stringify(expect);
  const toml = { module: "github.com/BurntSushi/toml", version: "v1.6.0" };
  write(
    folder,
    "main.go",
    fill("program-go/main.go.in", {
      ...{ name, health, parse: format },
      import: format === "toml" ? ["", `\t"${toml.module}"`] : [],
      expect: json.includes("`") ? JSON.stringify(json) : `\`${json}\``,
    }),
  );
  const required = format === "toml" ? ["", `require ${toml.module} ${toml.version}`] : [];
  write(folder, "go.mod", fill("program-go/go.mod.in", { name, require: required }));
  if (format === "toml") write(folder, "go.sum", readFileSync(join(template, "program-go/toml.sum"), "utf8"));
}

function writeNode(folder: string, { name, version, format, health, expect }: Answers): void {
  write(
    folder,
    "server.js",
    fill("program-node/server.js.in", {
      ...{ format, health, expect: JSON.stringify(expect) },
      import: format === "toml" ? ['import { parse } from "smol-toml";'] : [],
      parse: format === "toml" ? "parse(text)" : "JSON.parse(text)",
    }),
  );
  const dependencies = format === "toml" ? { dependencies: { "smol-toml": "1.9.1" } } : {};
  const about = { name, version: /^\d+\.\d+\.\d+$/.test(version) ? version : "0.0.0" };
  write(folder, "package.json", `${JSON.stringify({ ...about, private: true, type: "module", ...dependencies }, null, 2)}\n`);
  const locked = JSON.parse(readFileSync(join(template, "program-node/toml.lock.json"), "utf8"));
  const packages = { "": { ...about, ...dependencies }, ...(format === "toml" && locked) };
  write(folder, "package-lock.json", `${JSON.stringify({ ...about, lockfileVersion: 3, requires: true, packages }, null, 2)}\n`);
}

/** npm's answer to what a package needs, each by checksum. */
function lock(folder: string, name: string, { name: runtime, version }: Answers): void {
  const manifest = { name: `claw-${runtime}`, private: true, description: "What the image installs", dependencies: { [name]: version } };
  write(folder, "package.json", `${JSON.stringify(manifest, null, 2)}\n`);
  const args = ["install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"];
  try {
    execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    throw new UserError(`npm cannot say what ${name}@${version} needs: ${messageOf(error).trim()}`);
  }
}
