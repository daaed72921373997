import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, type Result, TestStack, until } from "./stack.ts";

/** Keys that are unmistakable when they turn up where they must not. */
const keys = { anthropic: "sk-ant-canary-5f1d9c0a7be34d10", openai: "sk-canary-0c9e77d3a2f94b1e" };
const claws = [
  { name: "ada", runtime: "openclaw", uid: 10002, provider: "anthropic", key: keys.anthropic },
  { name: "pico", runtime: "picoclaw", uid: 10003, provider: "openai", key: keys.openai },
  { name: "zoe", runtime: "zeroclaw", uid: 10001, provider: "anthropic", key: keys.anthropic },
] as const;

interface Row {
  readonly name: string;
  readonly runtime: string;
  readonly version: string;
  readonly url: string;
  readonly healthUrl: string;
  readonly imageDigest: string;
  readonly container: string;
  readonly volume: string;
}

let stack: TestStack;
let first: string;
let preview: Result;
let ports: number[];

beforeAll(async () => {
  ports = await Promise.all(claws.map(() => freePort()));
  stack = new TestStack("fleet", fleet(), { CLAWFLEET_SECRET_ANTHROPIC: keys.anthropic, CLAWFLEET_SECRET_OPENAI: keys.openai });
  await stack.init();
  preview = await stack.pulumi("preview", "--diff");
  first = await stack.up();
}, 1_200_000);

afterAll(async () => {
  await stack?.remove();
});

/** The fleet file of all tests here. */
function fleet(): string {
  return claws
    .map(
      ({ name, runtime, provider }, i) =>
        `[[agent]]\nname = "${name}"\nruntime = "${runtime}"\nport = ${ports[i]}\n[agent.model]\nprovider = "${provider}"\nname = "some-model"\napi_key_ref = "${provider}"\n`,
    )
    .join("\n");
}

const stackLabel = () => ({ label: [`dev.clawfleet.stack=${stack.name}`] });

async function inventory(): Promise<Row[]> {
  const { out } = await stack.pulumi("stack", "output", "claws", "--json");
  return JSON.parse(out);
}

const inspect = (claw: string) => stack.docker.getContainer(stack.container(claw)).inspect();

/** The token of a claw's gateway, as docs/secrets.md says it is made. */
const tokenOf = (claw: string) =>
  createHmac("sha256", stack.env.CLAWFLEET_TOKEN_SEED ?? "")
    .update(`gateway-token:${claw}`)
    .digest("hex");

describe("three runtimes from one file", { timeout: 120_000 }, () => {
  test("the table shows each claw, its address and its health", () => {
    for (const [i, { name }] of claws.entries()) expect(first).toMatch(new RegExp(`${name}\\b.*http://127\\.0\\.0\\.1:${ports[i]}`));
  });

  test("the inventory names what runs, by digest", async () => {
    const rows = await inventory();
    expect(rows.map((row) => row.name).sort()).toEqual(claws.map((claw) => claw.name).sort());
    for (const row of rows) {
      expect(row.imageDigest).toMatch(/^(\S+@)?sha256:[0-9a-f]{64}$/);
      expect((await inspect(row.name)).Image).toContain(row.imageDigest.replace(/^.*@/, ""));
      expect(row.volume).toBe(`${row.container}-state`);
    }
  });

  test("each runtime answers in its own words", async () => {
    const rows = new Map((await inventory()).map((row) => [row.name, row]));
    const body = async (claw: string) => (await fetch(rows.get(claw)?.healthUrl ?? "")).json();
    expect(await body("ada")).toEqual({ ok: true, status: "live" });
    expect(await body("pico")).toMatchObject({ status: "ok", uptime: expect.any(String) });
    expect(await body("zoe")).toMatchObject({ status: "ok", require_pairing: true });
    expect(await (await fetch(`${rows.get("pico")?.url}/ready`)).json()).toMatchObject({ status: expect.stringMatching(/ready/) });
  });

  test("OpenClaw's gateway refuses without its token and accepts with it", async () => {
    const url = `http://127.0.0.1:${ports[0]}/tools/invoke`;
    const token = tokenOf("ada");
    const body = JSON.stringify({ tool: "sessions_list", args: {} });
    const status = async (headers: Record<string, string>) =>
      (await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body })).status;
    expect(await status({})).toBe(401);
    expect(await status({ authorization: "Bearer wrong" })).toBe(401);
    // It is live before all of its tools are.
    await until(async () => (await status({ authorization: `Bearer ${token}` })) === 200);
    expect((await stack.clawfleet("token", "ada")).out.trim()).toBe(token);
  });

  test("ZeroClaw's API refuses without its token and accepts with it", async () => {
    const status = async (headers: Record<string, string>) => (await fetch(`http://127.0.0.1:${ports[2]}/api/status`, { headers })).status;
    expect(await status({})).toBe(401);
    expect(await status({ authorization: `Bearer ${tokenOf("ada")}` })).toBe(401);
    expect(await status({ authorization: `Bearer ${tokenOf("zoe")}` })).toBe(200);
  });

  test.each(claws)("$name is unprivileged", async ({ name, uid }) => {
    const status = (await stack.exec(name, "cat", "/proc/1/status")).out;
    expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, "m"));
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
      expect(status).toMatch(new RegExp(`^${set}:\\s+0000000000000000$`, "m"));
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    for (const place of ["/", "/etc", "/usr/local/bin", "/var/tmp", `/home/${claws.find((claw) => claw.name === name)?.runtime}`])
      expect((await stack.exec(name, "touch", `${place}/mark`)).code, place).not.toBe(0);
    const { HostConfig, NetworkSettings } = await inspect(name);
    expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, Privileged: false, Init: true, RestartPolicy: { Name: "unless-stopped" } });
    expect(HostConfig.CapAdd ?? []).toEqual([]);
    expect(HostConfig.LogConfig?.Config).toHaveProperty("max-size");
    const bindings = Object.values(NetworkSettings.Ports).flatMap((list) => list ?? []);
    expect(bindings.map((binding) => binding.HostIp)).toEqual(["127.0.0.1"]);
    expect(Object.keys(NetworkSettings.Networks)).toEqual([stack.container(name)]);
  });

  test("no image has a setuid file", async () => {
    for (const { name } of claws) {
      const found = await stack.exec(name, "find", "/", "-xdev", "-perm", "/6000", "-type", "f");
      // What the claw's user may not even look into, it cannot run either.
      const files = found.out.split("\n").filter((line) => line !== "" && !line.endsWith("Permission denied"));
      expect(files, name).toEqual([]);
    }
  });

  test("a key reaches the claw and nothing else", async () => {
    const history = await stack.pulumi("stack", "output", "--json");
    const places: [string, string][] = [
      ["preview", preview.out],
      ["up", first],
      ["outputs", history.out],
      ["state", await stack.state()],
    ];
    for (const { name, key } of claws) {
      const { Config, Args, Path, HostConfig, Name } = await inspect(name);
      places.push([
        `${name}: labels, command, settings`,
        JSON.stringify([Config.Labels, Config.Cmd, Config.Entrypoint, Args, Path, HostConfig, Name]),
      ]);
      const logs = await stack.docker.getContainer(stack.container(name)).logs({ stdout: true, stderr: true });
      places.push([`${name}: logs`, logs.toString()]);
      const image = stack.docker.getImage((await inspect(name)).Image);
      places.push([`${name}: image`, JSON.stringify([await image.inspect(), await image.history()])]);
      const held = await stack.exec(name, "sh", "-c", `cat /proc/*/environ /run/claw/* 2>/dev/null | tr '\\0' '\\n'`);
      expect(held.out.includes(key), `${name} has its key`).toBe(true);
    }
    for (const [place, text] of places)
      for (const key of Object.values(keys)) expect(text.includes(key), `${place} shows a key`).toBe(false);
  });

  test("a key is not left on the volume", async () => {
    for (const { name, runtime } of claws) {
      const found = await stack.exec(name, "grep", "-rlE", "sk-ant-canary|sk-canary", `/home/${runtime}/.${runtime}`);
      expect(found.out, name).toBe("");
    }
  });

  test("a second up changes nothing, also with --refresh", async () => {
    const before = await Promise.all(claws.map(async ({ name }) => (await inspect(name)).Id));
    const again = await stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    expect(again, again.out).toMatchObject({ code: 0 });
    const refreshed = await stack.pulumi("preview", "--refresh", "--expect-no-changes");
    expect(refreshed, refreshed.out).toMatchObject({ code: 0 });
    const up = await stack.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes");
    expect(up, up.out).toMatchObject({ code: 0 });
    expect(await Promise.all(claws.map(async ({ name }) => (await inspect(name)).Id))).toEqual(before);
  });

  test("a claw that is added or removed leaves the others alone", async () => {
    const ids = () => Promise.all(claws.map(async ({ name }) => (await inspect(name)).Id));
    const before = await ids();
    const more = `\n[[agent]]\nname = "piet"\nruntime = "picoclaw"\nport = ${await freePort()}\n`;
    stack.fleet(fleet() + more);
    expect(await stack.up()).toContain("piet");
    expect(await ids()).toEqual(before);
    stack.fleet(fleet());
    await stack.up();
    expect(await ids()).toEqual(before);
    const names = (await stack.docker.listContainers({ all: true, filters: stackLabel() })).flatMap(({ Names }) => Names);
    expect(names).not.toContain(`/${stack.container("piet")}`);
  });

  test("down keeps all data, up goes on with it", async () => {
    const { out } = await stack.exec("pico", "sh", "-c", "echo mine > /home/picoclaw/.picoclaw/diary && echo written");
    expect(out).toBe("written\n");
    const down = await stack.clawfleet("down");
    expect(down, down.out).toMatchObject({ code: 0 });
    expect(await stack.docker.listContainers({ all: true, filters: stackLabel() })).toEqual([]);
    const { Volumes } = await stack.docker.listVolumes({ filters: stackLabel() });
    expect(Volumes.map((volume) => volume.Name)).toEqual(expect.arrayContaining(claws.map(({ name }) => `${stack.container(name)}-state`)));
    await stack.up();
    expect((await stack.exec("pico", "cat", "/home/picoclaw/.picoclaw/diary")).out).toBe("mine\n");
  });
});
