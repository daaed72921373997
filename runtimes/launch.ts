import { loadFleet } from "../fleet/load.ts";
import { type LoadedFleet, problemsToError } from "../fleet/problems.ts";
import { ACKNOWLEDGE } from "../fleet/schema.ts";
import type { Path } from "../fleet/types.ts";
import { loadRuntimes, runtimeNames } from "./index.ts";
import type { Launch, Runtime } from "./runtime.ts";

/**
 * What each claw of a fleet needs to run, in the fleet file's order.
 *
 * @param runtimes At least the runtimes that the fleet names.
 * @param mostOpenFiles What the daemon may give one container; a claw that asks for more gets this.
 * @throws FleetError with the problems of all claws at once.
 */
export function launches(loaded: LoadedFleet, runtimes: ReadonlyMap<string, Runtime>, mostOpenFiles = Number.POSITIVE_INFINITY): Launch[] {
  const problems: { path: Path; message: string }[] = [];
  const report = (path: Path, message: string) => problems.push({ path, message });
  const result = loaded.fleet.claws.map((claw): Launch => {
    const runtime = runtimes.get(claw.runtime);
    if (runtime === undefined) throw new Error(`runtime "${claw.runtime}" is not loaded`);
    const { descriptor } = runtime;
    const { memoryMiB, cpus, maxOpenFiles } = claw.security;
    if (memoryMiB < descriptor.minMemoryMiB) {
      report(
        [...claw.path, "security", "memory_limit"],
        `${descriptor.title} needs at least ${descriptor.minMemoryMiB} MiB to come up; "${claw.name}" has ${memoryMiB}: memory_limit = "${descriptor.minMemoryMiB}m"`,
      );
    }
    if (descriptor.docker !== undefined && claw.docker.access === "none") {
      report(
        [...claw.path, "docker", "access"],
        `${descriptor.title} needs Docker to ${descriptor.docker.why}, and "${claw.name}" has no access to it; write [agent.docker] with access = "shared" and acknowledge = ${JSON.stringify(ACKNOWLEDGE)}`,
      );
    }
    const { env, secretEnv } = runtime.translate(claw, report);
    return {
      claw: claw.name,
      runtime: descriptor,
      hostPort: claw.port,
      env: { ...descriptor.env, ...env },
      secretEnv,
      memoryMiB,
      cpus,
      maxOpenFiles: Math.min(maxOpenFiles, mostOpenFiles),
      docker: claw.docker.access,
      network: claw.network,
    };
  });
  if (problems.length > 0) throw problemsToError(loaded, problems);
  return result;
}

/** A rootless daemon cannot give a container more open files than it may have itself: the set-up puts that number here. */
function openFilesLimit(value: string | undefined): number {
  const limit = Number(value);
  return Number.isInteger(limit) && limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

/** Where claws run: `clawfleet:target` of a stack's config. */
export type Target = "docker" | "kubernetes";

/**
 * Reads a fleet file and translates it: what every command that takes a fleet file does first.
 *
 * @param target Where its claws are to run: what this machine's daemon can give them holds for that daemon alone.
 * @throws FleetError when the file or the translation has problems.
 */
export async function launchesOf(
  file: string,
  target: Target = "docker",
): Promise<{ readonly loaded: LoadedFleet; readonly launches: Launch[] }> {
  const loaded = loadFleet(file, { runtimes: runtimeNames() });
  const runtimes = await loadRuntimes(loaded.fleet.claws.map((claw) => claw.runtime));
  const mostOpenFiles = target === "docker" ? openFilesLimit(process.env.CLAWFLEET_MAX_OPEN_FILES) : undefined;
  return { loaded, launches: launches(loaded, runtimes, mostOpenFiles) };
}
