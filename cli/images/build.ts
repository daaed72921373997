/**
 * Builds runtimes' images with the Docker client, from the same files and arguments as components/image.ts does through Pulumi: what
 * `make images` and the tests share.
 */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildArguments, buildContext, dockerfileOf, repositoryOf } from "../../components/build.ts";
import { contextHash } from "../../components/context.ts";
import { type Bases, basesMessage, buildArgsMessage, parseBases, parseBuildArgs, unknownBuildArgs } from "../../components/environment.ts";
import { buildSecrets } from "../../runtimes/container.ts";
import { runtimeNames } from "../../runtimes/index.ts";
import type { Descriptor } from "../../runtimes/runtime.ts";
import { UserError } from "../errors.ts";
import { Progress, type Step } from "./progress.ts";

/** Debian's client builds with BuildKit by itself; others may need the buildx plugin. */
export const dockerClient = existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker";

/** A value that every build has among its secrets, so that a test can look for it in every layer. It opens nothing. */
export const canary = "clawfleet-canary-2f61c0d94ab7e385";

const inputsLabel = "dev.clawfleet.inputs";

/** The image's reference on the daemon. */
export const tagOf = (runtime: Descriptor): string => `${repositoryOf(runtime)}:${runtime.version}`;

interface Settings {
  readonly bases: Bases;
  readonly buildArgs: { readonly [arg: string]: string };
}

/** @throws UserError when CLAWFLEET_BASES or CLAWFLEET_BUILD_ARGS is not what it must be. */
function settings(runtime: Descriptor): Settings {
  const bases = parseBases(process.env.CLAWFLEET_BASES);
  if (bases === undefined) throw new UserError(basesMessage, 2);
  const buildArgs = parseBuildArgs(process.env.CLAWFLEET_BUILD_ARGS);
  if (buildArgs === undefined) throw new UserError(buildArgsMessage, 2);
  const unknown = unknownBuildArgs(buildArgs, runtimeNames(), [runtime]);
  if (unknown.length > 0) throw new UserError(unknown.join("\n"), 2);
  return { bases, buildArgs: buildArgs[runtime.name] ?? {} };
}

/** `local`: at least one base image is not the runtime's own but one that CLAWFLEET_BASES names. */
export type BasesKind = "local" | "registry";

/** What the runtime's image is built on here. */
export function basesKind(runtime: Descriptor): BasesKind {
  const { bases } = settings(runtime);
  return Object.keys(runtime.bases).some((arg) => arg in bases) ? "local" : "registry";
}

function succeeds(command: string, args: readonly string[], expected = (_stdout: string) => true): Promise<boolean> {
  const env = { ...process.env, GIT_TERMINAL_PROMPT: "0" };
  return new Promise((resolve) => {
    execFile(command, args, { env, timeout: 20_000 }, (error, stdout) => resolve(error === null && expected(stdout)));
  });
}

/** Whether the daemon holds an image that `buildRuntime` made of the very files that are in the folder now. */
async function isBuilt(runtime: Descriptor): Promise<boolean> {
  const inputs = contextHash(buildContext, dockerfileOf(runtime));
  const label = `{{ index .Config.Labels "${inputsLabel}" }}`;
  return await succeeds(dockerClient, ["image", "inspect", "--format", label, tagOf(runtime)], (found) => found.trim() === inputs);
}

/** Whether the runtime's source can be had here: from a package registry, or from its git repository where that answers. */
export async function sourceReachable(runtime: Descriptor): Promise<boolean> {
  const { bases, buildArgs } = settings(runtime);
  const { REPO: repository } = buildArguments(runtime, bases, buildArgs);
  return repository === undefined || (await succeeds("git", ["ls-remote", "--exit-code", repository, "HEAD"]));
}

/**
 * Why the runtime's image cannot be had here, if it cannot: its source's git repository is out of reach and there is no image made of the
 * same files before, or a base image that must be made here is missing.
 */
export async function unavailable(runtime: Descriptor): Promise<string | undefined> {
  const { bases, buildArgs } = settings(runtime);
  const { REPO: repository } = buildArguments(runtime, bases, buildArgs);
  if (repository !== undefined && (await isBuilt(runtime))) return undefined;
  for (const [arg, image] of Object.entries(bases)) {
    if (!(arg in runtime.bases) || !image.startsWith("clawfleet.local/")) continue;
    if (!(await succeeds(dockerClient, ["image", "inspect", image])))
      return `no base image ${image} here (engine/bases.sh ${arg} makes it)`;
  }
  if (await sourceReachable(runtime)) return undefined;
  return `${repository} cannot be reached, and there is no image of these files (CLAWFLEET_BUILD_ARGS='{"${runtime.name}":{"REPO":"..."}}' names another)`;
}

export interface BuildOptions {
  /** @default the image's reference on the daemon, as `tagOf` */
  readonly tag?: string;
  /** A folder like runtimes/, to build from instead. */
  readonly context?: string;
  /** Stage of the Dockerfile. @default the last one */
  readonly target?: string;
  /** Use nothing that was built before. @default false */
  readonly noCache?: boolean;
  /** Called when an instruction has ended. */
  readonly onStep?: (step: Step) => void;
}

/**
 * Builds the runtime's image: a second or two when nothing changed, as the builder's cache has all. One whose source is in git is not even
 * built then, as that would need its repository.
 *
 * @returns the steps that the build went through; none when there was nothing to build
 * @throws Error with the end of the build's output
 */
export async function buildRuntime(runtime: Descriptor, options: BuildOptions = {}): Promise<readonly Step[]> {
  const { tag = tagOf(runtime), context = buildContext, target, noCache = false, onStep } = options;
  const { bases, buildArgs } = settings(runtime);
  const all = buildArguments(runtime, bases, buildArgs);
  const plain = Object.keys(options).every((option) => option === "onStep");
  if (plain && all.REPO !== undefined && (await isBuilt(runtime))) return [];
  const folder = await mkdtemp(join(tmpdir(), "clawfleet-build-"));
  try {
    // A copy: an old builder mixes up what two builds at once send it from the same folder.
    for (const part of [runtime.name, "entrypoint"]) await cp(join(context, part), join(folder, part), { recursive: true });
    const args = ["build", "--progress", "plain", "--network", "host", "--tag", tag, "--file", join(folder, dockerfileOf(runtime))];
    for (const [name, value] of Object.entries(all)) args.push("--build-arg", `${name}=${value}`);
    if (all.REPO !== undefined) args.push("--label", `${inputsLabel}=${contextHash(folder, dockerfileOf(runtime))}`);
    if (target !== undefined) args.push("--target", target);
    if (noCache) args.push("--no-cache");
    const secrets = secretEnv();
    for (const { id, env } of buildSecrets) if (secrets[env]) args.push("--secret", `id=${id},env=${env}`);
    return await run([...args, folder], secrets, `the image of ${runtime.name}`, onStep);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The build secrets' variables, with the canary where a line more changes nothing. */
function secretEnv(): Record<string, string> {
  const env = Object.fromEntries(buildSecrets.map(({ env }) => [env, process.env[env] ?? ""]));
  const lines = (variable: string, line: string) => [env[variable], line].filter(Boolean).join("\n");
  return {
    ...env,
    CLAWFLEET_BUILD_ENV: lines("CLAWFLEET_BUILD_ENV", `export CLAWFLEET_CANARY='${canary}'`),
    CLAWFLEET_BUILD_NPMRC: lines("CLAWFLEET_BUILD_NPMRC", `//canary.invalid/:_authToken=${canary}`),
  };
}

async function run(args: string[], secrets: Record<string, string>, what: string, onStep: (step: Step) => void = () => {}) {
  const progress = new Progress();
  const tail: string[] = [];
  const child = spawn(dockerClient, args, {
    env: { ...process.env, ...secrets, DOCKER_BUILDKIT: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  for await (const line of createInterface({ input: child.stderr })) {
    const step = progress.feed(line);
    if (step !== undefined) onStep(step);
    tail.push(line);
    if (tail.length > 40) tail.shift();
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${what} could not be built (docker build ended with ${code}):\n${tail.join("\n")}`);
  return progress.steps;
}
