/**
 * How the Docker daemon sees the container that this runs in. NanoClaw names paths of its own to the daemon, which knows only its host's: the
 * mounts here say what is where.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { promisify } from "node:util";

/** Docker's real client; `docker` in PATH is docker.ts. */
export const client = () => process.env.NANOCLAW_DOCKER ?? "/usr/local/lib/docker/docker";

/** Where the shim leaves what it found, for docker.ts. */
export const selfFile = () => process.env.NANOCLAW_SELF ?? "/run/claw/self.json";

export interface Mount {
  /** Path on the daemon's host. */
  readonly source: string;
  /** Path in this container. */
  readonly destination: string;
}

export interface Self {
  /** Of this claw's state, so that no claw takes another's agents for its own. */
  readonly install: string;
  readonly mounts: readonly Mount[];
  /** Digest of this container's image. */
  readonly image: string;
  /** Network that agents join, so that they reach the claw's credential gateway; undefined = the daemon's default. */
  readonly network?: string;
  /** This container's address in it; undefined where the daemon gives none. */
  readonly address?: string;
  /** Bytes; 0 = no limit. */
  readonly memory: number;
  /** CPUs times 10^9; 0 = no limit. */
  readonly nanoCpus: number;
}

const execute = promisify(execFile);

/** Runs Docker's client. @throws with the client's first line on stderr. */
export async function docker(args: readonly string[], timeoutSeconds = 10): Promise<string> {
  try {
    return (await execute(client(), [...args], { timeout: timeoutSeconds * 1000, maxBuffer: 16 * 1024 * 1024 })).stdout;
  } catch (error) {
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Error(stderr.split("\n")[0] || `docker ${args[0]} did not answer in ${timeoutSeconds} s`);
  }
}

/** The container's id where the kernel shows it, else its host name, which is the id's beginning unless one was given. */
export function containerId(mountinfo: string, name: string): string {
  return /\/(?:overlay-)?containers\/([0-9a-f]{64})\//.exec(mountinfo)?.[1] ?? name;
}

/** Asks the daemon. @throws when it has no such container: then it is not the one this claw runs on, and agents would not see its files. */
export async function findSelf(install: string): Promise<Self> {
  const id = containerId(readFileSync("/proc/self/mountinfo", "utf8"), hostname());
  try {
    return parseSelf(await docker(["container", "inspect", id]), install);
  } catch (error) {
    throw new Error(`the daemon does not know this container (${id.slice(0, 12)}): ${error instanceof Error ? error.message : error}`);
  }
}

interface Inspected {
  readonly Image: string;
  readonly Mounts?: readonly { readonly Source?: string; readonly Destination: string }[];
  readonly HostConfig: { readonly Memory?: number; readonly NanoCpus?: number };
  readonly NetworkSettings: { readonly Networks?: { readonly [name: string]: { readonly IPAddress?: string } } };
}

/** What matters of `docker container inspect`. */
export function parseSelf(json: string, install: string): Self {
  const [container]: Inspected[] = JSON.parse(json);
  if (container === undefined) throw new Error("no such container");
  const networks = Object.entries(container.NetworkSettings.Networks ?? {});
  // A container that was made on the default network and moved to another may be said to be in both.
  const [network, settings] = networks.find(([name]) => name !== "bridge") ?? networks[0] ?? [];
  return {
    install,
    image: container.Image,
    mounts: (container.Mounts ?? []).flatMap(({ Source, Destination }) => (Source ? [{ source: Source, destination: Destination }] : [])),
    ...(network !== undefined && { network }),
    ...(settings?.IPAddress && { address: settings.IPAddress }),
    memory: container.HostConfig.Memory ?? 0,
    nanoCpus: container.HostConfig.NanoCpus ?? 0,
  };
}
