import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { request } from "node:http";
import { type LoadedFleet, problemsToError } from "../../fleet/problems.ts";

/** The socket of the daemon that a fleet runs on, for the claws that may use it. */
export interface DockerSocket {
  /** On the host. */
  readonly path: string;
  /** Group that may open it, by its number inside that daemon's containers. */
  readonly group: number;
}

/** Why a daemon's socket is not given to claws. */
export class NoSocket extends Error {}

/**
 * The socket for the claws of this fleet that have access; undefined when none has. Nothing is changed or created.
 *
 * @param address The daemon's. @default /var/run/docker.sock, as for every Docker client
 * @throws FleetError at each such claw, when the daemon is not a rootless one of this machine.
 */
export async function socketFor(loaded: LoadedFleet, address: string | undefined): Promise<DockerSocket | undefined> {
  const claws = loaded.fleet.claws.filter(({ docker }) => docker.access === "shared");
  if (claws.length === 0) return undefined;
  try {
    return await dockerSocket(address);
  } catch (error) {
    if (!(error instanceof NoSocket)) throw error;
    const message = `access "shared" is for a rootless daemon on this machine: ${error.message}`;
    throw problemsToError(
      loaded,
      claws.map(({ path }) => ({ path: [...path, "docker", "access"], message })),
    );
  }
}

/**
 * The socket of a rootless daemon on this machine. Only that is handed out: with a rootful one's, a claw would be root on the host.
 *
 * @throws NoSocket
 */
export async function dockerSocket(address = "unix:///var/run/docker.sock"): Promise<DockerSocket> {
  const path = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (path === undefined) throw new NoSocket(`${address} is not a Unix socket`);
  if (!(await isRootless(path))) {
    throw new NoSocket(`the one at ${address} runs as root, and so would a claw that has its socket; set DOCKER_HOST to a rootless one`);
  }
  const groups = new Set(daemonGroupMaps(path).map((map) => inside(map, statSync(path).gid)));
  const [group] = groups;
  if (group === undefined || groups.size > 1) {
    throw new NoSocket(`no process here is known to listen at ${address} with a group that its containers can have`);
  }
  return { path, group };
}

/** Asks the daemon itself. */
async function isRootless(socketPath: string): Promise<boolean> {
  const info = await new Promise<unknown>((resolve, reject) => {
    const fail = (why: string) => reject(new NoSocket(`no Docker daemon answers at unix://${socketPath} (${why})`));
    const asked = request({ socketPath, path: "/info", timeout: 10_000 }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on("end", () => {
        try {
          resolve(JSON.parse(text));
        } catch {
          fail(`status ${answer.statusCode}`);
        }
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer within 10 s")));
    asked.on("error", (error) => fail("code" in error ? String(error.code) : error.message));
    asked.end();
  });
  const options = typeof info === "object" && info !== null && "SecurityOptions" in info ? info.SecurityOptions : [];
  return Array.isArray(options) && options.some((option) => /^name=rootless\b/.test(String(option)));
}

/**
 * How the daemons that listen on a socket number groups: `/proc/<pid>/gid_map`. More than one where they share a network with
 * others, which show the same sockets; a rootful one is told by its map, which is this process's own.
 */
function daemonGroupMaps(path: string): string[] {
  const paths = [path, realpathSync(path)];
  const own = read("/proc/self/gid_map");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/comm`) === "dockerd\n")
    .filter((pid) => {
      const lines = read(`/proc/${pid}/net/unix`).split("\n");
      return lines.some((line) => paths.some((one) => line.endsWith(` ${one}`)));
    })
    .map((pid) => read(`/proc/${pid}/gid_map`))
    .filter((map) => map !== "" && map !== own);
}

/** A process's file; empty when the process has just ended, or hides it: then it is not the daemon that is looked for. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** The number that a group of the host has inside a user namespace; undefined when it has none. Lines are: inside, outside, how many. */
function inside(map: string, group: number): number | undefined {
  for (const line of map.trim().split("\n")) {
    const [first = 0, from = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (group >= from && group < from + count) return first + group - from;
  }
  return undefined;
}
