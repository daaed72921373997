/**
 * The images of the comparison: each runtime's own where it can be had; else one of the same user, folders, configuration and entrypoint
 * with a reporter in the runtime's place. That one shows what becomes of a launch on each target, and nothing of the runtime.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildRuntime, dockerClient, tagOf } from "../../cli/images/build.ts";
import { buildContext, repositoryOf } from "../../components/build.ts";
import type { Descriptor } from "../../runtimes/runtime.ts";
import { obtainable } from "../contract/helpers.ts";
import type { Cluster } from "./cluster.ts";

const run = promisify(execFile);

/** What each runtime's command starts, for those whose source is in git only: the reporter goes by this name. */
const PROGRAMS: { readonly [runtime: string]: string } = { ironclaw: "start-ironclaw", nanoclaw: "node", nullclaw: "nullclaw" };

/** `runtime`: the real one. `reporter`: its image without it. */
export type Kind = "runtime" | "reporter";

/**
 * What of this runtime can run here. A runtime whose source is in a package registry is always itself.
 *
 * `CLAWFLEET_TEST_REPORTERS=1` takes the reporter for all others even where the real image is there.
 */
export async function kindOf(runtime: Descriptor): Promise<Kind> {
  // NanoClaw itself does not start without Docker, which Kubernetes has not.
  if (runtime.docker !== undefined) return "reporter";
  const replaceable = Object.hasOwn(PROGRAMS, runtime.name);
  if (replaceable && process.env.CLAWFLEET_TEST_REPORTERS === "1") return "reporter";
  return !replaceable || (await obtainable(runtime)) ? "runtime" : "reporter";
}

/** The runtime's image without the runtime, under `tag`. */
async function buildReporter(runtime: Descriptor, tag: string): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), "clawfleet-reporter-"));
  try {
    const own = join(context, "reporter");
    await mkdir(join(own, "etc"), { recursive: true });
    await cp(join(buildContext, "entrypoint"), join(context, "entrypoint"), { recursive: true });
    await cp(join(import.meta.dirname, "parity-reporter/main.go"), join(own, "main.go"));
    await cp(join(import.meta.dirname, "parity-reporter/reporter.Dockerfile"), join(own, "Dockerfile"));
    for (const name of await readdir(join(buildContext, runtime.name))) {
      if (/^(runtime\.json|schema\.json|config\.(json|toml)|workspace)$/.test(name))
        await cp(join(buildContext, runtime.name, name), join(own, "etc", name), { recursive: true });
    }
    const program = PROGRAMS[runtime.name];
    if (program === undefined) throw new Error(`${runtime.title} has no reporter`);
    const buildArgs = { NAME: runtime.name, ID: String(runtime.uid), STATE_DIR: runtime.stateDir, PROGRAM: program };
    await buildRuntime({ ...runtime, name: "reporter", buildArgs }, { context, tag });
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/**
 * Builds the images and puts them into the cluster's registry under `namespace`, where both targets take them from.
 *
 * @param namespace A name of this run's own.
 * @returns the registry and namespace, for `clawfleet:registry`
 */
export async function pushImages(cluster: Cluster, namespace: string, kinds: ReadonlyMap<Descriptor, Kind>): Promise<string> {
  const registry = `${cluster.registry}/${namespace}`;
  // Its own, so that nobody's log-ins are read or changed.
  const config = await mkdtemp(join(tmpdir(), "clawfleet-login-"));
  const auth = Buffer.from(`${cluster.user}:${cluster.password}`).toString("base64");
  await writeFile(join(config, "config.json"), JSON.stringify({ auths: { [cluster.registry]: { auth } } }), { mode: 0o600 });
  try {
    for (const [runtime, kind] of kinds) {
      const tag = `${repositoryOf(runtime, registry)}:${runtime.version}`;
      if (kind === "reporter") await buildReporter(runtime, tag);
      else {
        await buildRuntime(runtime);
        await run(dockerClient, ["tag", tagOf(runtime), tag]);
      }
      await run(dockerClient, ["push", "--quiet", tag], { env: { ...process.env, DOCKER_CONFIG: config } });
    }
  } finally {
    await rm(config, { recursive: true, force: true });
  }
  return registry;
}

/** Takes the names that `pushImages` gave off the daemon's images; the images themselves stay where they have another name. */
export async function removeImages(registry: string, runtimes: Iterable<Descriptor>): Promise<void> {
  for (const runtime of runtimes) {
    const tag = `${repositoryOf(runtime, registry)}:${runtime.version}`;
    const { stdout } = await run(dockerClient, ["image", "ls", "--quiet", tag]);
    if (stdout.trim() !== "") await run(dockerClient, ["image", "rm", tag]);
  }
}
