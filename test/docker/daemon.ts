import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, until } from "./stack.ts";

const starters = ["/usr/bin/dockerd-rootless.sh", "/usr/share/docker.io/contrib/dockerd-rootless.sh"];
const isRoot = process.getuid?.() === 0;

/**
 * A rootless Docker daemon of a test's own, to be killed at will: own socket, data and process group. Started by root it is
 * the user `clawfleet`'s, like the one of the set-up.
 */
export class TestDaemon {
  readonly dir: string;
  readonly host: string;
  #child: ChildProcess | undefined;

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), "clawfleet-daemon-"));
    if (isRoot) execFileSync("chown", ["clawfleet:", this.dir]);
    this.host = `unix://${this.dir}/docker.sock`;
  }

  async start(): Promise<this> {
    const starter = starters.find(existsSync);
    if (starter === undefined) throw new Error("no dockerd-rootless.sh on this machine");
    const as = isRoot ? ["setpriv", "--reuid=clawfleet", "--regid=clawfleet", "--init-groups"] : ["env"];
    const words = [
      ...as,
      "env",
      starter,
      "--host",
      this.host,
      "--data-root",
      `${this.dir}/data`,
      "--exec-root",
      `${this.dir}/exec`,
      "--pidfile",
      `${this.dir}/pid`,
    ];
    const [command = "", ...args] = words;
    this.#child = spawn(command, args, {
      cwd: "/",
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        HOME: this.dir,
        XDG_RUNTIME_DIR: this.dir,
        TMPDIR: this.dir,
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        DOCKERD_ROOTLESS_ROOTLESSKIT_NET: "slirp4netns",
        DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER: "builtin",
      },
    });
    let log = "";
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4000);
    });
    const ended = new Promise<never>((_, reject) =>
      this.#child?.on("exit", (code) => reject(new Error(`the daemon ended with ${code}:\n${log}`))),
    );
    ended.catch(() => undefined); // later ends are the test's own doing
    const answers = until(async () => {
      try {
        await docker(this.host).ping();
        return true;
      } catch {
        return false; // not yet
      }
    });
    await Promise.race([answers, ended]);
    return this;
  }

  /** Copies an image of another daemon, with its tag. */
  async load(image: string): Promise<void> {
    const loaded = await docker(this.host).loadImage(await docker().getImage(image).get());
    loaded.resume();
    await new Promise((resolve, reject) => loaded.on("end", resolve).on("error", reject));
  }

  /** Ends the daemon and all below it as a power cut would. */
  async kill(): Promise<void> {
    for (let pids = this.#processes(); pids.length > 0; pids = this.#processes()) {
      for (const pid of pids) signal(pid);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // As after a power cut: what is below /run elsewhere is gone.
    for (const name of ["pid", "exec", "dockerd-rootless"]) rmSync(join(this.dir, name), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await this.kill();
    // Files below data/ belong to subordinate users; their own user namespace may remove them.
    if (isRoot) rmSync(this.dir, { recursive: true, force: true });
    else execFileSync("rootlesskit", ["rm", "-rf", this.dir]);
  }

  /** The daemon's own processes, known by their runtime directory, and all in their user namespace: the containers' too. */
  #processes(): number[] {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const own = pids.filter((pid) => read(() => readFileSync(`/proc/${pid}/environ`, "utf8")).includes(`XDG_RUNTIME_DIR=${this.dir}\0`));
    const namespace = (pid: string) => read(() => readlinkSync(`/proc/${pid}/ns/user`));
    const spaces = new Set(own.map(namespace));
    spaces.delete(namespace("self"));
    spaces.delete("");
    return pids.filter((pid) => own.includes(pid) || spaces.has(namespace(pid))).map(Number);
  }
}

/** Text of a process's file; empty when it ended while we looked or is another user's. */
function read(from: () => string): string {
  try {
    return from();
  } catch {
    return "";
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
