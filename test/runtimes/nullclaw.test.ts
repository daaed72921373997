import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Claw, Security } from "../../fleet/types.ts";
import { schema } from "../../runtimes/nullclaw/native.ts";
import { runtime } from "../../runtimes/nullclaw/runtime.ts";
import { translator } from "./translate.ts";

const { descriptor } = runtime;
const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 1024, cpus: 1, maxOpenFiles: 65536 };
const { translate, good, problemsOf } = translator(runtime);

/** The value of an override variable, as the entrypoint will take it. */
const at = (change: Partial<Claw>, path: string) => good(change).env[`NULLCLAW_${path}`];

const telegram = { channel: "telegram", enabled: true, tokenRef: "bot", allowlist: ["123456789"] };
const of = (channel: string, rest: object = {}) => ({ channel, enabled: true, tokenRef: "bot", allowlist: [], ...rest });

describe("the gateway", () => {
  test("is paired with the hash of the claw's own token, whatever the claw is", () => {
    expect(good({}).secretEnv).toEqual({ NULLCLAW_gateway__paired_tokens__0: { kind: "gateway-token", hash: "sha256" } });
  });
});

describe("model", () => {
  test("is provider/name; the key is a reference that may have no value", () => {
    const { env, secretEnv } = good({ model: { provider: "openrouter", name: "anthropic/claude-sonnet-4.6", apiKeyRef: "router" } });
    expect(env.NULLCLAW_agents__defaults__model__primary).toBe("openrouter/anthropic/claude-sonnet-4.6");
    expect(secretEnv.NULLCLAW_models__providers__openrouter__api_key).toEqual({
      kind: "ref",
      name: "router",
      required: false,
      path: ["agent", 2, "model", "api_key_ref"],
    });
    expect(Object.keys(env).filter((name) => name.endsWith("base_url"))).toEqual([]);
  });

  test("at another address: NullClaw has some that it would not ask there, under a name that it does not know it does", () => {
    const baseUrl = "http://10.0.0.1:8000/v1";
    const primary = (provider: string) => at({ model: { provider, name: "m", baseUrl } }, "agents__defaults__model__primary");
    expect(primary("anthropic")).toBe("anthropic/m");
    expect(primary("openai")).toBe("openai-compatible/m");
    expect(primary("openrouter")).toBe("openrouter-compatible/m");
    expect(primary("custom")).toBe("custom/m");
    expect(at({ model: { provider: "openai", name: "m", baseUrl } }, "models__providers__openai-compatible__base_url")).toBe(baseUrl);
    expect(problemsOf({ model: { provider: "gemini", name: "m", baseUrl } })).toEqual([
      'agent.2.model.base_url: NullClaw asks gemini at its own address only; remove base_url, or write provider = "custom" for an API like OpenAI\'s',
    ]);
  });

  test.each([
    ["google", "gemini"],
    ["Claude", "anthropic"],
  ])("provider %s is NullClaw's %s", (provider, own) => {
    expect(at({ model: { provider, name: "x", apiKeyRef: "k" } }, "agents__defaults__model__primary")).toBe(`${own}/x`);
  });

  test("that NullClaw would ask somewhere else is refused", () => {
    expect(problemsOf({ model: { provider: "antropic", name: "x", apiKeyRef: "k" } })).toEqual([
      'agent.2.model.provider: NullClaw has no provider "antropic"; did you mean "anthropic"?',
    ]);
    expect(problemsOf({ model: { provider: "qqqqqqqq", name: "x" } })).toEqual([
      'agent.2.model.provider: NullClaw has no provider "qqqqqqqq"; for an API that is like OpenAI\'s, write provider = "custom" with its base_url',
    ]);
    expect(problemsOf({ model: { provider: "ollama", name: "x" } })).toEqual([
      "agent.2.model: NullClaw needs base_url for ollama, the address of its API as a container reaches it",
    ]);
    expect(problemsOf({ model: { provider: "ollama", name: "x", baseUrl: "http://o:11434", apiKeyRef: "k" } })).toEqual([
      "agent.2.model.api_key_ref: NullClaw sends ollama no key; remove api_key_ref",
    ]);
    for (const name of ['a"b', "a\\b", "a\tb"]) {
      expect(problemsOf({ model: { provider: "anthropic", name } })).toEqual([
        expect.stringMatching(/^agent\.2\.model\.name: NullClaw writes the model's name into its requests as it is/),
      ]);
    }
  });
});

describe("channels", () => {
  test("a token is a required reference, the allowlist goes to allow_from", () => {
    const { env, secretEnv } = good({ channels: [telegram] });
    expect(env.NULLCLAW_channels__telegram__accounts__default__allow_from).toBe('["123456789"]');
    expect(env.NULLCLAW_channels__telegram__accounts__default__group_policy).toBe("allowlist");
    expect(secretEnv.NULLCLAW_channels__telegram__accounts__default__bot_token).toEqual({
      kind: "ref",
      name: "bot",
      required: true,
      path: ["agent", 2, "channels", 0, "token_ref"],
    });
  });

  test("nobody allowed is never an empty list, which on some channels lets everybody in", () => {
    for (const channel of ["telegram", "discord"]) {
      expect(at({ channels: [of(channel)] }, `channels__${channel}__accounts__default__allow_from`)).toBe('["clawfleet:nobody"]');
    }
  });

  test("an entry that NullClaw would never match is refused", () => {
    expect(problemsOf({ channels: [{ ...telegram, allowlist: ["ada", "123", "@ada", "*", ""] }] })).toEqual([
      'agent.2.channels.0.allowlist: NullClaw knows people on telegram by a number such as 8734062810, or "@name"; write that instead of "ada"',
      'agent.2.channels.0.allowlist: NullClaw knows people on telegram by a number such as 8734062810, or "@name"; write that instead of ""',
    ]);
    for (const [channel, wrong] of [
      ["discord", "ada"],
      ["slack", "ada"],
    ] as const) {
      expect(
        problemsOf({ channels: [of(channel, { allowlist: [wrong], ...(channel === "slack" && { appTokenRef: "app" }) })] }),
      ).toHaveLength(1);
    }
  });

  test("Slack has two tokens, and asks for the allowlist in channels too", () => {
    const { env, secretEnv } = good({ channels: [of("slack", { appTokenRef: "app" })] });
    expect(env).toMatchObject({
      NULLCLAW_channels__slack__accounts__default__mode: "socket",
      NULLCLAW_channels__slack__accounts__default__dm_policy: "allowlist",
      NULLCLAW_channels__slack__accounts__default__group_policy: "allowlist",
    });
    expect(secretEnv).toMatchObject({
      NULLCLAW_channels__slack__accounts__default__bot_token: { name: "bot" },
      NULLCLAW_channels__slack__accounts__default__app_token: { name: "app" },
    });
    expect(problemsOf({ channels: [of("slack")] })).toEqual([
      'agent.2.channels.0: slack needs app_token_ref, the name of the secret that holds its token; add app_token_ref = "slack"',
    ]);
  });

  test("Matrix needs what only extras can say", () => {
    expect(problemsOf({ channels: [of("matrix")] })).toEqual([
      'agent.2.channels.0: matrix needs homeserver and room_id; add [agent.extras.channels.matrix.accounts.default] with homeserver = "..." and room_id = "..."',
    ]);
    const account = { homeserver: "https://matrix.example.org", room_id: "!room:example.org" };
    const extras = { channels: { matrix: { accounts: { default: account } } } };
    expect(at({ channels: [of("matrix")], extras }, "channels__matrix__accounts__default__homeserver")).toBe(account.homeserver);
  });

  test("one that is not enabled has no account, and needs no token", () => {
    const off = { channel: "discord", enabled: false, allowlist: [] };
    expect(at({ channels: [off] }, "channels__discord__accounts")).toBe("{}");
    const extras = { channels: { discord: { accounts: { mine: { token: "secret:x", allow_from: ["*"] } } } } };
    expect(problemsOf({ channels: [off], extras })).toEqual([
      "agent.2.extras.channels.discord.accounts.mine.token: channels[0].enabled decides channels.discord.accounts.mine.token already; remove it here",
      "agent.2.extras.channels.discord.accounts.mine.allow_from: channels[0].enabled decides channels.discord.accounts.mine.allow_from already; remove it here",
    ]);
  });

  test("what cannot work is refused", () => {
    expect(problemsOf({ channels: [{ channel: "telegramm", enabled: true, allowlist: [] }] })).toEqual([
      'agent.2.channels.0.channel: NullClaw has no channel "telegramm" here; did you mean "telegram"?',
    ]);
    expect(problemsOf({ channels: [telegram, telegram] })).toEqual([
      "agent.2.channels.1.channel: a claw has one telegram channel; remove this one or give it a claw of its own",
    ]);
    expect(problemsOf({ channels: [{ channel: "discord", enabled: true, allowlist: [] }] })).toHaveLength(1);
    expect(problemsOf({ channels: [{ ...telegram, appTokenRef: "x" }] })).toEqual([
      "agent.2.channels.0.app_token_ref: NullClaw's telegram has no app token; remove app_token_ref",
    ]);
  });
});

describe("tools and security", () => {
  const strict: Security = { ...security, profile: "strict" };
  const open: Security = { ...security, sandboxed: false };
  const free: Security = { ...open, profile: "permissive" };
  const tool = (name: string, allowed: boolean) => ({ tools: [{ name, allowed }] });

  test.each([
    ["strict", strict, { level: "readonly", commands: ["clawfleet:none"], cron: false, web: false, risky: true, paths: [] }],
    ["managed", security, { level: "supervised", commands: ["clawfleet:none"], cron: false, web: true, risky: true, paths: [] }],
    ["managed, not sandboxed", open, { level: "supervised", commands: [], cron: false, web: true, risky: true, paths: ["*"] }],
    ["permissive, not sandboxed", free, { level: "full", commands: ["*"], cron: true, web: true, risky: false, paths: ["*"] }],
    [
      "permissive",
      { ...security, profile: "permissive" },
      { level: "full", commands: ["clawfleet:none"], cron: false, web: true, risky: false, paths: [] },
    ],
  ] as const)("%s", (_, chosen, wanted) => {
    const { env } = good({ security: chosen });
    expect(env).toMatchObject({
      NULLCLAW_autonomy__level: wanted.level,
      NULLCLAW_autonomy__allowed_commands: JSON.stringify(wanted.commands),
      NULLCLAW_autonomy__allowed_paths: JSON.stringify(wanted.paths),
      NULLCLAW_autonomy__block_high_risk_commands: `${wanted.risky}`,
      NULLCLAW_autonomy__require_approval_for_medium_risk: `${wanted.risky}`,
      NULLCLAW_autonomy__workspace_only: `${chosen.sandboxed}`,
      NULLCLAW_scheduler__enabled: `${wanted.cron}`,
      NULLCLAW_http_request__enabled: `${wanted.web}`,
    });
  });

  test("what NullClaw can be told: the shell, scheduled commands, the web", () => {
    expect(at({ ...tool("shell", false), security: free }, "autonomy__allowed_commands")).toBe('["clawfleet:none"]');
    // A scheduled command is a shell's.
    expect(at({ ...tool("shell", false), security: free }, "scheduler__enabled")).toBe("false");
    expect(at({ ...tool("cron", false), security: free }, "scheduler__enabled")).toBe("false");
    expect(at({ ...tool("shell", true), security: open }, "autonomy__allowed_commands")).toBe("[]");
    expect(at(tool("web_fetch", false), "http_request__enabled")).toBe("false");
    expect(at(tool("web_search", true), "http_request__enabled")).toBe("true");
    expect(at(tool("files", true), "autonomy__level")).toBe("supervised");
  });

  test("what it cannot be told is refused, with what there is instead", () => {
    expect(problemsOf(tool("shell", true))).toEqual([
      "agent.2.tools.0.allowed: NullClaw cannot keep its shell to the workspace; remove this tool or set security.sandboxed = false",
    ]);
    expect(problemsOf({ ...tool("cron", true), security: open })).toEqual([
      'agent.2.tools.0.allowed: NullClaw runs scheduled commands unchecked; remove this tool or give the claw security.profile = "permissive", security.sandboxed = false and the shell',
    ]);
    for (const name of ["files", "memory", "subagents"]) {
      expect(problemsOf(tool(name, false))).toEqual([
        `agent.2.tools.0.allowed: NullClaw has no switch for its ${name} tools; remove this tool, or choose security.profile = "strict", which has none`,
      ]);
      expect(problemsOf({ ...tool(name, false), security: strict })).toEqual([]);
    }
    expect(
      problemsOf({
        tools: [
          { name: "web_search", allowed: true },
          { name: "web_fetch", allowed: false },
        ],
      }),
    ).toEqual(["agent.2.tools.1.allowed: NullClaw has one switch for web_search and web_fetch; allow both or neither"]);
    for (const name of runtime.tools) {
      expect(problemsOf({ ...tool(name, true), security: strict })).toEqual([
        'agent.2.tools.0.allowed: security.profile "strict" leaves NullClaw no tool at all, as it only looks; remove this tool or choose "managed"',
      ]);
    }
    expect(problemsOf(tool("shel", true))).toEqual(['agent.2.tools.0.name: NullClaw has no tool "shel"; did you mean "shell"?']);
  });
});

describe("memory and schedule", () => {
  test("SQLite keeps conversations; without memory there is no backend", () => {
    expect(good({}).env).toMatchObject({ NULLCLAW_memory__backend: "sqlite", NULLCLAW_memory__auto_save: "true" });
    const { env } = good({ memory: { enabled: false, maxHistory: 40 } });
    expect(env).toMatchObject({
      NULLCLAW_memory__backend: "none",
      NULLCLAW_memory__auto_save: "false",
      NULLCLAW_agent__max_history_messages: "40",
    });
    expect(good({}).env).not.toHaveProperty("NULLCLAW_agent__max_history_messages");
  });

  test("a heartbeat and messages on a timer are refused: this version has neither", () => {
    expect(problemsOf({ schedule: { heartbeatMinutes: 30, cron: [{ cron: "0 9 * * *", message: "hi" }] } })).toEqual([
      "agent.2.schedule.heartbeat: NullClaw 2026.2.26 reads HEARTBEAT.md at each heartbeat and does nothing with it; remove heartbeat",
      expect.stringMatching(/^agent\.2\.schedule\.cron: NullClaw schedules shell commands, not messages .*nullclaw cron add/),
    ]);
  });
});

describe("extras", () => {
  test("become one variable for each value, lists and odd names whole", () => {
    const { env } = good({
      extras: {
        default_temperature: 0.2,
        agent: { message_timeout_secs: 60 },
        mcp_servers: { "my-server": { command: "x" }, "odd name": { command: "y" } },
        channels: { irc: { accounts: { main: { host: "irc.example.org", nick: "claw", allow_from: ["ada"] } } } },
      },
    });
    expect(env.NULLCLAW_default_temperature).toBe("0.2");
    expect(env.NULLCLAW_agent__message_timeout_secs).toBe("60");
    expect(env.NULLCLAW_mcp_servers).toBe('{"my-server":{"command":"x"},"odd name":{"command":"y"}}');
    expect(env.NULLCLAW_channels__irc__accounts__main__allow_from).toBe('["ada"]');
  });

  test("unknown keys, wrong types and values: each at its place, with the nearest name", () => {
    const extras = {
      agent: { max_history: 3, token_limit: "many" },
      autonomy: { level: "loud" },
      security: { sandbox: { backend: "docker" } },
    };
    expect(problemsOf({ extras }).sort()).toEqual([
      expect.stringMatching(
        /^agent\.2\.extras\.agent\.max_history: NullClaw has no setting "max_history" in agent that a claw can be given/,
      ),
      "agent.2.extras.agent.token_limit: agent.token_limit: expected number, received string",
      expect.stringMatching(/^agent\.2\.extras\.autonomy\.level: autonomy\.level: expected one of "readonly"\|"supervised"\|"full"/),
      expect.stringMatching(/^agent\.2\.extras\.security: NullClaw has no setting "security" that a claw can be given/),
    ]);
    // Numbers that NullClaw would narrow to others.
    expect(problemsOf({ extras: { agent: { max_tool_iterations: 2 ** 32 } } })).toHaveLength(1);
    expect(problemsOf({ extras: { agents: { defaults: { model: { primary: "no-provider" } } } } })).toHaveLength(1);
  });

  test("cannot decide again what the fleet file has decided, nor what is Clawfleet's", () => {
    expect(problemsOf({ extras: { gateway: { port: 1234, paired_tokens: [] }, channels: { cli: true } } }).sort()).toEqual([
      "agent.2.extras.channels.cli: channels.cli is Clawfleet's to set; remove it",
      "agent.2.extras.gateway.paired_tokens: gateway.paired_tokens is Clawfleet's to set; remove it",
      "agent.2.extras.gateway.port: gateway.port is Clawfleet's to set; remove it",
    ]);
    expect(problemsOf({ extras: { autonomy: { level: "full", allowed_commands: ["*"] }, memory: { backend: "none" } } }).sort()).toEqual([
      "agent.2.extras.autonomy.allowed_commands: security.sandboxed decides autonomy.allowed_commands already; remove it here",
      "agent.2.extras.autonomy.level: security.profile decides autonomy.level already; remove it here",
      "agent.2.extras.memory.backend: memory.enabled decides memory.backend already; remove it here",
    ]);
  });

  test("name secrets, never hold them", () => {
    const signal = (token: string) => ({
      channels: { mattermost: { accounts: { main: { bot_token: token, base_url: "https://chat.example.org" } } } },
    });
    expect(good({ extras: signal("secret:chat") }).secretEnv.NULLCLAW_channels__mattermost__accounts__main__bot_token).toMatchObject({
      kind: "ref",
      name: "chat",
    });
    const clear = translate({ extras: signal("token-in-clear") });
    expect(clear.problems).toHaveLength(1);
    expect(JSON.stringify(clear)).not.toContain("in-clear");
  });

  test("cannot open a channel to everybody by saying nothing", () => {
    const qq = (allow_from: string[]) => ({
      channels: { qq: { accounts: { main: { app_id: "1", app_secret: "secret:qq", allow_from } } } },
    });
    expect(problemsOf({ extras: qq([]) })).toEqual([
      expect.stringMatching(/^agent\.2\.extras\.channels\.qq\.accounts\.main: .* open to everybody/),
    ]);
    expect(problemsOf({ extras: qq([""]) })).toHaveLength(1);
    expect(problemsOf({ extras: qq(["ada"]) })).toEqual([]);
  });
});

describe("the folder", () => {
  const read = (name: string) => readFileSync(new URL(`../../runtimes/nullclaw/${name}`, import.meta.url), "utf8");

  test("default config: valid, on the descriptor's port, nobody let in, no command to be run", () => {
    const config = schema.parse(JSON.parse(read("config.json")));
    expect(config.gateway).toEqual({
      host: "0.0.0.0",
      port: descriptor.port,
      allow_public_bind: true,
      require_pairing: true,
      paired_tokens: [],
    });
    // This listener only keeps the agent running for /webhook: it must stay in the container.
    expect(config.channels).toEqual({ cli: false, web: { accounts: { loopback: { listen: "127.0.0.1", port: expect.any(Number) } } } });
    expect(config.autonomy).toMatchObject({ level: "supervised", allowed_commands: ["clawfleet:none"], allowed_paths: [] });
    expect(config.scheduler?.enabled).toBe(false);
    // NullClaw takes a provider that it does not know for OpenRouter, unless it has an address.
    const [provider = ""] = config.agents?.defaults?.model?.primary?.split("/") ?? [];
    expect(config.models?.providers?.[provider]?.base_url).toBe("http://127.0.0.1:9");
  });

  test("the default is also what a claw without a word in its fleet file gets", () => {
    const { env } = good({});
    const config: unknown = JSON.parse(read("config.json"));
    for (const [name, value] of Object.entries(env)) {
      const path = name.replace("NULLCLAW_", "").split("__");
      const found = path.reduce<unknown>((node, key) => new Map<string, unknown>(Object.entries(node ?? {})).get(key), config);
      expect(typeof found === "string" ? found : JSON.stringify(found), name).toBe(value);
    }
  });

  test("Dockerfile says the same as the descriptor", () => {
    const dockerfile = read("Dockerfile");
    for (const [name, image] of Object.entries(descriptor.bases)) expect(dockerfile).toContain(`\nARG ${name}=${image}\n`);
    for (const [name, value] of Object.entries(descriptor.buildArgs)) {
      const said = [...dockerfile.matchAll(new RegExp(`^ARG ${name}=(.*)$`, "gm"))].map((match) => match[1]);
      expect(new Set(said), name).toEqual(new Set([value]));
    }
    expect(descriptor.buildArgs.VERSION).toBe(descriptor.version);
    for (const [name, value] of Object.entries(descriptor.env)) expect(dockerfile).toMatch(new RegExp(`\\b${name}=${value}( |$)`, "m"));
    expect(dockerfile).toContain(`USER ${descriptor.uid}:${descriptor.uid}\nEXPOSE ${descriptor.port}\n`);
    expect(dockerfile).toContain(`--start-period=${descriptor.health.startupSeconds}s`);
    expect(dockerfile).toContain(`org.opencontainers.image.source="${descriptor.source}"`);
  });

  test("the compiler is pinned by checksum, for both architectures", () => {
    const lines = read("zig/requirements.txt");
    expect(lines).toMatch(/^ziglang==\d+\.\d+\.\d+ \\$/m);
    expect(lines.match(/--hash=sha256:[0-9a-f]{64}\b/g)).toHaveLength(2);
  });
});
