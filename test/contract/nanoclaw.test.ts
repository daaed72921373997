/**
 * NanoClaw's real image on a real daemon: NanoClaw, its agent's runner and Claude Code are upstream's own, and run as containers of that daemon. Only the
 * model's API is a stand-in. What NanoClaw has been told is asked of NanoClaw, through its `ncl` and its process.
 */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { schema } from "../../runtimes/nanoclaw/native.ts";
import { runtime } from "../../runtimes/nanoclaw/runtime.ts";
import {
  buildImage,
  type Container,
  claw,
  confinement,
  docker,
  dockerOrThrow,
  obtainable,
  startClaw,
  translateOrThrow,
} from "./helpers.ts";
import { describeLifecycle } from "./lifecycle.ts";
import { expectReadBack, rounds } from "./readback.ts";

const { descriptor } = runtime;
const key = "sk-ant-api03-contract-model-key-7b1f6a2c9d";
const token = "contract-gateway-token-5e0d8f1a";
const secrets = { NANOCLAW_GATEWAY_TOKEN: token, ANTHROPIC_API_KEY: key };
const model = { provider: "anthropic", name: "claude-sonnet-4-6", apiKeyRef: "anthropic", baseUrl: "http://127.0.0.1:9999" };
const full = claw(descriptor, {
  model,
  extras: { timezone: "Europe/Vienna", logLevel: "debug", agent: { name: "Ada", maxMessagesPerPrompt: 7 } },
});

let image: string;
let container: Container;
const started = new Set<Container>();
const peers: string[] = [];

async function start(...args: Parameters<typeof startClaw>): Promise<Container> {
  const claw = await startClaw(...args);
  started.add(claw);
  return claw;
}

/** Stops the claw first: it takes its agents along. */
async function removeWithAgents(claw: Container): Promise<void> {
  const install = (await claw.exec(["cat", `${descriptor.stateDir}/data/claw-install`])).stdout;
  await docker(["stop", "--time", `${descriptor.stopGraceSeconds}`, claw.name]);
  for (const agent of install === "" ? [] : await agentsOf(install)) await docker(["rm", "--force", agent]);
  await claw.remove();
  started.delete(claw);
}

/** Puts the stand-in for the model's API into the claw's network. */
async function startModel(claw: Container): Promise<void> {
  const source = stripTypeScriptTypes(readFileSync(new URL("nanoclaw-peers.ts", import.meta.url), "utf8"));
  const name = `${claw.name}-peers`;
  peers.push(name);
  const args = ["run", "--detach", "--init", "--name", name, "--network", `container:${claw.name}`, "--entrypoint", "node"];
  await dockerOrThrow([...args, image, "--input-type=module", "--eval", source]);
  await until(async () => (await docker(["logs", name])).stdout.includes("{}"));
}

const Request = z.object({ url: z.string(), key: z.string(), model: z.string(), said: z.string(), body: z.string() });

/** What the model was asked, but for the titles that Claude Code has a smaller model make. */
async function requests(claw: Container): Promise<z.output<typeof Request>[]> {
  const { stdout } = await docker(["logs", `${claw.name}-peers`]);
  const lines = stdout.split("\n").filter((line) => line.startsWith('{"method"'));
  return lines.map((line) => Request.parse(JSON.parse(line))).filter((request) => request.model === model.name);
}

async function until(good: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await good())) {
    if (performance.now() > deadline) throw new Error(`not so after ${seconds} s: ${good}`);
    await sleep(100);
  }
}

const Replies = z.object({ messages: z.array(z.object({ id: z.number(), text: z.string() })), last: z.number() });

/** Calls the claw's API; gives status and body. */
async function call(
  path: string,
  init: RequestInit = {},
  authorization = `Bearer ${token}`,
  of = container,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${of.url}${path}`, { ...init, headers: { authorization }, signal: AbortSignal.timeout(130_000) });
  return { status: response.status, body: await response.json() };
}

/** Says something to the agent and waits for what it says. */
async function say(text: string): Promise<string[]> {
  const { status, body } = await call("/v1/messages?wait=120", { method: "POST", body: JSON.stringify({ text }) });
  expect([status, body]).toEqual([200, expect.anything()]);
  return Replies.parse(body).messages.map((message) => message.text);
}

/** Ids of running agents. */
async function agentsOf(install: string): Promise<string[]> {
  const format = '{{.ID}} {{.Label "nanoclaw-install"}}';
  const rows = (await dockerOrThrow(["ps", "--no-trunc", "--filter", "label=nanoclaw-install", "--format", format])).split("\n");
  return rows.filter((row) => row.endsWith(`-${install}`)).map((row) => row.split(" ")[0] ?? "");
}

const installOf = async (claw: Container) => (await claw.exec(["cat", `${descriptor.stateDir}/data/claw-install`])).stdout;
const agents = async () => agentsOf(await installOf(container));

/** NanoClaw's own word on its agent. */
async function agentRow(claw: Container): Promise<ReadonlyMap<string, unknown>> {
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await claw.exec(["ncl", ...args, "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    return z.object({ data: z.unknown() }).parse(JSON.parse(stdout)).data;
  };
  const [group] = z.array(z.object({ id: z.string(), name: z.string(), folder: z.literal("main") })).parse(await json("groups", "list"));
  if (group === undefined) throw new Error("no agent group");
  const row = z.record(z.string(), z.unknown()).parse(await json("groups", "config", "get", "--id", group.id));
  return new Map([...Object.entries(row), ["name", group.name]]);
}

/** Environment of NanoClaw's process. */
async function environment(claw: Container): Promise<ReadonlyMap<string, string>> {
  const script =
    'for p in /proc/[0-9]*; do if grep -qzx /opt/nanoclaw/dist/index.js "$p/cmdline"; then cat "$p/environ"; fi; done 2>/dev/null';
  const { stdout } = await claw.exec(["sh", "-c", script]);
  return new Map(stdout.split("\0").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

const here = await obtainable(descriptor);

describe.skipIf(!here)("the real NanoClaw", { timeout: 180_000 }, () => {
  beforeAll(async () => {
    image = await buildImage(descriptor);
    container = await start(descriptor, image, translateOrThrow(runtime, full), secrets);
    await startModel(container);
  }, 3_600_000);

  afterAll(async () => {
    for (const name of peers) await docker(["rm", "--force", name]);
    for (const one of started) await removeWithAgents(one);
  }, 180_000);

  test("is healthy, for the image's own check too", async () => {
    expect(await call("/health", {}, "")).toEqual({ status: 200, body: { status: "ok" } });
    expect((await container.exec(["entrypoint", "health"])).code).toBe(0);
    expect(container.startSeconds).toBeLessThan(descriptor.health.startupSeconds);
  });

  test("keeps out whoever has not its token", async () => {
    for (const wrong of ["", "Bearer wrong", `Bearer ${token}0`]) {
      expect((await call("/v1/messages", { method: "POST", body: '{"text":"hi"}' }, wrong)).status).toBe(401);
    }
    expect((await call("/v1/messages?after=0")).status).toBe(200);
    expect(await agents()).toEqual([]);
  });

  test("has its settings, by its own word", async () => {
    const row = await agentRow(container);
    expect(Object.fromEntries(row)).toMatchObject({
      name: "Ada",
      provider: "claude",
      model: "claude-sonnet-4-6",
      assistant_name: "Ada",
      max_messages_per_prompt: 7,
      cli_scope: "group",
    });
    const env = await environment(container);
    expect([env.get("TZ"), env.get("LOG_LEVEL"), env.get("ASSISTANT_NAME")]).toEqual(["Europe/Vienna", "debug", "Ada"]);
  });

  test("answers a message: its agent is started, asks the model with the claw's key, and what it says comes back", async () => {
    expect(await say("please say hello")).toEqual(["the model says hello"]);
    const [request, ...more] = await requests(container);
    expect(more).toEqual([]);
    expect(request).toMatchObject({ url: "/v1/messages?beta=true", key, model: "claude-sonnet-4-6", said: "hello" });
    // The identity from workspace/, the claw's name and its timezone have reached the model.
    expect(request?.body).toContain("You are a claw");
    expect(request?.body).toContain("Ada");
    expect(request?.body).toContain('timezone=\\"Europe/Vienna\\"');
    const said = Replies.parse((await call("/v1/messages?after=0")).body);
    expect(said.messages.map(({ text }) => text)).toEqual(["the model says hello"]);
    expect((await call(`/v1/messages?after=${said.last}`)).body).toEqual({ messages: [], last: said.last });
  });

  test("confines its agent: the claw's user and limits, no capabilities, the claw's volume and nothing else", async () => {
    const [agent = "", ...more] = await agents();
    expect(more).toEqual([]);
    const [{ Config, HostConfig, Mounts }] = JSON.parse(await dockerOrThrow(["inspect", agent]));
    expect(Config.User).toBe("10004:10004");
    expect(HostConfig).toMatchObject({ CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges:true"], Privileged: false, PidsLimit: 2048 });
    const volume = (await dockerOrThrow(["volume", "inspect", "--format", "{{.Mountpoint}}", `${container.name}-state`])).trim();
    const sources = z.array(z.object({ Source: z.string() })).parse(Mounts);
    expect(sources.length).toBeGreaterThan(5);
    for (const { Source } of sources) expect(Source.startsWith(`${volume}/`), Source).toBe(true);
    const own = (await dockerOrThrow(["inspect", "--format", "{{.HostConfig.NetworkMode}} {{.Image}}", container.name])).trim().split(" ");
    expect([HostConfig.NetworkMode, Config.Image]).toEqual(own.map((value) => (value === "default" ? "bridge" : value)));
  });

  test("gives the key to neither NanoClaw nor an agent, and writes neither secret anywhere", async () => {
    const [agent = ""] = await agents();
    const places = [
      JSON.stringify([...(await environment(container))]),
      await dockerOrThrow(["inspect", agent]),
      (await docker(["exec", agent, "sh", "-c", "cat /proc/*/environ /proc/*/cmdline 2>/dev/null"])).stdout,
      await container.logs(),
      (await container.exec(["sh", "-c", "cat /proc/*/cmdline 2>/dev/null"])).stdout,
    ];
    for (const place of places) {
      expect(place.length).toBeGreaterThan(20);
      for (const secret of [key, token]) expect(place).not.toContain(secret);
    }
    const found = await container.exec(["grep", "-rlE", `${key}|${token}`, descriptor.stateDir, "/run/claw", "/tmp"]);
    expect([found.code, found.stdout]).toEqual([1, ""]);
  });

  test("is confined itself, and writes to its state alone", async () => {
    expect(await confinement(descriptor, container)).toEqual({
      uid: 10004,
      capabilities: 0n,
      noNewPrivileges: true,
      rootReadOnly: true,
      stateWritable: true,
      hostAddresses: ["127.0.0.1"],
    });
    expect((await container.exec(["find", "/", "-xdev", "-type", "f", "-perm", "/6000"])).stdout).toBe("");
    expect((await container.exec(["stat", "-c", "%a %u", "/run/claw/config.json"])).stdout).toBe("600 10004\n");
    expect((await container.exec(["find", "/tmp", "-type", "f"])).stdout).toBe("");
  });

  test("leaves the agents of another claw on the daemon alone, and stops its own", async () => {
    const [before] = await agents();
    expect(before).toBeDefined();
    const other = await start(descriptor, image, translateOrThrow(runtime, claw(descriptor)), { NANOCLAW_GATEWAY_TOKEN: token });
    expect(await call("/v1/messages", { method: "POST", body: '{"text":"hi"}' }, undefined, other)).toEqual({
      status: 202,
      body: { after: 0 },
    });
    // It has no key: that is what it says, as its agent has no other way to.
    const told = async () => JSON.stringify((await call("/v1/messages", {}, undefined, other)).body);
    await until(async () => (await told()).includes('"problem":"the claw has no ANTHROPIC_API_KEY"'));
    const install = await installOf(other);
    expect(await agentsOf(install)).toHaveLength(1);
    await dockerOrThrow(["stop", "--time", `${descriptor.stopGraceSeconds}`, other.name]);
    expect(await agentsOf(install)).toEqual([]);
    expect(await agents()).toEqual([before]);
    await removeWithAgents(other);
  });

  test("that was killed goes on: the agent left behind is replaced, and the conversation is remembered", async () => {
    const install = await installOf(container);
    const [left] = await agentsOf(install);
    expect(left).toBeDefined();
    await dockerOrThrow(["kill", container.name]);
    expect(await agentsOf(install)).toEqual([left]);
    await container.restart();
    expect(await agentsOf(install)).toEqual([]);
    // The stand-in was in the network of the container before.
    await docker(["restart", "--time", "1", `${container.name}-peers`]);
    expect(await say("please say again")).toEqual(["the model says again"]);
    const last = (await requests(container)).at(-1);
    expect(last?.body).toContain("please say hello");
    expect(Replies.parse((await call("/v1/messages?after=0")).body).messages.map(({ text }) => text)).toEqual([
      "the model says hello",
      "the model says again",
    ]);
  });

  test("takes commands of whoever has the token, and says when NanoClaw drops one", async () => {
    expect(await say("/clear")).toEqual(["Session cleared."]);
    expect(await say("please say anew")).toEqual(["the model says anew"]);
    expect((await requests(container)).at(-1)?.body).not.toContain("please say hello");
    expect((await call("/v1/messages", { method: "POST", body: '{"text":"/help"}' })).status).toBe(422);
    const roles = (await container.exec(["ncl", "roles", "list", "--json"])).stdout;
    expect(roles.match(/"admin"/g)).toHaveLength(1);
  });

  test("without the Docker socket says what is missing, and waits", async () => {
    const name = `${container.name}-alone`;
    const tmpfs = `/run/claw:uid=${descriptor.uid},gid=${descriptor.uid},mode=0700`;
    try {
      await dockerOrThrow(["run", "--detach", "--init", "--name", name, "--tmpfs", tmpfs, "--env", "NANOCLAW_GATEWAY_TOKEN", image], {
        env: secrets,
      });
      const ask = "fetch('http://127.0.0.1:7070/health').then(async (r) => console.log(r.status, await r.text()))";
      await until(async () => (await docker(["exec", name, "node", "-e", ask])).stdout.startsWith("503"));
      expect((await docker(["exec", name, "node", "-e", ask])).stdout).toMatch(/"docker":"[^"]*docker\.sock/);
      expect((await docker(["exec", name, "entrypoint", "health"])).code).toBe(1);
      const { stdout, stderr } = await docker(["logs", name]);
      expect(stdout + stderr).toMatch(/^claw: NanoClaw waits for Docker: .*docker\.sock/m);
      expect((await dockerOrThrow(["inspect", "--format", "{{.State.Running}} {{.RestartCount}}", name])).trim()).toBe("true 0");
    } finally {
      await docker(["rm", "--force", "--volumes", name]);
    }
  });

  test("does not start without a token", async () => {
    const name = `${container.name}-open`;
    const tmpfs = `/run/claw:uid=${descriptor.uid},gid=${descriptor.uid},mode=0700`;
    try {
      const { code, stderr } = await docker(["run", "--name", name, "--tmpfs", tmpfs, image], { timeoutSeconds: 60 });
      expect([code, stderr]).toEqual([2, expect.stringMatching(/^claw: NANOCLAW_GATEWAY_TOKEN must have 16 characters at least/)]);
    } finally {
      await docker(["rm", "--force", "--volumes", name]);
    }
  });

  describe("has what it is told", async () => {
    const all = here ? await rounds(runtime, schema) : [];

    test.each(all.map((round) => [round.title, round] as const))("%s", async (_, round) => {
      const one = await start(descriptor, image, round.translation, round.secrets);
      const [row, env] = [await agentRow(one), await environment(one)];
      const config = z
        .object({ anthropic: z.object({ baseUrl: z.string() }) })
        .parse(JSON.parse((await one.exec(["cat", "/run/claw/config.json"])).stdout));
      const said: { readonly [path: string]: unknown } = {
        timezone: env.get("TZ"),
        logLevel: env.get("LOG_LEVEL"),
        "agent.name": row.get("name"),
        "agent.provider": row.get("provider"),
        "agent.model": row.get("model"),
        "agent.effort": row.get("effort"),
        "agent.image": env.get("CONTAINER_IMAGE"),
        "agent.maxMessagesPerPrompt": row.get("max_messages_per_prompt"),
        "agent.cliScope": row.get("cli_scope"),
        // The shim's own; that it is asked is seen above.
        "anthropic.baseUrl": config.anthropic.baseUrl,
      };
      expectReadBack(runtime, round, (path) => ({ value: said[path.join(".")] }), ["NANOCLAW_GATEWAY_TOKEN", "ANTHROPIC_API_KEY"]);
      await removeWithAgents(one);
    });
  });

  describeLifecycle({
    runtime: descriptor,
    image: () => image,
    container: () => container,
    replaced: (replacement) => {
      started.delete(container);
      started.add(replacement);
      container = replacement;
    },
    change: {
      variable: "NANOCLAW_agent__name",
      value: 'Grace "H" $HOME',
      read: async (one) => (await agentRow(one)).get("name"),
      told: 'Grace "H" $HOME',
    },
    wrongKey: "NANOCLAW_agent__nosuch",
    healthyBetween: false,
  });
});
