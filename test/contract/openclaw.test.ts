/** The real OpenClaw on a translated claw: what it was told, read back from it, and how it is confined. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { schema } from "../../runtimes/openclaw/native.ts";
import { runtime } from "../../runtimes/openclaw/runtime.ts";
import { buildImage, type Container, claw, confinement, dockerOrThrow, startClaw, translateOrThrow } from "./helpers.ts";
import { compareKeys } from "./json-schema.ts";
import { describeLifecycle } from "./lifecycle.ts";
import { at, expectReadBack, rounds } from "./readback.ts";

const { descriptor } = runtime;
const token = "0123456789abcdef".repeat(4);
const telegram = "1234567890:made-up-for-this-test-and-never-valid";
const key = "sk-ant-made-up-for-this-test";

const subject = claw(descriptor, {
  port: 23000,
  model: { provider: "anthropic", name: "claude-opus-5", apiKeyRef: "anthropic" },
  tools: [
    { name: "shell", allowed: false },
    { name: "web_search", allowed: true },
  ],
  channels: [{ channel: "telegram", enabled: true, tokenRef: "telegram", allowlist: ["8734062810"] }],
  memory: { enabled: true, maxHistory: 40 },
  schedule: { heartbeatMinutes: 90, cron: [] },
  extras: { logging: { level: "debug" }, session: { reset: { mode: "idle", idleMinutes: 240 } } },
});

/** Keys that make no sense in a container that Clawfleet runs, and channels that are packages of their own which the image does not hold. */
const LEFT_OUT = [
  ...["$schema", "channels.a2a", "channels.buzz", "channels.clickclack", "channels.feishu", "channels.googlechat", "channels.imessage"],
  ...["channels.irc", "channels.line", "channels.matrix", "channels.mattermost", "channels.msteams", "channels.nextcloud-talk"],
  ...["channels.nostr", "channels.qa-channel", "channels.raft", "channels.reef", "channels.signal", "channels.sms"],
  ...["channels.synology-chat", "channels.tlon", "channels.twitch", "channels.whatsapp", "channels.zalo", "channels.zalouser"],
  ...["cloudWorkers", "desktop", "meta", "nodeHost", "wizard", "worktreeAcceleration", "worktreeRoot"],
];

let image: string;
let container: Container;

beforeAll(async () => {
  image = await buildImage(descriptor);
  container = await startClaw(descriptor, image, translateOrThrow(runtime, subject), {
    OPENCLAW_GATEWAY_TOKEN: token,
    TELEGRAM_BOT_TOKEN: telegram,
    ANTHROPIC_API_KEY: key,
  });
  console.log(`openclaw: healthy after ${container.startSeconds.toFixed(1)} s`);
}, 3_600_000);

afterAll(() => container?.remove(), 120_000);

/** What an OpenClaw command prints as JSON. Each costs seconds: it loads all of OpenClaw. */
async function json(...command: readonly string[]): Promise<unknown> {
  const result = await container.exec(["openclaw", ...command, "--json"], 120);
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout);
}

/** Status and body of a call of one of OpenClaw's tools through its API. */
async function call(tool: string, bearer?: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${container.url}/tools/invoke`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) },
    body: JSON.stringify({ tool, args: {} }),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, body: await response.text() };
}

describe("a translated claw", () => {
  test("is valid to OpenClaw's own check", { timeout: 120_000 }, async () => {
    const result = await container.exec(["openclaw", "config", "validate"], 110);
    expect(result.code, result.stdout + result.stderr).toBe(0);
  });

  // One section by OpenClaw's own command; each setting of all is read back by its own code below.
  test("arrives in OpenClaw", { timeout: 120_000 }, async () => {
    expect(await json("config", "get", "channels")).toMatchObject({
      telegram: {
        enabled: true,
        dmPolicy: "allowlist",
        groupPolicy: "allowlist",
        allowFrom: ["8734062810"],
        groupAllowFrom: ["8734062810"],
        dmHistoryLimit: 40,
      },
    });
  });

  test("knows its model, and its key by the variable that it comes in", { timeout: 120_000 }, async () => {
    const status = z
      .object({ resolvedDefault: z.string(), auth: z.object({ providers: z.array(z.looseObject({ provider: z.string() })) }) })
      .parse(await json("models", "status"));
    expect(status.resolvedDefault).toBe("anthropic/claude-opus-5");
    const provider = status.auth.providers.find((one) => one.provider === "anthropic");
    expect(provider).toMatchObject({ effective: { kind: "env" }, env: { source: "env: ANTHROPIC_API_KEY" } });
  });

  test("our schema knows every key that OpenClaw's has, and no other", { timeout: 120_000 }, async () => {
    const theirs = await json("config", "schema");
    expect(compareKeys(z.toJSONSchema(schema, { io: "input", reused: "inline" }), theirs)).toEqual({
      unknown: [],
      missing: LEFT_OUT,
      loose: [],
    });
  });

  test("uses the model it was given and starts its channel", { timeout: 60_000 }, async () => {
    await expect.poll(() => container.logs(), { timeout: 50_000, interval: 500 }).toMatch(/agent model: anthropic\/claude-opus-5/);
    await expect.poll(() => container.logs(), { timeout: 50_000, interval: 500 }).toContain("[telegram] [default] starting provider");
  });

  test("has its secrets in the process and nowhere in its configuration or log", async () => {
    const config = (await container.exec(["cat", descriptor.config.path])).stdout;
    const environment = (await container.exec(["sh", "-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'"])).stdout;
    const logs = await container.logs();
    for (const secret of [token, telegram, key]) {
      expect(environment).toContain(secret);
      expect(config).not.toContain(secret);
      expect(logs).not.toContain(secret);
    }
  });
});

describe("the gateway", () => {
  test("answers its own health", async () => {
    const response = await fetch(`${container.url}/health`);
    expect(await response.json()).toEqual({ ok: true, status: "live" });
  });

  test("refuses a call without its token, and with another one, and accepts it with it", { timeout: 120_000 }, async () => {
    expect((await call("sessions_list")).status).toBe(401);
    expect((await call("sessions_list", "0".repeat(64))).status).toBe(401);
    expect((await call("sessions_list", token)).status).toBe(200);
  });

  test("has no denied tool", { timeout: 120_000 }, async () => {
    const { status, body } = await call("exec", token);
    expect(status, body).toBe(404);
  });
});

test("runs unprivileged", { timeout: 120_000 }, async () => {
  expect(await confinement(descriptor, container)).toEqual({
    uid: descriptor.uid,
    capabilities: 0n,
    noNewPrivileges: true,
    rootReadOnly: true,
    stateWritable: true,
    hostAddresses: ["127.0.0.1"],
  });
});

test("has its workspace, its configuration to itself, and no package manager", async () => {
  const listing = (await container.exec(["ls", "-A", `${descriptor.stateDir}/workspace`])).stdout;
  expect(listing).toContain("AGENTS.md");
  expect((await container.exec(["stat", "-c", "%a %u", descriptor.config.path])).stdout.trim()).toBe(`600 ${descriptor.uid}`);
  expect((await container.exec(["sh", "-c", "command -v npm npx yarn corepack gcc cc make python3; true"])).stdout).toBe("");
  expect((await container.exec(["find", "/", "-xdev", "-type", "f", "-perm", "/6000"])).stdout).toBe("");
});

test("comes up without any key, strict, its channel off, with a provider of its own", {
  timeout: 600_000,
}, async () => {
  const other = claw(descriptor, {
    model: { provider: "acme", name: "m/1", apiKeyRef: "acme", baseUrl: "http://127.0.0.1:9/v1" },
    channels: [{ channel: "telegram", enabled: false, tokenRef: "telegram", allowlist: [] }],
    security: { ...subject.security, profile: "strict" },
  });
  const second = await startClaw(descriptor, image, translateOrThrow(runtime, other), {
    OPENCLAW_GATEWAY_TOKEN: token,
  });
  try {
    await expect.poll(() => second.logs(), { timeout: 120_000, interval: 500 }).toMatch(/agent model: acme\/m\/1/);
    expect(await second.logs()).not.toContain("[telegram]");
    const valid = await second.exec(["openclaw", "config", "validate"], 110);
    expect(valid.code, valid.stdout + valid.stderr).toBe(0);
  } finally {
    await second.remove();
  }
});

/**
 * Runs in the image: for each claw that it reads from its standard input, the entrypoint writes the configuration and OpenClaw's own code, the one
 * that its gateway and its plugins read it with, checks and loads it.
 */
const loader = `
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
const { clearConfigCache, clearRuntimeConfigSnapshot, loadConfig } = await import("/opt/openclaw/node_modules/openclaw/dist/plugin-sdk/config-runtime.js");
const spec = JSON.parse(readFileSync("/etc/claw/runtime.json", "utf8"));
writeFileSync("/tmp/spec.json", JSON.stringify({ ...spec, config: "/tmp/config.json" }));
process.env.OPENCLAW_CONFIG_PATH = "/tmp/config.json";
const own = { ...process.env };
for (const env of JSON.parse(readFileSync(0, "utf8"))) {
  execFileSync("entrypoint", ["run", "--spec", "/tmp/spec.json", "--", "true"], { env: { ...own, ...env }, stdio: "pipe" });
  Object.assign(process.env, env);
  clearConfigCache();
  clearRuntimeConfigSnapshot();
  console.log(JSON.stringify(loadConfig()));
}
`;

test("the canonical fixtures: OpenClaw has what it is told", { timeout: 120_000 }, async () => {
  const all = await rounds(runtime, schema);
  const claws = all.map((round) => ({ ...round.translation.env, ...round.secrets }));
  const args = ["run", "--rm", "--interactive", image, "node", "--input-type=module", "--eval", loader];
  const lines = (await dockerOrThrow(args, { input: JSON.stringify(claws), timeoutSeconds: 110 })).trim().split("\n");
  expect(lines).toHaveLength(all.length);
  for (const [i, round] of all.entries()) {
    const config: unknown = JSON.parse(lines[i] ?? "");
    const beside = [
      "OPENCLAW_GATEWAY_TOKEN",
      "TELEGRAM_BOT_TOKEN",
      "ANTHROPIC_API_KEY",
      "OPENAI_API_KEY",
      "OPENROUTER_API_KEY",
      "OLLAMA_API_KEY",
    ];
    expectReadBack(runtime, round, (path) => ({ value: at(config, path) }), beside);
  }
});

describeLifecycle({
  runtime: descriptor,
  image: () => image,
  container: () => container,
  replaced: (next) => {
    container = next;
  },
  change: {
    variable: "OPENCLAW_agents__defaults__model__primary",
    value: "anthropic/claude-of-tomorrow",
    read: async (next) => {
      const told = async () => /agent model: (\S+)/.exec(await next.logs())?.[1];
      await expect.poll(told, { timeout: 50_000, interval: 500 }).toBeDefined();
      return await told();
    },
    told: "anthropic/claude-of-tomorrow",
  },
  wrongKey: "OPENCLAW_gateway__nosuch",
  healthyBetween: false,
});
