/**
 * PicoClaw's real image, translated settings, and what PicoClaw itself then says and does: through its WebSocket channel, its own commands, its HTTP
 * answers, its log, and what it sends to (stand-ins of) its model and Telegram.
 */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import YAML from "yaml";
import { z } from "zod";
import type { Security } from "../../fleet/types.ts";
import { runtime as openclaw } from "../../runtimes/openclaw/runtime.ts";
import { schema } from "../../runtimes/picoclaw/native.ts";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";
import { buildImage, type Container, claw, confinement, docker, dockerOrThrow, startClaw, translateOrThrow } from "./helpers.ts";
import { describeLifecycle } from "./lifecycle.ts";
import { at, expectReadBack, rounds } from "./readback.ts";

const { descriptor } = runtime;
const key = "contract-model-key-7b1f6a2c9d";
const botToken = "123456789:contract-bot-token-0123456789abcdef";
const gatewayToken = "contract-gateway-token-5e0d";
const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 512, cpus: 1, maxOpenFiles: 65536 };
const model = { provider: "openrouter", name: "anthropic/claude-sonnet-4.6", apiKeyRef: "router", baseUrl: "http://127.0.0.1:9999/v1" };

const tokens = { PICOCLAW_channel_list__pico__settings__token: gatewayToken };

/** Everything canonical that PicoClaw has; its peers are stand-ins. */
const full = claw(descriptor, {
  model,
  channels: [
    { channel: "telegram", enabled: true, tokenRef: "bot", allowlist: ["111"] },
    { channel: "pico", enabled: true, allowlist: ["pico-user"] },
  ],
  tools: [{ name: "shell", allowed: false }],
  schedule: { heartbeatMinutes: 45, cron: [] },
  security,
  extras: {
    agents: { defaults: { max_tokens: 4321, context_window: 100_000 } },
    channel_list: { telegram: { settings: { base_url: "http://127.0.0.1:9999" } } },
    gateway: { log_level: "info" },
  },
});

/** The opposite in what matters: nobody let in, no key, nothing remembered, nothing to be changed. */
const bare = claw(descriptor, {
  model: { provider: "anthropic", name: "claude-sonnet-4-6", apiKeyRef: "anthropic" },
  channels: [{ channel: "pico", enabled: true, allowlist: [] }],
});

const started: Container[] = [];
const peers: string[] = [];
let image: string;

async function start(subject: typeof full, secrets: { readonly [name: string]: string }): Promise<Container> {
  const container = await startClaw(descriptor, image, translateOrThrow(runtime, subject), secrets);
  started.push(container);
  return container;
}

/** Starts the stand-ins in the claw's network. */
async function startPeers(container: Container): Promise<void> {
  const bases: unknown = JSON.parse(process.env.CLAWFLEET_BASES || "{}");
  const node = z.object({ NODE: z.string() }).safeParse(bases).data?.NODE ?? openclaw.descriptor.bases.NODE ?? "";
  const source = stripTypeScriptTypes(readFileSync(new URL("picoclaw-peers.ts", import.meta.url), "utf8"));
  const name = `${container.name}-peers`;
  peers.push(name);
  const args = ["run", "--detach", "--init", "--name", name, "--network", `container:${container.name}`, "--entrypoint", "node"];
  await dockerOrThrow([...args, node, "--input-type=module", "--eval", source]);
  await until(async () => (await requests(container)).length > 0);
}

interface Request {
  readonly telegram?: string;
  readonly token?: string;
  readonly authorization?: string;
  readonly model?: string;
  readonly maxTokens?: number;
  readonly tools?: readonly string[];
  readonly messages?: readonly string[];
}

/** What the stand-ins were asked so far. */
async function requests(container: Container): Promise<Request[]> {
  const { stdout } = await docker(["logs", `${container.name}-peers`]);
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

async function until(good: () => Promise<boolean>, seconds = 30): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await good())) {
    if (performance.now() > deadline) throw new Error(`not so after ${seconds} s: ${good}`);
    await sleep(200);
  }
}

/** Says something to the claw over its WebSocket and gives its answer; undefined when there is none within the time. */
async function ask(container: Container, content: string, options: { session?: string; token?: string; seconds?: number } = {}) {
  const url = `${container.url.replace("http", "ws")}/pico/ws?session_id=${options.session ?? "contract"}`;
  const socket = new WebSocket(url, [`token.${options.token ?? gatewayToken}`]);
  const answer = Promise.withResolvers<string | undefined>();
  socket.onopen = () => socket.send(JSON.stringify({ type: "message.send", id: crypto.randomUUID(), payload: { content } }));
  socket.onerror = () => answer.reject(new Error("the gateway refused the connection"));
  socket.onmessage = ({ data }) => {
    const message = z
      .object({ type: z.string(), payload: z.object({ content: z.string(), kind: z.string() }).partial().optional() })
      .parse(JSON.parse(data));
    // Beside its answers it tells of the tools it calls.
    if (message.type === "message.create" && message.payload?.kind === undefined) answer.resolve(message.payload?.content);
  };
  const timer = setTimeout(() => answer.resolve(undefined), (options.seconds ?? 20) * 1000);
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

beforeAll(async () => {
  image = await buildImage(descriptor);
}, 1_800_000);

afterAll(async () => {
  for (const name of peers) await docker(["rm", "--force", name]);
  for (const container of started) await container.remove();
}, 120_000);

describe("a claw with everything set", { timeout: 120_000 }, () => {
  let container: Container;
  beforeAll(async () => {
    const secrets = { ...tokens, PICOCLAW_model_list__0__api_keys__0: key, PICOCLAW_channel_list__telegram__settings__token: botToken };
    container = await start(full, secrets);
    await startPeers(container);
  }, 120_000);

  test("/health is ok; /ready stays 503, as this version never calls itself ready", async () => {
    const health = await fetch(`${container.url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({ status: "ok", uptime: expect.any(String), pid: expect.any(Number) });
    const ready = await fetch(`${container.url}/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ status: "not ready", uptime: "" });
    expect((await container.exec(["entrypoint", "health"])).code).toBe(0);
  });

  test("its own commands name the model, the provider and the channels", async () => {
    expect(await ask(container, "/show model")).toBe("Current Model: anthropic/claude-sonnet-4.6 (Provider: openrouter)");
    expect((await ask(container, "/list channels"))?.split("\n- ").slice(1).sort()).toEqual(["pico", "telegram"]);
    const { stdout } = await container.exec(["picoclaw", "status"]);
    expect(stdout).toContain(`Version: ${descriptor.version}\n`);
    expect(stdout).toContain("Config: /run/claw/config.json ✓\nWorkspace: /home/picoclaw/.picoclaw/workspace ✓\n");
    expect(stdout).toContain("Model: anthropic/claude-sonnet-4.6\nOpenRouter API: ✓\nAnthropic API: not set\n");
  });

  test("the model's API gets the key, the model's name, the extras' limit and the tools that are allowed", async () => {
    expect(await ask(container, "hello")).toBe("pong");
    const request = (await requests(container)).findLast(
      (one) => one.messages?.at(-1)?.includes("hello") && !one.messages.at(-1)?.includes("from"),
    );
    expect(request).toMatchObject({ authorization: `Bearer ${key}`, model: "anthropic/claude-sonnet-4.6", maxTokens: 4321 });
    expect(request?.tools).toEqual(expect.arrayContaining(["read_file", "write_file", "web_search", "web_fetch", "message", "cron"]));
    for (const denied of ["exec", "install_skill"]) expect(request?.tools).not.toContain(denied);
    expect(request?.messages?.[0]).toContain("one claw of a fleet");
  });

  test("a tool that is not allowed is not there; files are confined to the workspace", async () => {
    expect(await ask(container, 'call exec {"action":"run","command":"id"}')).toMatch(/^tool: .*not found/);
    expect(await ask(container, 'call read_file {"path":"/run/claw/config.json"}')).toMatch(/^tool: .*(outside|denied|escapes)/);
    expect(await ask(container, 'call read_file {"path":"SOUL.md"}')).toContain("Calm, exact and friendly");
  });

  test("Telegram: the token arrives; who is on the allowlist is answered, who is not is not", async () => {
    const sent = async () => (await requests(container)).filter((one) => one.messages?.at(-1)?.includes("hello from"));
    await until(async () => (await sent()).length > 0);
    await sleep(2000);
    expect((await sent()).map((one) => one.messages?.at(-1))).toEqual([expect.stringContaining("hello from 111")]);
    const telegram = (await requests(container)).filter((one) => one.telegram !== undefined);
    expect(new Set(telegram.map((one) => one.token))).toEqual(new Set([botToken]));
    expect(telegram.map((one) => one.telegram)).toContain("sendMessage");
  });

  test("its log tells the heartbeat and the log level, and of no channel that is open to everybody", async () => {
    const log = await container.logs();
    expect(log).toContain("interval_minutes=45");
    expect(log).toContain('Log level set to "info"');
    expect(log).not.toContain("allows EVERYONE");
  });

  test("the gateway refuses another token", async () => {
    await expect(ask(container, "/show model", { token: "wrong" })).rejects.toThrow("refused");
  });

  test("unprivileged", async () => {
    expect(await confinement(descriptor, container)).toEqual({
      uid: 10003,
      capabilities: 0n,
      noNewPrivileges: true,
      rootReadOnly: true,
      stateWritable: true,
      hostAddresses: ["127.0.0.1"],
    });
    const found = await container.exec(["find", "/", "-xdev", "-type", "f", "-perm", "/6000"]);
    expect(found.stdout).toBe("");
    expect((await container.exec(["stat", "-c", "%a %u", "/run/claw/config.json"])).stdout).toBe("600 10003\n");
  });

  test("keys are in the container's environment and its private config, and nowhere else", async () => {
    const inspected = z
      .array(z.looseObject({ Config: z.looseObject({ Env: z.array(z.string()) }) }))
      .parse(JSON.parse(await dockerOrThrow(["inspect", container.name])));
    const environment = inspected[0]?.Config.Env ?? [];
    const history = await dockerOrThrow(["history", "--no-trunc", image]);
    const everything = JSON.stringify(inspected, (name, value) => (name === "Env" ? undefined : value));
    for (const secret of [key, botToken, gatewayToken]) {
      expect(environment.join("\n")).toContain(secret);
      for (const place of [everything, history, await container.logs()]) expect(place).not.toContain(secret);
    }
    const command = "tr '\\0' '\\n' < /proc/$(pidof picoclaw)/environ; tr '\\0' ' ' < /proc/$(pidof picoclaw)/cmdline";
    const { stdout } = await container.exec([
      "sh",
      "-c",
      command.replaceAll("pidof picoclaw", "grep -l ^picoclaw /proc/[0-9]*/comm | cut -d/ -f3 | head -n 1"),
    ]);
    expect(stdout).toContain("PICOCLAW_HOME=");
    expect(stdout).not.toMatch(/PICOCLAW_[a-z]/);
  });

  test("every key of our schema is one of PicoClaw's, and PicoClaw's own defaults are valid by our schema", async () => {
    const at = "export PICOCLAW_CONFIG=/tmp/all.json PICOCLAW_HOME=/tmp/home;";
    const all = JSON.stringify(sample(z.toJSONSchema(schema, { io: "input" })));
    const accepted = await container.exec(["sh", "-c", `${at} printf %s "$1" > /tmp/all.json; picoclaw status`, "sh", all]);
    expect(accepted.stdout).toContain("Config: /tmp/all.json ✓");
    const odd = all.replace('"log_level"', '"log_levle"');
    const refused = await container.exec(["sh", "-c", `${at} printf %s "$1" > /tmp/all.json; picoclaw status`, "sh", odd]);
    expect(refused.stdout).toContain("unknown field(s): gateway.log_levle");

    const reset = await container.exec([
      "sh",
      "-c",
      `${at} rm /tmp/all.json; picoclaw config reset --force > /dev/null; cat /tmp/all.json`,
    ]);
    const { build_info, ...defaults } = z.looseObject({ build_info: z.looseObject({ version: z.string() }) }).parse(
      // Go writes lists that it does not have as null.
      JSON.parse(reset.stdout, (_, value) => (value === null ? undefined : value)),
    );
    expect(build_info.version).toBe(descriptor.version);
    expect(schema.safeParse(defaults).error?.issues ?? []).toEqual([]);
  });
});

describe("a claw that lets nobody in and has no key", { timeout: 120_000 }, () => {
  let container: Container;
  const healthy = () => until(async () => (await container.exec(["entrypoint", "health"])).code === 0);
  beforeAll(async () => {
    container = await start(bare, tokens);
  }, 120_000);

  test("comes up and answers nobody", async () => {
    expect(await ask(container, "/show model", { seconds: 3 })).toBeUndefined();
    expect((await container.exec(["picoclaw", "status"])).stdout).toContain("Model: claude-sonnet-4-6\n");
  });

  test("starts again after a kill: state is kept, what the killed run left behind is in nobody's way", async () => {
    const pidFile = `${descriptor.stateDir}/.picoclaw.pid`;
    await container.exec(["sh", "-c", `echo kept > ${descriptor.stateDir}/workspace/note`]);
    const config = (await container.exec(["sha256sum", "/run/claw/config.json"])).stdout;
    // The number of one of PicoClaw's own threads, which the next run's will have too: PicoClaw takes that for another one of itself, alive.
    const { pid } = z.object({ pid: z.number() }).parse(JSON.parse((await container.exec(["cat", pidFile])).stdout));
    const [, thread] = (await container.exec(["ls", "-v", `/proc/${pid}/task`])).stdout.split("\n");
    await dockerOrThrow(["kill", "--signal", "KILL", container.name]);
    const left = JSON.stringify({ pid: Number(thread), token: "left", version: descriptor.version, port: descriptor.port, host: "x" });
    await dockerOrThrow([
      "run",
      "--rm",
      "--volume",
      `${container.name}-state:/state`,
      "--entrypoint",
      "sh",
      image,
      "-c",
      `echo '${left}' > /state/.picoclaw.pid`,
    ]);
    await dockerOrThrow(["start", container.name]);
    await healthy();
    expect((await container.exec(["cat", pidFile])).stdout).not.toContain("left");
    expect((await container.exec(["cat", `${descriptor.stateDir}/workspace/note`])).stdout).toBe("kept\n");
    expect((await container.exec(["sha256sum", "/run/claw/config.json"])).stdout).toBe(config);
  });

  describeLifecycle({
    runtime: descriptor,
    image: () => image,
    container: () => container,
    replaced: (next) => {
      container = next;
      started.push(next);
    },
    change: {
      variable: "PICOCLAW_model_list__0__model",
      value: "claude-of-tomorrow",
      read: async (next) => JSON.parse((await next.exec(["cat", descriptor.config.path])).stdout).model_list[0].model,
      told: "claude-of-tomorrow",
    },
    wrongKey: "PICOCLAW_gateway__nosuch",
  });
});

describe("profiles and memory", { timeout: 120_000 }, () => {
  test("strict: nothing that writes or runs; without memory each message stands alone", async () => {
    const strict = claw(descriptor, { model, memory: { enabled: false }, security: { ...security, profile: "strict" } });
    const container = await start(strict, { ...tokens, PICOCLAW_model_list__0__api_keys__0: key });
    await startPeers(container);
    for (const text of ["first", "second"]) expect(await ask(container, text)).toBe("pong");
    const seen = (await requests(container)).filter((one) => one.model !== undefined);
    expect(seen.map((one) => one.messages?.length)).toEqual([2, 2]);
    const tools = seen[0]?.tools ?? [];
    expect(tools).toEqual(expect.arrayContaining(["read_file", "list_dir", "web_search"]));
    for (const risky of ["exec", "write_file", "edit_file", "append_file", "cron", "install_skill"]) expect(tools).not.toContain(risky);
  });

  test("managed: a shell that refuses to destroy; permissive: one that does not; history is summed up beyond max_history", async () => {
    const secrets = { ...tokens, PICOCLAW_model_list__0__api_keys__0: key };
    const risky = 'call exec {"action":"run","command":"mkdir -p gone && rm -rf gone && echo removed"}';
    const managed = await start(claw(descriptor, { model, memory: { enabled: true, maxHistory: 4 } }), secrets);
    await startPeers(managed);
    expect(await ask(managed, risky)).toMatch(/blocked/);
    const permissive = await start(claw(descriptor, { model, security: { ...security, profile: "permissive" } }), secrets);
    await startPeers(permissive);
    expect(await ask(permissive, risky)).toMatch(/^tool: removed/);
    for (const text of ["two", "three", "four"]) await ask(managed, text);
    const summed = async () =>
      (await requests(managed)).some((one) => one.tools === undefined && /summar/i.test(one.messages?.join() ?? ""));
    await until(summed);
    expect((await requests(permissive)).filter((one) => one.tools === undefined && one.model !== undefined)).toEqual([]);
  });
});

describe("the canonical fixtures", { timeout: 60_000 }, async () => {
  const all = await rounds(runtime, schema);

  // PicoClaw has no command that shows its configuration. Choosing a model makes it load all, and write all that it holds.
  test.each(all.map((round) => [round.title, round] as const))("PicoClaw has what it is told, %s", async (_, round) => {
    const env = { ...round.translation.env, ...round.secrets };
    const script = `cp /run/claw/config.json /tmp/c.json && export PICOCLAW_CONFIG=/tmp/c.json PICOCLAW_HOME=/tmp/home
      picoclaw status && picoclaw model "$1" && for file in /tmp/c.json /tmp/.security.yml; do printf '\\n==\\n' && cat $file; done`;
    const flags = Object.keys(env).flatMap((name) => ["--env", name]);
    const model = env.PICOCLAW_model_list__0__model_name ?? "";
    const output = await dockerOrThrow(["run", "--rm", ...flags, image, "sh", "-c", script, "sh", model], { env });
    const [told = "", text = "", secrets = ""] = output.split(/^==$/m);
    expect(told).toContain("Config: /tmp/c.json ✓");
    const config: unknown = JSON.parse(text);
    // Secrets are in a file of their own, where a model is found by its name and number.
    const apart: unknown = YAML.parse(secrets);
    expectReadBack(runtime, round, (path) => {
      const [list = "", index = "", ...rest] = path;
      // Go leaves an empty list out.
      const value = at(config, path) ?? (path.at(-1) === "api_keys" ? [] : undefined);
      return { value: value ?? at(apart, list === "model_list" ? [list, `${model}:${index}`, ...rest] : path) };
    });
  });
});

/** A value with every member that a JSON Schema names. */
function sample(node: unknown): unknown {
  const { anyOf, ...rule } = z
    .looseObject({
      const: z.unknown().optional(),
      enum: z.array(z.unknown()).optional(),
      anyOf: z.array(z.unknown()).optional(),
      type: z.string().optional(),
      properties: z.record(z.string(), z.unknown()).optional(),
      additionalProperties: z.unknown().optional(),
      items: z.unknown().optional(),
    })
    .parse(node);
  if (rule.const !== undefined) return rule.const;
  if (rule.enum !== undefined) return rule.enum[0];
  if (anyOf !== undefined) return sample(anyOf.at(-1));
  switch (rule.type) {
    case "object": {
      const members = Object.entries(rule.properties ?? {}).map(([name, member]) => [name, sample(member)]);
      const other = typeof rule.additionalProperties === "object" ? [["some_name", sample(rule.additionalProperties)]] : [];
      return Object.fromEntries([...members, ...other]);
    }
    case "array":
      return [sample(rule.items)];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return 1;
    default:
      return "x";
  }
}
