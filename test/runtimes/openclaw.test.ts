import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Claw, Path } from "../../fleet/types.ts";
import { schema } from "../../runtimes/openclaw/native.ts";
import { runtime } from "../../runtimes/openclaw/runtime.ts";
import { claw, translateOrThrow } from "../contract/helpers.ts";

const { descriptor } = runtime;
const folder = new URL("../../runtimes/openclaw/", import.meta.url);
const file = (name: string) => readFileSync(new URL(name, folder), "utf8");

const of = (change: Partial<Claw>) => translateOrThrow(runtime, claw(descriptor, change));
const env = (change: Partial<Claw>) => of(change).env;

/** All problems of a claw, as `path: message`. */
function problems(change: Partial<Claw>): string[] {
  const found: string[] = [];
  runtime.translate(claw(descriptor, change), (path: Path, message: string) => found.push(`${path.slice(2).join(".")}: ${message}`));
  return found;
}

const security = (change: Partial<Claw["security"]>): Partial<Claw> => ({ security: { ...claw(descriptor).security, ...change } });
const telegram = (allowlist: string[], change = {}) => ({
  channels: [{ channel: "telegram", enabled: true, tokenRef: "telegram", allowlist, ...change }],
});

describe("model", () => {
  test("is the primary model, its key in the provider's own variable and not required", () => {
    const { env, secretEnv } = of({ model: { provider: "anthropic", name: "claude-opus-5", apiKeyRef: "main" } });
    expect(env.OPENCLAW_agents__defaults__model__primary).toBe("anthropic/claude-opus-5");
    expect(secretEnv.ANTHROPIC_API_KEY).toEqual({ kind: "ref", name: "main", required: false, path: ["agent", 0, "model", "api_key_ref"] });
    expect(Object.keys(env).filter((name) => name.startsWith("OPENCLAW_models"))).toEqual([]);
  });

  test("with a base URL reaches the provider there", () => {
    const got = env({ model: { provider: "ollama", name: "qwen3:32b", baseUrl: "http://10.0.0.5:11434" } });
    expect(got.OPENCLAW_models__providers__ollama__baseUrl).toBe("http://10.0.0.5:11434");
    expect(got.OLLAMA_API_KEY).toBe("ollama-local");
  });

  test("of an unknown provider is a custom one at its base URL, the key in its entry", () => {
    const { env, secretEnv } = of({ model: { provider: "acme", name: "m/1", apiKeyRef: "acme", baseUrl: "https://llm.example.org/v1" } });
    expect(env).toMatchObject({
      OPENCLAW_agents__defaults__model__primary: "acme/m/1",
      OPENCLAW_models__providers__acme__api: "openai-completions",
      OPENCLAW_models__providers__acme__baseUrl: "https://llm.example.org/v1",
      OPENCLAW_models__providers__acme__models: '[{"id":"m/1","name":"m/1"}]',
    });
    expect(secretEnv.OPENCLAW_models__providers__acme__apiKey).toMatchObject({ kind: "ref", name: "acme" });
  });

  test("of a provider that is misspelt is a problem with the nearest name", () => {
    expect(problems({ model: { provider: "antropic", name: "x" } })).toEqual([
      'model.provider: OpenClaw has no provider "antropic"; did you mean "anthropic"? (another one with an API like OpenAI\'s needs base_url)',
    ]);
  });
});

describe("channels", () => {
  test.each([
    { allowlist: [], policy: "disabled", from: undefined },
    { allowlist: ["*"], policy: "open", from: '["*"]' },
    { allowlist: ["42", "tg:43"], policy: "allowlist", from: '["42","tg:43"]' },
  ])("allowlist $allowlist", ({ allowlist, policy, from }) => {
    expect(env(telegram(allowlist))).toMatchObject({
      OPENCLAW_channels__telegram__enabled: "true",
      OPENCLAW_channels__telegram__dmPolicy: policy,
      OPENCLAW_channels__telegram__groupPolicy: policy,
    });
    expect(env(telegram(allowlist)).OPENCLAW_channels__telegram__allowFrom).toBe(from);
    expect(env(telegram(allowlist)).OPENCLAW_channels__telegram__groupAllowFrom).toBe(from);
  });

  test("the token comes in OpenClaw's own variable, required when the channel is enabled", () => {
    expect(of(telegram([])).secretEnv.TELEGRAM_BOT_TOKEN).toEqual({
      kind: "ref",
      name: "telegram",
      required: true,
      path: ["agent", 0, "channels", 0, "token_ref"],
    });
    expect(of(telegram([], { enabled: false })).secretEnv.TELEGRAM_BOT_TOKEN).toMatchObject({ required: false });
  });

  test("those that upstream ships apart say how they are had", () => {
    expect(problems({ channels: [{ channel: "slack", enabled: true, allowlist: [] }] })).toEqual([
      "channels.0.channel: OpenClaw's image has no slack; in the running claw: openclaw plugins install @openclaw/slack, then set it up in [agent.extras.channels.slack]",
    ]);
  });

  test("problems name the place", () => {
    expect(problems(telegram(["@ada"]))).toEqual([
      'channels.0.allowlist: OpenClaw knows people on telegram by a number such as 8734062810; write that instead of "@ada"',
    ]);
    expect(problems({ channels: [{ channel: "telegran", enabled: true, allowlist: [] }] })).toEqual([
      'channels.0.channel: OpenClaw has no channel "telegran" here; did you mean "telegram"?',
    ]);
    expect(problems(telegram([], { tokenRef: undefined, appTokenRef: "x" }))).toEqual([
      "channels.0.channel: telegram needs token_ref, the name of the secret with the bot's token",
      "channels.0.app_token_ref: OpenClaw's telegram has no app token; remove app_token_ref",
    ]);
  });
});

describe("tools and security", () => {
  test("managed asks before a command, denies what is denied and keeps files in the workspace", () => {
    const tools = [
      { name: "web_fetch", allowed: false },
      { name: "subagents", allowed: true },
    ];
    expect(env({ tools })).toMatchObject({
      OPENCLAW_tools__profile: "coding",
      OPENCLAW_tools__alsoAllow: '["message","sessions_spawn","subagents"]',
      OPENCLAW_tools__deny: '["gateway","web_fetch"]',
      OPENCLAW_tools__exec__mode: "ask",
      OPENCLAW_tools__fs__workspaceOnly: "true",
    });
  });

  test("strict reads and does not touch", () => {
    const got = env(security({ profile: "strict" }));
    expect(got.OPENCLAW_tools__profile).toBe("minimal");
    expect(got.OPENCLAW_tools__exec__mode).toBe("deny");
    const deny: unknown = JSON.parse(got.OPENCLAW_tools__deny ?? "");
    expect(deny).toEqual(expect.arrayContaining(["exec", "process", "write", "edit", "apply_patch", "message", "cron"]));
    expect(deny).not.toEqual(expect.arrayContaining(["read"]));
    expect(JSON.parse(got.OPENCLAW_tools__alsoAllow ?? "")).toContain("read");
    expect(problems({ ...security({ profile: "strict" }), tools: [{ name: "shell", allowed: true }] })).toEqual([
      'tools.0.allowed: OpenClaw has no shell under security.profile "strict"; remove this tool or choose "managed"',
    ]);
  });

  test("permissive has everything within the container", () => {
    expect(env(security({ profile: "permissive", sandboxed: false }))).toMatchObject({
      OPENCLAW_tools__profile: "full",
      OPENCLAW_tools__deny: "[]",
      OPENCLAW_tools__exec__mode: "full",
      OPENCLAW_tools__fs__workspaceOnly: "false",
    });
  });

  test("unknown, doubled and impossible tools are problems", () => {
    const tools = [
      { name: "shel", allowed: true },
      { name: "cron", allowed: true },
      { name: "cron", allowed: false },
      { name: "browser", allowed: true },
    ];
    expect(problems({ tools })).toEqual([
      'tools.0.name: OpenClaw has no tool "shel"; did you mean "shell"?',
      'tools.2.name: "cron" is here already; remove one of the two',
      "tools.3.allowed: OpenClaw's image has no browser; write where one is: [agent.extras.browser] with cdpUrl",
    ]);
  });
});

describe("memory and schedule", () => {
  test("history is limited in groups and in each channel's direct messages", () => {
    expect(env({ ...telegram([]), memory: { enabled: true, maxHistory: 7 } })).toMatchObject({
      OPENCLAW_messages__groupChat__historyLimit: "7",
      OPENCLAW_channels__telegram__dmHistoryLimit: "7",
    });
  });

  test("no heartbeat unless there is one", () => {
    expect(env({}).OPENCLAW_agents__defaults__heartbeat__every).toBe("0m");
    expect(env({ schedule: { heartbeatMinutes: 30, cron: [] } }).OPENCLAW_agents__defaults__heartbeat__every).toBe("30m");
  });

  test("what OpenClaw has no setting for is a problem that says what to do instead", () => {
    expect(problems({ memory: { enabled: false }, schedule: { cron: [{ cron: "0 9 * * *", message: "hello" }] } })).toEqual([
      expect.stringMatching(/^memory\.enabled: OpenClaw always keeps conversations .*extras\.session\.reset/),
      "schedule.cron: OpenClaw keeps its cron jobs itself and has no setting for them; remove them here and add them in the running claw: openclaw cron add",
    ]);
  });
});

describe("extras", () => {
  test("are OpenClaw's own keys, each in a variable; lists whole", () => {
    const extras = {
      session: { reset: { mode: "daily", atHour: 4 } },
      commands: { ownerAllowFrom: ["telegram:42"] },
      ui: { seamColor: "#00f" },
    };
    expect(env({ extras })).toMatchObject({
      OPENCLAW_session__reset__mode: "daily",
      OPENCLAW_session__reset__atHour: "4",
      OPENCLAW_commands__ownerAllowFrom: '["telegram:42"]',
      OPENCLAW_ui__seamColor: "#00f",
    });
  });

  test("with keys that cannot be part of a variable's name go whole", () => {
    expect(env({ extras: { session: { resetByChannel: { "a b": { mode: "none" } } } } }).OPENCLAW_session__resetByChannel).toBe(
      '{"a b":{"mode":"none"}}',
    );
  });

  test.each<[string, Claw["extras"], string]>([
    [
      "unknown section",
      { sesion: {} },
      'extras.sesion: OpenClaw has no setting "sesion" that a claw can be given; did you mean "session"?',
    ],
    [
      "unknown key",
      { session: { rset: {} } },
      'extras.session.rset: OpenClaw has no setting "rset" in session that a claw can be given; did you mean "reset"?',
    ],
    ["wrong type", { cron: { enabled: "yes" } }, "extras.cron.enabled: cron.enabled: expected boolean, received string"],
    ["wrong word", { logging: { level: "loud" } }, "extras.logging.level: logging.level: expected one of"],
    ["unknown key in a union", { tools: { toolSearch: 3 } }, "extras.tools.toolSearch: tools.toolSearch: "],
    ["Clawfleet's port", { gateway: { port: 1 } }, "extras.gateway.port: gateway.port is Clawfleet's to set; remove it"],
    [
      "all of the gateway's auth",
      { gateway: { auth: { mode: "none" } } },
      "extras.gateway.auth.mode: gateway.auth is Clawfleet's to set; remove it",
    ],
    ["updates", { update: { auto: { enabled: true } } }, "extras.update.auto.enabled: update is Clawfleet's to set; remove it"],
    ["environment", { env: { vars: { X: "y" } } }, "extras.env.vars.X: env would put secrets into the configuration"],
    [
      "what tools decide",
      { tools: { profile: "full" } },
      "extras.tools.profile: security.profile decides tools.profile already; remove it here",
    ],
    ["a secret in clear", { hooks: { token: "abc" } }, "extras.hooks.token: a secret does not belong in a fleet file"],
    [
      "a secret deep in a list",
      { mcp: { servers: { x: { command: "y", env: { API_KEY: "z" } } } } },
      "extras.mcp.servers.x.env.API_KEY: a secret does not",
    ],
  ])("%s", (_, extras, message) => {
    const found = problems({ extras });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  test("name secrets", () => {
    const { env, secretEnv } = of({ extras: { hooks: { enabled: true, token: "secret:hooks" } } });
    expect(env.OPENCLAW_hooks__enabled).toBe("true");
    expect(secretEnv.OPENCLAW_hooks__token).toEqual({
      kind: "ref",
      name: "hooks",
      required: true,
      path: ["agent", 0, "extras", "hooks", "token"],
    });
  });
});

describe("the folder", () => {
  test("default configuration is valid", () => {
    expect(schema.safeParse(JSON.parse(file("config.json"))).error).toBeUndefined();
  });

  test("Dockerfile has the descriptor's bases, version, user, port and environment", () => {
    const dockerfile = file("Dockerfile");
    for (const [name, image] of Object.entries({ ...descriptor.bases, ...descriptor.buildArgs })) {
      expect(dockerfile).toContain(`ARG ${name}=${image}\n`);
    }
    for (const [name, value] of Object.entries(descriptor.env)) expect(dockerfile).toMatch(new RegExp(`[ \\n]${name}=${value}( \\\\)?\\n`));
    expect(dockerfile).toContain(`USER ${descriptor.uid}:${descriptor.uid}\n`);
    expect(dockerfile).toContain(`EXPOSE ${descriptor.port}\n`);
  });

  test("the lock pins the descriptor's version by checksum and names no registry", () => {
    const lock: unknown = JSON.parse(file("npm/package-lock.json"));
    expect(lock).toMatchObject({
      packages: { "node_modules/openclaw": { version: descriptor.version, integrity: expect.stringMatching(/^sha512-/) } },
    });
    expect(file("npm/package-lock.json")).not.toContain('"resolved"');
  });

  test("every claw has its token and the right origins", () => {
    const { env, secretEnv } = of({ port: 31000 });
    expect(secretEnv).toEqual({ OPENCLAW_GATEWAY_TOKEN: { kind: "gateway-token" } });
    expect(env.OPENCLAW_gateway__controlUi__allowedOrigins).toBe('["http://localhost:31000","http://127.0.0.1:31000"]');
  });
});
