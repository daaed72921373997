import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import Docker from "dockerode";

/** The repository's root. */
export const root = join(import.meta.dirname, "../..");

/** What a command printed and how it ended. */
export interface Result {
  readonly code: number;
  readonly out: string;
}

/** A command under way. */
export interface Running {
  readonly process: ChildProcess;
  readonly done: Promise<Result>;
  /** Resolves once the output so far matches; rejects when the command ends first. */
  printed(pattern: RegExp): Promise<void>;
}

/** Starts a command in its own process group, so that a test can end all of it. */
export function start(command: readonly string[], env: NodeJS.ProcessEnv, timeoutSeconds = 300): Running {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { cwd: root, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let ended = false;
  const waiting: (() => void)[] = [];
  const take = (chunk: Buffer) => {
    out += chunk.toString();
    for (const check of waiting) check();
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  const timer = setTimeout(() => endGroup(child, "SIGKILL"), timeoutSeconds * 1000);
  const done = new Promise<Result>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      ended = true;
      for (const check of waiting) check();
      resolve({ code: code ?? (signal ? 128 : 1), out });
    });
  });
  const printed = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (pattern.test(out)) resolve();
        else if (ended) reject(new Error(`ended without printing ${pattern}:\n${out}`));
      };
      waiting.push(check);
      check();
    });
  return { process: child, done, printed };
}

/** Ends a command and all it started. */
export function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Docker as the tests reach it: the daemon that DOCKER_HOST names. */
export function docker(host = process.env.DOCKER_HOST): Docker {
  if (!host?.startsWith("unix://"))
    throw new Error(`these tests need a Docker socket in DOCKER_HOST, not "${host ?? ""}": run them by make test`);
  return new Docker({ socketPath: host.slice("unix://".length) });
}

/** A port of 127.0.0.1 that nothing listens on now, below those that the kernel gives to outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (free) return port;
  }
}

/** Resolves once `condition` holds; rejects after `seconds`. */
export async function until(condition: () => Promise<boolean>, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not come true within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

let count = 0;

/**
 * A stack of its own, on the real program: own name, backend, secrets and fleet file, all in a temporary directory.
 * `remove()` leaves nothing of it: containers, networks, volumes, files.
 */
export class TestStack {
  readonly name: string;
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly docker: Docker;

  constructor(purpose: string, fleet: string, env: NodeJS.ProcessEnv = {}) {
    this.docker = docker(env.DOCKER_HOST ?? process.env.DOCKER_HOST);
    count += 1;
    this.name = `t${process.pid.toString(36)}${count}-${purpose}`;
    this.dir = mkdtempSync(join(tmpdir(), `clawfleet-${purpose}-`));
    mkdirSync(join(this.dir, "backend"));
    this.env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${join(this.dir, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "a passphrase of the tests",
      PULUMI_OPTION_CONFIG_FILE: join(this.dir, `Pulumi.${this.name}.yaml`),
      PULUMI_STACK: this.name,
      CLAWFLEET_TOKEN_SEED: "7e".repeat(32),
      CLAWFLEET_FLEET: join(this.dir, "fleet.toml"),
      NO_COLOR: "1",
      ...env,
    };
    delete this.env.PULUMI_CONFIG_PASSPHRASE_FILE;
    this.fleet(fleet);
    this.config({});
  }

  get #mine(): { label: string[] } {
    return { label: [`dev.clawfleet.stack=${this.name}`] };
  }

  /** Writes the stack's config anew, before `init`. */
  config(values: Record<string, string>): void {
    writeFileSync(join(this.dir, `Pulumi.${this.name}.yaml`), JSON.stringify({ config: values }));
  }

  /** Writes the fleet file anew. */
  fleet(text: string): void {
    writeFileSync(join(this.dir, "fleet.toml"), text);
  }

  /** Names of a claw's container, network and volume. */
  container(claw: string): string {
    return `clawfleet-${this.name}.${claw}`;
  }

  /** Makes the stack; which one this checkout has selected stays as it is. */
  async init(): Promise<this> {
    // Pulumi writes a new stack's config beside the Pulumi.yaml it finds, whatever PULUMI_OPTION_CONFIG_FILE says.
    copyFileSync(join(root, "Pulumi.yaml"), join(this.dir, "Pulumi.yaml"));
    const made = await this.pulumi("--cwd", this.dir, "stack", "init", "--no-select", this.name);
    if (made.code !== 0) throw new Error(`stack init failed:\n${made.out}`);
    return this;
  }

  start(command: readonly string[], timeoutSeconds?: number): Running {
    return start(command, this.env, timeoutSeconds);
  }

  pulumi(...args: string[]): Promise<Result> {
    return this.start(["pulumi", "--non-interactive", "--color", "never", ...args]).done;
  }

  clawfleet(...args: string[]): Promise<Result> {
    return this.start([process.execPath, "cli/main.ts", ...args]).done;
  }

  /** The command line's `up`, expected to end well. */
  async up(): Promise<string> {
    const { code, out } = await this.clawfleet("up");
    if (code !== 0) throw new Error(`up ended with ${code}:\n${out}`);
    return out;
  }

  /** The state as Pulumi holds it, secrets encrypted. */
  async state(): Promise<string> {
    const { code, out } = await this.pulumi("stack", "export");
    if (code !== 0) throw new Error(`stack export ended with ${code}:\n${out}`);
    return out;
  }

  /** Runs a command in a claw's container; rejects nothing, the exit code tells. */
  async exec(claw: string, ...command: string[]): Promise<Result> {
    const exec = await this.docker.getContainer(this.container(claw)).exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    let out = "";
    const sink = { write: (chunk: Buffer) => (out += chunk.toString()) };
    this.docker.modem.demuxStream(stream, sinkStream(sink.write), sinkStream(sink.write));
    await new Promise((resolve) => stream.on("end", resolve));
    return { code: (await exec.inspect()).ExitCode ?? 1, out };
  }

  async removeVolumes(): Promise<void> {
    const { Volumes } = await this.docker.listVolumes({ filters: this.#mine });
    for (const { Name } of Volumes) await this.docker.getVolume(Name).remove();
  }

  async remove(): Promise<void> {
    const filters = this.#mine;
    for (const { Id } of await this.docker.listContainers({ all: true, filters }))
      await this.docker.getContainer(Id).remove({ force: true, v: true });
    for (const { Id } of await this.docker.listNetworks({ filters })) await this.docker.getNetwork(Id).remove();
    await this.removeVolumes();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function sinkStream(write: (chunk: Buffer) => unknown): NodeJS.WritableStream {
  return new Writable({
    write(chunk: Buffer, _encoding, callback) {
      write(chunk);
      callback();
    },
  });
}
