import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import type { Claw, Json, Security } from "../../fleet/types.ts";
import { PROVIDERS } from "../../runtimes/zeroclaw/native/providers.ts";
import { schema } from "../../runtimes/zeroclaw/native.ts";
import { runtime } from "../../runtimes/zeroclaw/runtime.ts";
import { translator } from "./translate.ts";

const folder = new URL("../../runtimes/zeroclaw/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");

const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 1024, cpus: 1, maxOpenFiles: 65536 };

const { good, problemsOf } = translator(runtime);
/** The secrets of a claw but for its gateway's token, which every one has. */
const secretsOf = (change: Partial<Claw>) => {
  const { ZEROCLAW_gateway__paired_tokens: _, ...rest } = good(change).secretEnv;
  return rest;
};
const extras = (value: { [key: string]: Json }) => problemsOf({ extras: value });
/** The value of an override variable, with lists as lists. */
const at = (change: Partial<Claw>, path: string): unknown => {
  const value = good(change).env[`ZEROCLAW_${path}`];
  return value?.startsWith("[") ? JSON.parse(value) : value;
};

const telegram = { channel: "telegram", enabled: true, tokenRef: "bot", allowlist: ["123456789"] };
const anthropic = { provider: "anthropic", name: "claude-sonnet-4-6", apiKeyRef: "anthropic" };

describe("the image", () => {
  test("has the bases, arguments and environment of the descriptor", () => {
    const dockerfile = read("Dockerfile");
    const { bases, buildArgs, env, version, port, uid } = runtime.descriptor;
    for (const [name, value] of Object.entries({ ...bases, ...buildArgs })) expect(dockerfile).toContain(`ARG ${name}=${value}\n`);
    for (const [name, value] of Object.entries(env)) expect(dockerfile).toMatch(new RegExp(`^(ENV|   ) ${name}=${value}( \\\\)?$`, "m"));
    expect(dockerfile.match(/^(ENV| {3}) [A-Za-z_]+=\S+( \\)?$/gm)).toHaveLength(Object.keys(env).length);
    expect(dockerfile).toContain(`EXPOSE ${port}\n`);
    expect(dockerfile).toContain(`USER ${uid}:${uid}\n`);
    expect(buildArgs.VERSION).toBe(version);
  });

  test("puts nothing that the fleet decides in the file on the volume, which outlives an upgrade", () => {
    expect(parse(read("config.toml"))).toEqual({ schema_version: 3 });
    expect(schema.safeParse(parse(read("config.toml"))).success).toBe(true);
  });

  test("is closed by default: pairing, encrypted secrets, no upgrade from within", () => {
    expect(runtime.descriptor.env).toMatchObject({
      ZEROCLAW_gateway__require_pairing: "true",
      ZEROCLAW_gateway__allow_remote_admin: "false",
      ZEROCLAW_gateway__check_updates: "false",
      ZEROCLAW_gateway__allow_self_upgrade: "false",
      ZEROCLAW_secrets__encrypt: "true",
    });
  });

  test("is told in .env.example by variables that exist", () => {
    for (const [, path] of read(".env.example").matchAll(/^#? ?ZEROCLAW_([a-z]\w*)=/gm)) {
      const keys = path?.split("__") ?? [];
      const value = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), undefined);
      const unknown = schema.safeParse(value).error?.issues.filter((issue) => issue.code === "unrecognized_keys") ?? [];
      // Who may talk is Clawfleet's to write, and not part of what extras can set.
      if (keys[0] !== "peer_groups") expect(unknown, path).toEqual([]);
    }
  });
});

describe("model", () => {
  test("is the provider of the one agent; the key is a reference that may have no value", () => {
    const change = { model: { ...anthropic, baseUrl: "http://proxy:8080/v1" } };
    expect(good(change).env).toMatchObject({
      ZEROCLAW_providers__models__anthropic__claw__model: "claude-sonnet-4-6",
      ZEROCLAW_providers__models__anthropic__claw__uri: "http://proxy:8080/v1",
      ZEROCLAW_agents__claw__model_provider: "anthropic.claw",
      ZEROCLAW_agents__claw__enabled: "true",
    });
    expect(secretsOf(change)).toEqual({
      ZEROCLAW_providers__models__anthropic__claw__api_key: {
        kind: "ref",
        name: "anthropic",
        required: false,
        path: ["agent", 2, "model", "api_key_ref"],
      },
    });
  });

  test("is optional, and so is its key", () => {
    expect(at({}, "agents__claw__model_provider")).toBeUndefined();
    expect(secretsOf({ model: { provider: "ollama", name: "llama3" } })).toEqual({});
  });

  test.each([
    ["google", "gemini"],
    ["github-models", "github_models"],
    ["Z.AI", "zai"],
    ["openrouter", "openrouter"],
  ])("provider %s is ZeroClaw's %s", (provider, family) => {
    expect(at({ model: { provider, name: "m" } }, "agents__claw__model_provider")).toBe(`${family}.claw`);
  });

  test("an unknown provider is a problem with the nearest name, or the way out", () => {
    expect(problemsOf({ model: { provider: "antropic", name: "m" } })).toEqual([
      'agent.2.model.provider: ZeroClaw has no provider "antropic"; did you mean "anthropic"?',
    ]);
    expect(problemsOf({ model: { provider: "my-own-server", name: "m" } })).toEqual([
      'agent.2.model.provider: ZeroClaw has no provider "my-own-server"; for an API that is like OpenAI\'s, write provider = "custom" with its base_url',
    ]);
    expect(problemsOf({ model: { provider: "custom", name: "m" } })).toEqual([
      'agent.2.model: provider "custom" needs base_url, the address of its API',
    ]);
    expect(PROVIDERS).toHaveLength(new Set(PROVIDERS).size);
  });
});

describe("channels", () => {
  test("an open one has a required token, belongs to the agent, and admits the allowlist", () => {
    const { env, secretEnv } = good({ channels: [telegram] });
    expect(env).toMatchObject({
      ZEROCLAW_channels__telegram__claw__enabled: "true",
      ZEROCLAW_agents__claw__channels: '["telegram.claw"]',
      ZEROCLAW_peer_groups__telegram__channel: "telegram.claw",
      ZEROCLAW_peer_groups__telegram__agents: '["claw"]',
      ZEROCLAW_peer_groups__telegram__external_peers: '["123456789"]',
      ZEROCLAW_peer_groups__telegram__ignore: "[]",
    });
    expect(secretEnv.ZEROCLAW_channels__telegram__claw__bot_token).toMatchObject({ kind: "ref", name: "bot", required: true });
  });

  test("an empty allowlist denies everybody, also who has ZeroClaw's one-time code", () => {
    const closed = { channels: [{ ...telegram, allowlist: [] }] };
    expect(at(closed, "peer_groups__telegram__external_peers")).toEqual([]);
    expect(at(closed, "peer_groups__telegram__ignore")).toEqual(["*"]);
    expect(at({ channels: [{ ...telegram, allowlist: ["*"] }] }, "peer_groups__telegram__external_peers")).toEqual(["*"]);
  });

  test("a closed one is said to be closed and needs no token", () => {
    const change = { channels: [{ channel: "discord", enabled: false, allowlist: [] }] };
    const { env } = good(change);
    expect(env.ZEROCLAW_channels__discord__claw__enabled).toBe("false");
    expect(env.ZEROCLAW_agents__claw__channels).toBe("[]");
    expect(secretsOf(change)).toEqual({});
  });

  test("Slack has two tokens", () => {
    const slack = { channel: "slack", enabled: true, tokenRef: "bot", appTokenRef: "app", allowlist: ["U1"] };
    expect(Object.keys(secretsOf({ channels: [slack] })).sort()).toEqual([
      "ZEROCLAW_channels__slack__claw__app_token",
      "ZEROCLAW_channels__slack__claw__bot_token",
    ]);
  });

  test("what ZeroClaw's image cannot do is a problem", () => {
    const channels = [
      { ...telegram, channel: "telegrm" },
      { channel: "discord", enabled: true, allowlist: ["1"] },
      { ...telegram, appTokenRef: "app" },
      telegram,
      { ...telegram, channel: "slack", allowlist: [" "] },
    ];
    expect(problemsOf({ channels })).toEqual([
      'agent.2.channels.0.channel: ZeroClaw has no channel "telegrm" here; did you mean "telegram"?',
      'agent.2.channels.1: discord needs token_ref, the name of the secret that holds its bot token; add token_ref = "discord"',
      "agent.2.channels.2.app_token_ref: ZeroClaw's telegram has no app token; remove app_token_ref",
      "agent.2.channels.3.channel: a claw has one telegram channel; remove this one or give it a claw of its own",
      "agent.2.channels.4.allowlist: to ZeroClaw an empty entry is nobody; remove it",
    ]);
  });
});

describe("tools", () => {
  const approved = (change: Partial<Claw>) => at(change, "risk_profiles__claw__auto_approve");
  const excluded = (change: Partial<Claw>) => at(change, "risk_profiles__claw__excluded_tools");

  test("an allowed one is not asked about, a denied one is not there, the rest is as ZeroClaw would have it", () => {
    const tools = [
      { name: "shell", allowed: true },
      { name: "web_search", allowed: false },
    ];
    expect(approved({ tools })).toEqual(expect.arrayContaining(["shell", "file_read", "web_fetch"]));
    expect(approved({ tools })).not.toContain("web_search_tool");
    expect(approved({ tools })).not.toContain("file_write");
    expect(excluded({ tools })).toEqual(["web_search_tool"]);
    expect(excluded({})).toEqual([]);
    expect(approved({})).not.toContain("shell");
  });

  test("one that the image lacks can be denied but not allowed", () => {
    expect(excluded({ tools: [{ name: "browser", allowed: false }] })).toContain("browser_open");
    expect(problemsOf({ tools: [{ name: "browser", allowed: true }] })).toEqual([
      "agent.2.tools.0.allowed: ZeroClaw's browser cannot be allowed: its image has no browser; remove this tool or set allowed = false",
    ]);
  });

  test("unknown names, repeats and contradictions are problems", () => {
    const tools = [
      { name: "shel", allowed: true },
      { name: "constructor", allowed: true },
      { name: "shell", allowed: true },
      { name: "shell", allowed: false },
    ];
    expect(problemsOf({ tools, security: { ...security, profile: "strict" } })).toEqual([
      'agent.2.tools.0.name: ZeroClaw has no tool "shel"; did you mean "shell"?',
      `agent.2.tools.1.name: ZeroClaw has no tool "constructor"; it has ${runtime.tools.join(", ")}`,
      'agent.2.tools.2.allowed: ZeroClaw has no shell under security.profile "strict"; remove this tool or choose "managed"',
      'agent.2.tools.3.name: "shell" is here already; remove one of the two',
    ]);
  });
});

describe("security, memory, schedule", () => {
  test.each([
    ["strict", "readonly"],
    ["managed", "supervised"],
    ["permissive", "full"],
  ] as const)("profile %s is level %s", (profile, level) => {
    expect(at({ security: { ...security, profile } }, "risk_profiles__claw__level")).toBe(level);
  });

  test("only permissive lifts ZeroClaw's own limits on commands", () => {
    expect(at({ security: { ...security, profile: "permissive" } }, "risk_profiles__claw__allowed_commands")).toEqual(["*"]);
    expect(at({}, "risk_profiles__claw__allowed_commands")).toBeUndefined();
    expect(at({}, "risk_profiles__claw__block_high_risk_commands")).toBeUndefined();
  });

  test("sandboxed is the workspace and the kernel's confinement", () => {
    const { env } = good({});
    expect(env).toMatchObject({
      ZEROCLAW_risk_profiles__claw__workspace_only: "true",
      ZEROCLAW_risk_profiles__claw__sandbox_enabled: "true",
      ZEROCLAW_risk_profiles__claw__sandbox_backend: "landlock",
    });
    expect(at({ security: { ...security, sandboxed: false } }, "risk_profiles__claw__workspace_only")).toBe("false");
  });

  test("memory is kept or not, on the agent and on both ways in; the history's length has a profile of its own", () => {
    const off = good({ memory: { enabled: false } }).env;
    expect(off).toMatchObject({
      ZEROCLAW_memory__backend: "none",
      ZEROCLAW_agents__claw__memory__backend: "none",
      ZEROCLAW_channels__session_persistence: "false",
      ZEROCLAW_gateway__session_persistence: "false",
    });
    expect(off).not.toHaveProperty("ZEROCLAW_agents__claw__runtime_profile");
    expect(good({ memory: { enabled: true, maxHistory: 40 } }).env).toMatchObject({
      ZEROCLAW_memory__backend: "sqlite",
      ZEROCLAW_runtime_profiles__claw__max_history_messages: "40",
      ZEROCLAW_agents__claw__runtime_profile: "claw",
    });
  });

  test("the heartbeat is on or off, in whole minutes; cron jobs are a problem", () => {
    expect(at({}, "heartbeat__enabled")).toBe("false");
    expect(good({ schedule: { heartbeatMinutes: 30, cron: [] } }).env).toMatchObject({
      ZEROCLAW_heartbeat__enabled: "true",
      ZEROCLAW_heartbeat__agent: "claw",
      ZEROCLAW_heartbeat__interval_minutes: "30",
    });
    expect(problemsOf({ schedule: { heartbeatMinutes: 0.5, cron: [{ cron: "0 9 * * *", message: "hello" }] } })).toEqual([
      'agent.2.schedule.heartbeat: ZeroClaw\'s heartbeat is a whole number of minutes; write one, such as "30m"',
      "agent.2.schedule.cron: ZeroClaw keeps its cron jobs itself and has no setting for them; remove them here and add them in the running claw: zeroclaw cron add",
    ]);
  });
});

describe("extras", () => {
  test("native keys pass through, lists as JSON; a runtime profile is used when there is one", () => {
    const { env } = good({
      extras: {
        gateway: { request_timeout_secs: 60 },
        web_fetch: { allowed_domains: ["a.example", "b,c.example"] },
        runtime_profiles: { claw: { max_tool_iterations: 5, context_compression: { enabled: false } } },
        channels: { telegram: { claw: { mention_only: true } } },
      },
      channels: [telegram],
    });
    expect(env).toMatchObject({
      ZEROCLAW_gateway__request_timeout_secs: "60",
      ZEROCLAW_web_fetch__allowed_domains: '["a.example","b,c.example"]',
      ZEROCLAW_runtime_profiles__claw__max_tool_iterations: "5",
      ZEROCLAW_runtime_profiles__claw__context_compression__enabled: "false",
      ZEROCLAW_agents__claw__runtime_profile: "claw",
      ZEROCLAW_channels__telegram__claw__mention_only: "true",
    });
  });

  test("a second provider to fall back to, its key by name", () => {
    const { env, secretEnv } = good({
      model: anthropic,
      extras: {
        providers: {
          models: { anthropic: { claw: { fallback: ["openai.spare"] } }, openai: { spare: { model: "gpt", api_key: "secret:openai" } } },
        },
      },
    });
    expect(env).toMatchObject({
      ZEROCLAW_providers__models__anthropic__claw__fallback: '["openai.spare"]',
      ZEROCLAW_providers__models__openai__spare__model: "gpt",
    });
    expect(secretEnv.ZEROCLAW_providers__models__openai__spare__api_key).toMatchObject({ kind: "ref", name: "openai", required: true });
  });

  test("an unknown key is a problem at its place, with the nearest name or all of them", () => {
    expect(extras({ gatway: {}, memory: { backnd: "sqlite" }, secrets: { nosuchthing: 1 } })).toEqual([
      'agent.2.extras.memory.backnd: ZeroClaw has no setting "backnd" in memory that a claw can be given; did you mean "backend"?',
      'agent.2.extras.secrets.nosuchthing: ZeroClaw has no setting "nosuchthing" in secrets that a claw can be given; it has encrypt',
      'agent.2.extras.gatway: ZeroClaw has no setting "gatway" that a claw can be given; did you mean "gateway"?',
    ]);
  });

  test.each<[string, { [key: string]: Json }, string]>([
    [
      "type",
      { gateway: { session_ttl_hours: "12" } },
      "agent.2.extras.gateway.session_ttl_hours: gateway.session_ttl_hours: expected number",
    ],
    ["choice", { memory: { search_mode: "fast" } }, "agent.2.extras.memory.search_mode: memory.search_mode: expected one of"],
    [
      "list",
      { web_fetch: { allowed_domains: ["", 1] } },
      "agent.2.extras.web_fetch.allowed_domains.0: web_fetch.allowed_domains.0: must not be empty",
    ],
    [
      "alias",
      { providers: { models: { openai: { "a-b": {} } } } },
      "agent.2.extras.providers.models.openai.a-b: providers.models.openai.a-b: must be lower",
    ],
  ])("a wrong %s is a problem at its place", (_, value, problem) => {
    expect(extras(value)[0]).toContain(problem);
  });

  test("what the rest of the file or Clawfleet decides is not decided again", () => {
    const problems = problemsOf({
      model: anthropic,
      channels: [telegram],
      extras: {
        schema_version: 3,
        gateway: { port: 1, require_pairing: false, paired_tokens: ["x"] },
        secrets: { encrypt: false },
        agents: { claw: { channels: [], runtime_profile: "other" } },
        providers: { models: { openai: { claw: { model: "x" } } } },
        channels: { discord: { claw: { enabled: true } } },
        risk_profiles: { claw: { level: "full", auto_approve: ["*"] } },
        runtime_profiles: { claw: { max_history_messages: 1 } },
        memory: { backend: "markdown" },
        heartbeat: { enabled: true },
      },
    });
    expect(problems).toEqual([
      "agent.2.extras.schema_version: schema_version is Clawfleet's to set; remove it",
      "agent.2.extras.gateway.port: gateway.port is Clawfleet's to set; remove it",
      "agent.2.extras.gateway.require_pairing: gateway.require_pairing is Clawfleet's to set; remove it",
      "agent.2.extras.gateway.paired_tokens: gateway.paired_tokens is the claw's gateway token; remove it",
      "agent.2.extras.secrets.encrypt: secrets.encrypt is Clawfleet's to set; remove it",
      "agent.2.extras.agents.claw.channels: channels decides agents.claw.channels already; remove it here",
      "agent.2.extras.agents.claw.runtime_profile: agents.claw.runtime_profile is Clawfleet's to set; remove it",
      "agent.2.extras.providers.models.openai.claw.model: providers.models.openai.claw.model is the model's name; write it as [agent.model] name",
      "agent.2.extras.channels.discord.claw.enabled: channels.discord.claw.enabled is a channel; write it as [[agent.channels]]",
      "agent.2.extras.risk_profiles.claw.level: security.profile decides risk_profiles.claw.level already; remove it here",
      "agent.2.extras.risk_profiles.claw.auto_approve: tools decides risk_profiles.claw.auto_approve already; remove it here",
      "agent.2.extras.runtime_profiles.claw.max_history_messages: runtime_profiles.claw.max_history_messages is the history; write it as [agent.memory] max_history",
      "agent.2.extras.memory.backend: memory.enabled decides memory.backend already; remove it here",
      "agent.2.extras.heartbeat.enabled: schedule.heartbeat decides heartbeat.enabled already; remove it here",
    ]);
  });

  test("a key in clear is refused and not shown", () => {
    const problems = extras({ web_search: { brave_api_key: "BSA-in-clear" } });
    expect(problems).toEqual([
      'agent.2.extras.web_search.brave_api_key: a secret does not belong in a fleet file; write the name of one instead: "secret:<name>"',
    ]);
  });
});

test("the claw's token opens the gateway: ZeroClaw is given its hash, as the one device that is paired", () => {
  expect(good({}).secretEnv).toEqual({ ZEROCLAW_gateway__paired_tokens: { kind: "gateway-token", hash: "sha256" } });
});

test("no variable has a name that ZeroClaw would not read as an override", () => {
  const { env, secretEnv } = good({ model: anthropic, channels: [telegram], memory: { enabled: true, maxHistory: 5 } });
  for (const name of [...Object.keys(env), ...Object.keys(secretEnv)]) expect(name).toMatch(/^ZEROCLAW_[a-z0-9_]+$/);
});
