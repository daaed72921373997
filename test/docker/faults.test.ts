import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { loadRuntimes } from "../../runtimes/index.ts";
import { TestDaemon } from "./daemon.ts";
import { docker, endGroup, freePort, TestStack, until } from "./stack.ts";

const made: TestStack[] = [];
afterEach(async () => {
  for (const stack of made.splice(0)) await stack.remove();
});

function pico(port: number, name = "pico"): string {
  return `[[agent]]\nname = "${name}"\nruntime = "picoclaw"\nport = ${port}\n`;
}

async function stack(purpose: string, fleet: string, env?: NodeJS.ProcessEnv): Promise<TestStack> {
  const one = new TestStack(purpose, fleet, env);
  made.push(one);
  return await one.init();
}

const state = "/home/picoclaw/.picoclaw";
const keep = async (s: TestStack) => {
  const written = await s.exec("pico", "sh", "-c", `echo "dear diary" > ${state}/diary`);
  expect(written).toEqual({ code: 0, out: "" });
};
const kept = async (s: TestStack) => expect((await s.exec("pico", "cat", `${state}/diary`)).out).toBe("dear diary\n");

describe("a fault ends in a clear message, the next up converges, data stays", { timeout: 300_000 }, () => {
  test("the port is taken", async () => {
    const port = await freePort();
    const s = await stack("port", pico(port));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const { code, out } = await s.clawfleet("up");
    server.close();
    expect(code).not.toBe(0);
    expect(out).toContain(`pico`);
    expect(out).toMatch(new RegExp(`port.*${port}|${port}.*port`));
    expect(out).not.toMatch(/^\s+at .*\.ts:/m);
    expect(await s.up()).toContain("pico");
  });

  test("a container is removed by hand, another stopped by hand", async () => {
    const s = await stack("removed", pico(await freePort()) + pico(await freePort(), "piet"));
    await s.up();
    await keep(s);
    await s.docker.getContainer(s.container("pico")).remove({ force: true });
    await s.docker.getContainer(s.container("piet")).stop();
    await s.up();
    await kept(s);
    const again = await s.pulumi("preview", "--refresh", "--expect-no-changes");
    expect(again, again.out).toMatchObject({ code: 0 });
  });

  test("pulumi is killed while a claw comes up", async () => {
    const s = await stack("killed", pico(await freePort()));
    await s.up();
    await keep(s);
    s.fleet(`${pico(await freePort())}[agent.security]\nmax_open_files = 4096\n`);
    const id = (await s.docker.getContainer(s.container("pico")).inspect()).Id;
    const up = s.start([process.execPath, "cli/main.ts", "up"]);
    await until(async () => {
      const now = await s.docker.listContainers({ all: true, filters: { name: [s.container("pico")] } });
      return now.length === 0 || now.every((c) => c.Id !== id);
    });
    endGroup(up.process, "SIGKILL");
    await up.done;
    await s.up();
    await kept(s);
    const limits = (await s.docker.getContainer(s.container("pico")).inspect()).HostConfig.Ulimits;
    expect(limits).toContainEqual({ Name: "nofile", Soft: 4096, Hard: 4096 });
  });

  test("the image cannot be built", async () => {
    const port = await freePort();
    const s = await stack("nobase", pico(port), {
      CLAWFLEET_BASES: JSON.stringify({ DEBIAN: "clawfleet.local/no-such-base:1", GO: "clawfleet.local/no-such-base:1" }),
    });
    const { code, out } = await s.clawfleet("up");
    expect(code).not.toBe(0);
    expect(out).toContain("clawfleet.local/no-such-base:1");
    s.env.CLAWFLEET_BASES = process.env.CLAWFLEET_BASES;
    await s.up();
  });

  test("a claw never becomes healthy: its last words are shown", async () => {
    const s = await stack("sick", pico(await freePort()));
    await s.up();
    await keep(s);
    const volume = `${s.container("pico")}-state`;
    const asRoot = (command: string) => inVolume(s, volume, command);
    await asRoot(`chown -R 0:0 /v && chmod -R go-rwx /v`);
    s.fleet(`${pico(await freePort())}`);
    const { code, out } = await s.clawfleet("up");
    expect(code).not.toBe(0);
    expect(out).toContain("pico");
    expect(out).toContain(`entrypoint: `);
    expect(out).toContain(state);
    await asRoot(`chown -R 10003:10003 /v`);
    await s.up();
    await kept(s);
  });

  test("a bad edit of the fleet file changes nothing", async () => {
    const s = await stack("edit", pico(await freePort()));
    await s.up();
    const before = (await s.docker.getContainer(s.container("pico")).inspect()).Id;
    s.fleet('[[agent]]\nname = "pico"\nruntime = "pikoclaw"\n');
    for (const result of [await s.clawfleet("up"), await s.pulumi("up", "--yes", "--skip-preview"), await s.pulumi("preview")]) {
      expect(result.code).not.toBe(0);
      expect(result.out).toMatch(/fleet\.toml:3:1: .*picoclaw/);
      expect(result.out).not.toMatch(/^\s+at .*\.ts:/m);
    }
    expect((await s.clawfleet("up")).code).toBe(2);
    expect((await s.docker.getContainer(s.container("pico")).inspect()).Id).toBe(before);
  });

  test("the daemon is killed while a claw comes up", async () => {
    const daemon = await new TestDaemon().start();
    const shared = '[agent.docker]\naccess = "shared"\nacknowledge = "agents on this daemon can control each other"\n';
    const s = new TestStack("daemon", pico(await freePort()) + shared, { DOCKER_HOST: daemon.host });
    try {
      await daemon.load(await imageOf("picoclaw"));
      s.config({ "clawfleet:images": "pull" });
      await s.init();
      await s.up();
      await keep(s);
      s.fleet(`${pico(await freePort())}${shared}[agent.security]\nmax_open_files = 4096\n`);
      const id = (await s.docker.getContainer(s.container("pico")).inspect()).Id;
      const up = s.start([process.execPath, "cli/main.ts", "up"], 120);
      await until(async () => (await s.docker.listContainers({ all: true })).every((c) => c.Id !== id));
      await daemon.kill();
      const { code, out } = await up.done;
      expect(code).not.toBe(0);
      expect(out).toContain(daemon.host);
      expect(out).not.toMatch(/^\s+at .*\.ts:/m);
      const without = await s.clawfleet("up");
      expect(without.code).not.toBe(0);
      expect(without.out).toContain(`Docker does not answer at ${daemon.host}`);
      await daemon.start();
      await s.up();
      await kept(s);
      // By itself, the claw comes back to the new daemon's socket.
      await daemon.kill();
      await daemon.start();
      await until(async () => (await s.docker.getContainer(s.container("pico")).inspect()).State.Running);
      const connect = 'print IO::Socket::UNIX->new(Peer => "/var/run/docker.sock") ? "connected" : "not: $!"';
      expect((await s.exec("pico", "perl", "-MIO::Socket::UNIX", "-e", connect)).out).toBe("connected");
    } finally {
      await daemon.remove(); // with all that the stack has there
      rmSync(s.dir, { recursive: true, force: true });
    }
  });

  test("the disk is full where the stack's state is", async () => {
    const s = await stack("full", pico(await freePort()));
    await s.up();
    await keep(s);
    const small = join(s.dir, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", small]);
    try {
      execFileSync("cp", ["-a", `${join(s.dir, "backend")}/.`, small]);
      s.env.PULUMI_BACKEND_URL = `file://${small}`;
      // Full before the run begins, then with room for its lock and a part of its state.
      for (const [files, room] of [
        [4096, 0],
        [4097, 28],
      ] as const) {
        execFileSync("sh", ["-c", `dd if=/dev/zero of=${small}/filler bs=1k 2>/dev/null; truncate -s -${room}k ${small}/filler`]);
        s.fleet(`${pico(await freePort())}[agent.security]\nmax_open_files = ${files}\n`);
        const { code, out } = await s.clawfleet("up");
        expect(code).not.toBe(0);
        expect(out).toContain("no space left on device");
        execFileSync("rm", [`${small}/filler`]);
        await s.up();
        await kept(s);
      }
    } finally {
      execFileSync("umount", [small]);
    }
  });
});

async function inVolume(s: TestStack, volume: string, command: string): Promise<void> {
  const { Image } = await s.docker.getContainer(s.container("pico")).inspect();
  const [result] = await s.docker.run(Image, ["-c", command], process.stderr, {
    Entrypoint: ["/bin/sh"],
    User: "0:0",
    Labels: { "dev.clawfleet.stack": s.name },
    HostConfig: { Binds: [`${volume}:/v`], AutoRemove: true },
  });
  expect(result.StatusCode).toBe(0);
}

/** The image that another stack's `up` has built on the daemon of the tests. */
async function imageOf(runtime: string): Promise<string> {
  const version = (await loadRuntimes([runtime])).get(runtime)?.descriptor.version;
  const image = `ghcr.io/codervisor/${runtime}:${version}`;
  await docker().getImage(image).inspect();
  return image;
}
