import { Config, getStack, log, RunError } from "@pulumi/pulumi";
import {
  type Bases,
  type BuildArgs,
  basesMessage,
  buildArgsMessage,
  environment,
  parseBases,
  parseBuildArgs,
  unknownBuildArgs,
} from "./components/environment.ts";
import { imageSource } from "./components/image.ts";
import type { Program } from "./components/program.ts";
import { withoutTraces } from "./components/quick.ts";
import { optionalMessages, requiredMessage, Secrets } from "./components/secrets.ts";
import { FleetError, problemsToError } from "./fleet/problems.ts";
import { runtimeNames } from "./runtimes/index.ts";
import { launchesOf, type Target } from "./runtimes/launch.ts";

const config = new Config("clawfleet");
const target = targetOf(config.get("target") ?? "docker");
const env = environment(import.meta.dirname);
const bases = parseBases(env.CLAWFLEET_BASES);
if (bases === undefined) throw new RunError(basesMessage);
const buildArgs = parseBuildArgs(env.CLAWFLEET_BUILD_ARGS);
if (buildArgs === undefined) throw new RunError(buildArgsMessage);
const images = imageSource(config.get("images"));
const file = env.CLAWFLEET_FLEET || config.get("fleet") || "fleets/starter.toml";
const secrets = new Secrets((name) => new Config("secrets").getSecret(name), config.getSecret("tokenSeed"), env);

function targetOf(name: string): Target {
  if (name === "docker" || name === "kubernetes") return name;
  throw new RunError(`clawfleet:target is "${name}"; this version knows: docker, kubernetes`);
}

/** A target's part of the program; only that of the stack's target is loaded. */
async function programOf(target: Target): Promise<Program> {
  if (target === "docker") return (await import("./components/docker/program.ts")).program;
  return (await import("./components/kubernetes/program.ts")).program;
}

/** All that can be wrong is found here, before anything is registered. */
async function checked(bases: Bases, buildArgs: BuildArgs) {
  const { loaded, launches } = await launchesOf(file, target);
  const missing = secrets.missing(launches);
  const required = missing.filter((secret) => secret.required);
  if (required.length > 0) {
    throw problemsToError(
      loaded,
      required.map((secret) => ({ path: secret.path, message: requiredMessage(secret) })),
    );
  }
  const used = launches.map(({ runtime }) => runtime);
  const unknown = unknownBuildArgs(buildArgs, runtimeNames(), used);
  if (unknown.length > 0) throw new RunError(unknown.join("\n"));
  const program = await programOf(target);
  const register = await program({ loaded, launches, stack: getStack(), config, env, secrets, bases, buildArgs, images });
  for (const line of optionalMessages(missing)) await log.info(line);
  return register;
}

const register = await checked(bases, buildArgs).catch((error: unknown) => {
  // Its lines say it all: no stack trace.
  throw error instanceof FleetError ? new RunError(error.message) : error;
});

/** The inventory that ClawLab and the command line read; no secrets. */
export const { claws } = withoutTraces(register);
