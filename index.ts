import { Config, getStack, log, RunError } from "@pulumi/pulumi";
import { DockerFleet } from "./components/docker/fleet.ts";
import { Provider } from "./components/docker/resources.ts";
import { socketFor } from "./components/docker/socket.ts";
import {
  type BuildArgs,
  basesMessage,
  buildArgsMessage,
  environment,
  parseBases,
  parseBuildArgs,
  unknownBuildArgs,
} from "./components/environment.ts";
import { imageSource } from "./components/image.ts";
import { withoutTraces } from "./components/quick.ts";
import { optionalMessages, requiredMessage, Secrets } from "./components/secrets.ts";
import { FleetError, problemsToError } from "./fleet/problems.ts";
import { runtimeNames } from "./runtimes/index.ts";
import { launchesOf } from "./runtimes/launch.ts";

const config = new Config("clawfleet");
const target = config.get("target") ?? "docker";
if (target !== "docker") throw new RunError(`clawfleet:target is "${target}"; this version knows: docker`);

const env = environment(import.meta.dirname);
const bases = parseBases(env.CLAWFLEET_BASES);
if (bases === undefined) throw new RunError(basesMessage);
const buildArgs = parseBuildArgs(env.CLAWFLEET_BUILD_ARGS);
if (buildArgs === undefined) throw new RunError(buildArgsMessage);
const file = env.CLAWFLEET_FLEET || config.get("fleet") || "fleets/starter.toml";
const secrets = new Secrets((name) => new Config("secrets").getSecret(name), config.getSecret("tokenSeed"), env);

const host = config.get("host");

/** All that can be wrong is found here, before anything is registered. */
async function launchable(buildArgs: BuildArgs) {
  const { loaded, launches } = await launchesOf(file);
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
  const socket = await socketFor(loaded, host ?? new Config("docker").get("host") ?? (process.env.DOCKER_HOST || undefined));
  for (const line of optionalMessages(missing)) await log.info(line);
  return { launches, socket };
}

const { launches, socket } = await launchable(buildArgs).catch((error: unknown) => {
  // Its lines say it all: no stack trace.
  throw error instanceof FleetError ? new RunError(error.message) : error;
});

const fleet = withoutTraces(
  () =>
    new DockerFleet("fleet", {
      launches,
      stack: getStack(),
      secrets,
      provider: host === undefined ? undefined : new Provider("docker", { host }),
      registry: config.get("registry"),
      bases,
      buildArgs,
      socket,
      images: imageSource(config.get("images")),
    }),
);

/** The inventory that ClawLab and the command line read; no secrets. */
export const claws = fleet.claws;
