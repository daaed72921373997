import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { loadRuntimes } from "../../runtimes/index.ts";
import type { Descriptor } from "../../runtimes/runtime.ts";
import { buildImage, docker } from "../contract/helpers.ts";
import { compose, fleetFile, root } from "./compose.ts";

const runtimes = [...(await loadRuntimes(["openclaw", "picoclaw", "zeroclaw"])).values()].map(({ descriptor }) => descriptor);
const token = randomBytes(32).toString("hex");
const picoToken = randomBytes(32).toString("hex");
const project = `clawfleet-kit-${randomBytes(4).toString("hex")}`;
const scratch = mkdtempSync(join(tmpdir(), `${project}-`));
const ports = new Map<string, number>();

/** In the project's folder of this test: its .env files are not this checkout's. */
const inProject = (...args: string[]) =>
  compose(
    ["--project-name", project, "--project-directory", scratch, "--file", fleetFile, "--file", join(scratch, "secret.yml"), ...args],
    env(),
    300,
  );
const env = () => Object.fromEntries(runtimes.map(({ name, envPrefix }) => [`${envPrefix}PORT`, String(ports.get(name))]));

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

const put = (path: string, text: string) => {
  mkdirSync(join(scratch, path, ".."), { recursive: true });
  writeFileSync(join(scratch, path), text);
};

const inspected = z.object({
  State: z.object({ Health: z.object({ Status: z.string() }), StartedAt: z.string() }),
  RestartCount: z.number(),
  Config: z.object({ User: z.string(), Env: z.array(z.string()), Labels: z.record(z.string(), z.string()) }),
  HostConfig: z.object({
    ReadonlyRootfs: z.boolean(),
    CapDrop: z.array(z.string()),
    CapAdd: z.array(z.string()).nullable(),
    SecurityOpt: z.array(z.string()),
    Privileged: z.boolean(),
    Init: z.boolean(),
    Memory: z.number(),
    MemorySwap: z.number(),
    NanoCpus: z.number(),
    PidsLimit: z.number(),
    RestartPolicy: z.object({ Name: z.string() }),
    LogConfig: z.object({ Type: z.string(), Config: z.record(z.string(), z.string()) }),
    Tmpfs: z.record(z.string(), z.string()),
    Ulimits: z.array(z.object({ Name: z.string(), Hard: z.number(), Soft: z.number() })),
  }),
  NetworkSettings: z.object({
    Ports: z.record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable()),
    Networks: z.record(z.string(), z.unknown()),
  }),
});

const containerOf = (name: string) => `${project}-${name}-1`;

async function inspect(name: string) {
  const { stdout, stderr } = await docker(["inspect", containerOf(name)]);
  const [found] = z.array(inspected).parse(JSON.parse(stdout));
  if (found === undefined) throw new Error(stderr);
  return found;
}

const urlOf = ({ name }: Descriptor) => `http://127.0.0.1:${ports.get(name)}`;

async function status(url: string, bearer?: string, body?: unknown): Promise<number> {
  const headers = { "content-type": "application/json", ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) };
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  await response.body?.cancel();
  return response.status;
}

beforeAll(async () => {
  for (const runtime of runtimes) await buildImage(runtime);
  for (const { name } of runtimes) ports.set(name, await freePort());
  // Its token comes by file, PicoClaw's in its .env; ZeroClaw needs nothing at all.
  put("runtimes/picoclaw/.env", `PICOCLAW_channel_list__pico__enabled=true\nPICOCLAW_channel_list__pico__settings__token=${picoToken}\n`);
  put("secrets/openclaw-gateway-token", `${token}\n`);
  chmodSync(scratch, 0o755);
  const lines = readFileSync(join(root, "runtimes/openclaw/docker-compose.yml"), "utf8").split("\n");
  put(
    "secret.yml",
    lines
      .slice(lines.indexOf("# services:"))
      .map((line) => line.replace(/^# ?/, ""))
      .join("\n"),
  );
  const { code, stderr } = await inProject("up", "--wait", "--no-build", "--pull", "never");
  if (code !== 0) {
    const { stdout } = await inProject("logs", "--no-color", "--tail", "30");
    throw new Error(`${stderr}\n${stdout}`);
  }
}, 900_000);

afterAll(async () => {
  await inProject("--profile", "*", "down", "--volumes", "--timeout", "5");
  rmSync(scratch, { recursive: true, force: true });
}, 120_000);

describe("docker compose -f docker-compose.fleet.yml up --wait", () => {
  test("has OpenClaw, PicoClaw and ZeroClaw healthy at once", async () => {
    const { stdout } = await inProject("ps", "--format", "json");
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => z.object({ Service: z.string(), Health: z.string() }).parse(JSON.parse(line)));
    expect(rows.toSorted((a, b) => (a.Service < b.Service ? -1 : 1))).toEqual(
      runtimes.map(({ name }) => ({ Service: name, Health: "healthy" })),
    );
    for (const runtime of runtimes) expect(await status(urlOf(runtime) + runtime.health.path), runtime.name).toBe(200);
  });

  test("runs each of them confined, as the daemon itself says", async () => {
    for (const { name, uid, port, tmpfs, env: fixed } of runtimes) {
      const { Config, HostConfig, NetworkSettings } = await inspect(name);
      expect(Config.User, name).toBe(`${uid}:${uid}`);
      expect(Config.Env, name).toEqual(expect.arrayContaining(Object.entries(fixed).map(([key, value]) => `${key}=${value}`)));
      expect(HostConfig, name).toMatchObject({
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        CapAdd: null,
        SecurityOpt: ["no-new-privileges:true"],
        Privileged: false,
        Init: true,
        NanoCpus: 1e9,
        PidsLimit: 512,
        RestartPolicy: { Name: "unless-stopped" },
        LogConfig: { Type: "json-file", Config: { "max-file": "3", "max-size": "10m" } },
      });
      expect(HostConfig.Memory, name).toBeGreaterThan(0);
      expect(HostConfig.MemorySwap, name).toBe(HostConfig.Memory);
      expect(HostConfig.Ulimits, name).toContainEqual({ Name: "nofile", Hard: 16384, Soft: 16384 });
      expect(Object.keys(HostConfig.Tmpfs).sort(), name).toEqual(["/run/claw", ...tmpfs.map(({ path }) => path)].sort());
      expect(NetworkSettings.Ports[`${port}/tcp`], name).toEqual([{ HostIp: "127.0.0.1", HostPort: String(ports.get(name)) }]);
      expect(Object.keys(NetworkSettings.Networks), name).toEqual([`${project}_${name}`]);
      expect((await docker(["exec", containerOf(name), "touch", "/etc/probe"])).stderr, name).toContain("Read-only file system");
    }
  });

  test("lets nobody use OpenClaw's API without the token from its file, and has that nowhere else", async () => {
    const [openclaw] = runtimes;
    if (openclaw === undefined) throw new Error("no OpenClaw");
    const call = (bearer?: string) => status(`${urlOf(openclaw)}/tools/invoke`, bearer, { tool: "sessions_list", args: {} });
    expect(await call()).toBe(401);
    expect(await call(randomBytes(32).toString("hex"))).toBe(401);
    // Healthy, it lives; what it refuses for the seconds until it is ready is 500 to who has the token.
    const deadline = performance.now() + 60_000;
    let answer = await call(token);
    while (answer === 500 && performance.now() < deadline) {
      await sleep(200);
      answer = await call(token);
    }
    expect(answer).toBe(200);
    for (const { name } of runtimes) {
      const logs = await docker(["logs", containerOf(name)]);
      const { stdout } = await docker(["inspect", containerOf(name)]);
      expect(stdout + logs.stdout + logs.stderr, name).not.toContain(token);
      expect(logs.stdout + logs.stderr, name).not.toContain(picoToken);
    }
  }, 90_000);

  test("brings a claw back that ended by itself, with its state", async () => {
    const name = "picoclaw";
    const before = await inspect(name);
    const state = runtimes.find((each) => each.name === name)?.stateDir ?? "";
    await docker(["exec", containerOf(name), "sh", "-c", `echo kept > ${state}/probe && kill -TERM 1`]);
    const deadline = performance.now() + 60_000;
    let now = await inspect(name);
    while (now.RestartCount === before.RestartCount || now.State.Health.Status !== "healthy") {
      if (performance.now() > deadline) throw new Error(`not back: ${JSON.stringify(now.State)}`);
      await sleep(100);
      now = await inspect(name);
    }
    expect((await docker(["exec", containerOf(name), "cat", `${state}/probe`])).stdout).toBe("kept\n");
  }, 90_000);

  test("and down --volumes leaves nothing", async () => {
    const { code, stderr } = await inProject("down", "--volumes");
    expect(code, stderr).toBe(0);
    const label = `label=com.docker.compose.project=${project}`;
    for (const kind of ["container", "volume", "network"]) {
      const all = kind === "container" ? ["--all"] : [];
      expect((await docker([kind, "ls", "--quiet", ...all, "--filter", label])).stdout, kind).toBe("");
    }
  }, 120_000);
});

test("a runtime's own file, where its image cannot be pulled, builds it and brings it up", async () => {
  const image = `127.0.0.1:9/${project}:1`;
  const bases = z.record(z.string(), z.string()).parse(JSON.parse(process.env.CLAWFLEET_BASES || "{}"));
  const env = {
    ...Object.fromEntries(
      Object.entries(process.env).filter((entry): entry is [string, string] => entry[0].startsWith("CLAWFLEET_BUILD_")),
    ),
    ...Object.fromEntries(Object.entries(bases).map(([name, value]) => [`CLAW_BASE_${name}`, value])),
    CLAW_BUILD_NETWORK: "host",
    CLAW_IMAGE: image,
    CLAW_PORT: String(await freePort()),
  };
  const own = ["--project-name", `${project}-own`, "--file", join(root, "runtimes/picoclaw/docker-compose.yml")];
  try {
    const { code, stderr } = await compose([...own, "up", "--wait"], env, 600);
    expect(code, stderr).toBe(0);
    expect(await status(`http://127.0.0.1:${env.CLAW_PORT}/health`)).toBe(200);
    expect((await docker(["inspect", "--format", "{{ .Config.Image }}", `${project}-own-picoclaw-1`])).stdout).toBe(`${image}\n`);
  } finally {
    await compose([...own, "down", "--volumes", "--rmi", "all"], env, 120);
  }
}, 600_000);

test("a runtime that reads overrides itself takes every line of its .env.example, and would say which it does not", async () => {
  const zeroclaw = runtimes.find(({ config }) => config.overrides === "native");
  if (zeroclaw === undefined) throw new Error("no runtime reads its overrides itself");
  const lines = readFileSync(join(root, "runtimes", zeroclaw.name, ".env.example"), "utf8").split("\n");
  const overrides = lines
    .filter((line) => line.startsWith(`#${zeroclaw.envPrefix}`))
    .map((line) => line.slice(1))
    .filter((line) => /^[A-Z]+_[a-z]/.test(line));
  expect(overrides.length).toBeGreaterThan(100);
  const run = async (...further: string[]) => {
    put("overrides.env", [...overrides, ...further, ""].join("\n"));
    const image = await buildImage(zeroclaw);
    return docker(["run", "--rm", "--env-file", join(scratch, "overrides.env"), image, "--", "zeroclaw", "config", "get", "gateway.port"]);
  };
  expect(await run()).toMatchObject({ code: 0, stdout: `${zeroclaw.port}\n` });
  expect(await run(`${zeroclaw.envPrefix}no_such_key=1`)).toMatchObject({ code: 1, stderr: expect.stringContaining("no_such_key") });
}, 120_000);
