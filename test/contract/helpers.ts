/**
 * Runs a runtime's real image the way every target does, and asks the runtime itself: what the contract tests share.
 * Needs a Docker daemon (`DOCKER_HOST` or the default socket); there is no skip, a missing daemon fails the test.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { buildRuntime, dockerClient, tagOf, unavailable } from "../../cli/images/build.ts";
import { dockerSocket } from "../../components/docker/socket.ts";
import type { Claw } from "../../fleet/types.ts";
import type { Descriptor, Runtime, Translation } from "../../runtimes/runtime.ts";

export { tagOf } from "../../cli/images/build.ts";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  /** Added to this process's environment; where secrets go, as a command line can be read by others. */
  readonly env?: { readonly [name: string]: string };
  readonly timeoutSeconds?: number;
  /** For its standard input. */
  readonly input?: string;
}

/** Runs the Docker client; never throws for a non-zero exit code. */
export function docker(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      dockerClient,
      [...args],
      {
        env: { ...process.env, DOCKER_BUILDKIT: "1", ...options.env },
        timeout: (options.timeoutSeconds ?? 60) * 1000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        // A client that was killed or could not be started has no exit code of its own.
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 125;
        resolve({ code, stdout, stderr: error !== null && code === 125 && stderr === "" ? error.message : stderr });
      },
    );
    // A client that ends before it has read all has its exit code to say why.
    child.stdin?.on("error", () => {}).end(options.input ?? "");
  });
}

/** As `docker`, but a non-zero exit code is an error that shows the end of stderr. Returns stdout. */
export async function dockerOrThrow(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await docker(args, options);
  if (result.code !== 0) throw new Error(`docker ${args[0]} exited with ${result.code}: ${result.stderr.slice(-4000)}`);
  return result.stdout;
}

/**
 * Whether the runtime's image can be had here. One whose source is in no package registry needs its git repository, or an image made before of the
 * same files; where neither is to be had it says so on stderr, and the runtime's tests that need it cannot run.
 */
export async function obtainable(runtime: Descriptor): Promise<boolean> {
  const why = await unavailable(runtime);
  if (why !== undefined) console.warn(`NOT TESTED HERE: ${runtime.title} itself. ${why}`);
  return why === undefined;
}

/**
 * Builds the runtime's image (a matter of seconds when nothing changed: the builder's cache) and returns its tag.
 * Base images come from `CLAWFLEET_BASES`, network settings from `CLAWFLEET_BUILD_*`, both as `make shell` sets them.
 */
export async function buildImage(runtime: Descriptor): Promise<string> {
  await buildRuntime(runtime);
  return tagOf(runtime);
}

/** A claw with every default explicit, for tests to change what they are about. */
export function claw(runtime: Descriptor, change: Partial<Claw> = {}): Claw {
  return {
    name: "contract",
    runtime: runtime.name,
    port: runtime.port,
    tools: [],
    channels: [],
    memory: { enabled: true },
    security: { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 2048, cpus: 2, maxOpenFiles: 65536 },
    docker: { access: "none" },
    network: { egress: [{ kind: "internet" }], ingress: [] },
    schedule: { cron: [] },
    extras: {},
    path: ["agent", 0],
    ...change,
  };
}

/** Translates, and fails on the first problem reported. */
export function translateOrThrow(runtime: Runtime, subject: Claw): Translation {
  return runtime.translate(subject, (path, message) => {
    throw new Error(`${path.join(".")}: ${message}`);
  });
}

export interface Container {
  readonly name: string;
  /** `http://127.0.0.1:<port>` as seen from here; another one after a restart. */
  readonly url: string;
  /** Seconds from `docker run` to the runtime's first good health answer. */
  readonly startSeconds: number;
  /** Runs a command as the claw's user, with its environment. */
  exec(command: readonly string[], timeoutSeconds?: number): Promise<Result>;
  logs(): Promise<string>;
  /** Stops it as every target does and starts it again; `healthy` (the default) waits for the runtime's good answer. */
  restart(options?: { readonly healthy?: boolean; readonly killed?: boolean }): Promise<void>;
  /** Removes this container and starts one like it, with variables added or changed, on the same volume. */
  recreate(change: { readonly [name: string]: string }): Promise<Container>;
  /** Removes container and volume. */
  remove(): Promise<void>;
}

/**
 * Starts a claw unprivileged: own uid, read-only root, no capabilities, no-new-privileges, an init, loopback port, own volume, and the
 * daemon's socket where the runtime needs Docker. Resolves when the runtime's own health answer is good; otherwise removes everything and
 * throws with the last log lines.
 *
 * @param secrets value of every variable named in `translation.secretEnv` that the claw shall have
 */
export async function startClaw(
  runtime: Descriptor,
  image: string,
  translation: Translation,
  secrets: { readonly [name: string]: string } = {},
): Promise<Container> {
  const name = `clawfleet-contract-${runtime.name}-${randomBytes(4).toString("hex")}`;
  return await run(name, { runtime, image, env: { ...runtime.env, ...translation.env }, secrets });
}

interface Start {
  readonly runtime: Descriptor;
  readonly image: string;
  readonly env: { readonly [name: string]: string };
  readonly secrets: { readonly [name: string]: string };
}

async function run(name: string, start: Start): Promise<Container> {
  const { runtime, image, env, secrets } = start;
  const owner = `uid=${runtime.uid},gid=${runtime.uid},mode=0700`;
  const args = ["run", "--detach", "--name", name, "--init", "--read-only", "--user", `${runtime.uid}:${runtime.uid}`];
  args.push("--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--publish", `127.0.0.1::${runtime.port}`);
  args.push("--tmpfs", `/run/claw:rw,nosuid,nodev,noexec,size=4m,${owner}`);
  for (const mount of runtime.tmpfs) {
    args.push("--tmpfs", `${mount.path}:rw,nosuid,nodev,${mount.exec ? "exec" : "noexec"},size=${mount.sizeMiB}m,${owner}`);
  }
  args.push("--volume", `${name}-state:${runtime.stateDir}`, "--stop-timeout", `${runtime.stopGraceSeconds}`);
  if (runtime.docker !== undefined) {
    const { path, group } = await dockerSocket(process.env.DOCKER_HOST);
    args.push("--volume", `${path}:/var/run/docker.sock`, "--group-add", `${group}`);
  }
  for (const [key, value] of Object.entries(env)) args.push("--env", `${key}=${value}`);
  for (const key of Object.keys(secrets)) args.push("--env", key);

  const remove = async () => {
    await docker(["rm", "--force", name]);
    await docker(["volume", "rm", "--force", `${name}-state`]);
  };
  const logs = async () => {
    const result = await docker(["logs", name]);
    return result.stdout + result.stderr;
  };
  const published = async () => {
    const addresses = await dockerOrThrow(["port", name, `${runtime.port}/tcp`]);
    return `http://${addresses.trim().split("\n")[0]}`;
  };
  const started = performance.now();
  try {
    await dockerOrThrow([...args, image], { env: secrets });
    let url = await published();
    await waitHealthy(runtime, name, url);
    return {
      name,
      get url() {
        return url;
      },
      startSeconds: (performance.now() - started) / 1000,
      exec: (command, timeoutSeconds = 60) => docker(["exec", name, ...command], { timeoutSeconds }),
      logs,
      async restart({ healthy = true, killed = false } = {}) {
        const grace = killed ? 0 : runtime.stopGraceSeconds;
        await dockerOrThrow(["restart", "--time", `${grace}`, name], { timeoutSeconds: grace + 60 });
        url = await published();
        if (healthy) await waitHealthy(runtime, name, url);
      },
      async recreate(change) {
        await dockerOrThrow(["rm", "--force", name]);
        return await run(name, { ...start, env: { ...env, ...change } });
      },
      remove,
    };
  } catch (error) {
    const lines = (await logs()).split("\n").slice(-30).join("\n");
    await remove();
    throw new Error(`${error instanceof Error ? error.message : String(error)}\nLast log lines:\n${lines}`, { cause: error });
  }
}

async function waitHealthy(runtime: Descriptor, name: string, url: string): Promise<void> {
  const deadline = performance.now() + runtime.health.startupSeconds * 1000;
  let last = "no answer";
  while (performance.now() < deadline) {
    try {
      const body = await getJson(`${url}${runtime.health.path}`);
      last = JSON.stringify(body);
      if (matches(body, runtime.health.expect)) return;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    const running = await docker(["inspect", "--format", "{{.State.Running}} {{.State.ExitCode}}", name]);
    if (!running.stdout.startsWith("true")) throw new Error(`${name} stopped: ${running.stdout.trim()}`);
    await sleep(100);
  }
  throw new Error(`${name} is not healthy after ${runtime.health.startupSeconds} s: ${last}`);
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  return await response.json();
}

function matches(body: unknown, expect: Descriptor["health"]["expect"]): boolean {
  if (typeof body !== "object" || body === null) return false;
  const members = new Map<string, unknown>(Object.entries(body));
  return Object.entries(expect).every(([key, value]) => isDeepStrictEqual(members.get(key), value));
}

export interface Confinement {
  readonly uid: number;
  /** Effective, permitted, inheritable, bounding and ambient sets, or'ed. */
  readonly capabilities: bigint;
  readonly noNewPrivileges: boolean;
  readonly rootReadOnly: boolean;
  readonly stateWritable: boolean;
  /** Host addresses of all published ports. */
  readonly hostAddresses: readonly string[];
}

/** What the kernel and the daemon say of a running claw's confinement (of a process started in it like the claw itself). */
export async function confinement(runtime: Descriptor, container: Container): Promise<Confinement> {
  const status = (await container.exec(["cat", "/proc/self/status"])).stdout;
  const field = (key: string) => new RegExp(`^${key}:\\s+(\\S+)`, "m").exec(status)?.[1] ?? "";
  const sets = ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"].map((set) => BigInt(`0x${field(set) || "f"}`));
  const ports = await dockerOrThrow(["inspect", "--format", "{{json .NetworkSettings.Ports}}", container.name]);
  return {
    uid: Number(field("Uid")),
    capabilities: sets.reduce((all, set) => all | set, 0n),
    noNewPrivileges: field("NoNewPrivs") === "1",
    rootReadOnly: (await container.exec(["touch", "/etc/claw/probe"])).stderr.includes("Read-only file system"),
    stateWritable: (await container.exec(["touch", `${runtime.stateDir}/probe`])).code === 0,
    hostAddresses: [...ports.matchAll(/"HostIp":"([^"]*)"/g)].map((match) => match[1] ?? ""),
  };
}
