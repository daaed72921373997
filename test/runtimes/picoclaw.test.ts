import { describe, expect, test } from "vitest";
import type { Claw, Security } from "../../fleet/types.ts";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";
import { translator } from "./translate.ts";

const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 1024, cpus: 1, maxOpenFiles: 65536 };

const { translate, good, problemsOf } = translator(runtime);

/** The value of an override variable, as the entrypoint will take it. */
const at = (env: { readonly [name: string]: string }, path: string) => env[`PICOCLAW_${path}`];

const telegram = { channel: "telegram", enabled: true, tokenRef: "bot", allowlist: ["123456789"] };

describe("model", () => {
  test("is entry 0 of the list and the agents' default; the key is a reference that may have no value", () => {
    const { env, secretEnv } = good({ model: { provider: "openrouter", name: "anthropic/claude-sonnet-4.6", apiKeyRef: "router" } });
    expect(env).toMatchObject({
      PICOCLAW_agents__defaults__model_name: "anthropic/claude-sonnet-4.6",
      PICOCLAW_model_list__0__model_name: "anthropic/claude-sonnet-4.6",
      PICOCLAW_model_list__0__provider: "openrouter",
      PICOCLAW_model_list__0__model: "anthropic/claude-sonnet-4.6",
    });
    expect(secretEnv.PICOCLAW_model_list__0__api_keys__0).toEqual({
      kind: "ref",
      name: "router",
      required: false,
      path: ["agent", 2, "model", "api_key_ref"],
    });
    expect(env).not.toHaveProperty("PICOCLAW_model_list__0__api_base");
  });

  test("of a local provider has no key and no stand-in for one", () => {
    const { env, secretEnv } = good({ model: { provider: "ollama", name: "llama3", baseUrl: "http://10.0.0.1:11434/v1" } });
    expect(at(env, "model_list__0__api_base")).toBe("http://10.0.0.1:11434/v1");
    expect(at(env, "model_list__0__api_keys")).toBe("[]");
    expect(Object.keys(secretEnv).filter((name) => name.includes("model_list"))).toEqual([]);
  });

  test.each([
    ["google", "gemini"],
    ["Claude", "anthropic"],
  ])("provider %s is PicoClaw's %s", (provider, own) => {
    expect(at(good({ model: { provider, name: "x", apiKeyRef: "k" } }).env, "model_list__0__provider")).toBe(own);
  });

  test("that PicoClaw would not start with is refused", () => {
    expect(problemsOf({ model: { provider: "antropic", name: "x", apiKeyRef: "k" } })).toEqual([
      'agent.2.model.provider: PicoClaw has no provider "antropic"; did you mean "anthropic"?',
    ]);
    expect(problemsOf({ model: { provider: "anthropic", name: "x", baseUrl: "http://proxy" } })).toEqual([
      'agent.2.model: PicoClaw does not start with a model of anthropic without a key; add api_key_ref = "anthropic"',
    ]);
    expect(problemsOf({ model: { provider: "openai", name: "x" } })).toEqual([
      'agent.2.model: PicoClaw does not start with a model of openai without a key; add api_key_ref = "openai" or base_url',
    ]);
    expect(problemsOf({ model: { provider: "azure", name: "x", apiKeyRef: "k" } })).toEqual([
      'agent.2.model: PicoClaw needs base_url for azure, such as "https://<resource>.openai.azure.com"',
    ]);
    expect(problemsOf({ model: { provider: "openai", name: "gpt 5", apiKeyRef: "k" } })).toHaveLength(1);
    expect(problemsOf({ model: { provider: "openai", name: "x", baseUrl: "http://proxy" } })).toEqual([]);
  });
});

describe("channels", () => {
  test("a token is a required reference, the allowlist goes to allow_from", () => {
    const { env, secretEnv } = good({ channels: [telegram] });
    expect(at(env, "channel_list__telegram__enabled")).toBe("true");
    expect(at(env, "channel_list__telegram__allow_from")).toBe('["123456789"]');
    expect(secretEnv).toEqual({
      PICOCLAW_channel_list__telegram__settings__token: {
        kind: "ref",
        name: "bot",
        required: true,
        path: ["agent", 2, "channels", 0, "token_ref"],
      },
    });
  });

  test("nobody allowed is never an empty list, which PicoClaw takes for everybody", () => {
    const { env } = good({ channels: [{ ...telegram, allowlist: [] }] });
    expect(at(env, "channel_list__telegram__allow_from")).toBe('["clawfleet:nobody"]');
    expect(at(good({ channels: [{ ...telegram, allowlist: ["*"] }] }).env, "channel_list__telegram__allow_from")).toBe('["*"]');
  });

  test("an entry that PicoClaw would never match is refused, a Matrix id is put so that it does", () => {
    expect(problemsOf({ channels: [{ ...telegram, allowlist: ["ada", "123", "@ada", "*", ""] }] })).toEqual([
      'agent.2.channels.0.allowlist: PicoClaw knows people on telegram by a number such as 8734062810, or "@name"; write that instead of "ada"',
      'agent.2.channels.0.allowlist: PicoClaw knows people on telegram by a number such as 8734062810, or "@name"; write that instead of ""',
    ]);
    const matrix = { channel: "matrix", enabled: true, tokenRef: "m", allowlist: ["@ada:example.org", "*"] };
    const { env } = good({ channels: [matrix], extras: { channel_list: { matrix: { settings: { user_id: "@bot:example.org" } } } } });
    expect(at(env, "channel_list__matrix__allow_from")).toBe('["matrix:@ada:example.org","*"]');
  });

  test("without one, the claw's own WebSocket is open to whoever has the gateway token; beside others only when asked for", () => {
    const alone = good({});
    expect(at(alone.env, "channel_list__pico__enabled")).toBe("true");
    expect(alone.secretEnv).toEqual({ PICOCLAW_channel_list__pico__settings__token: { kind: "gateway-token" } });
    expect(Object.keys(good({ channels: [telegram] }).env).filter((name) => name.includes("pico__"))).toEqual([]);
    const off = good({ channels: [{ channel: "pico", enabled: false, allowlist: [] }] });
    expect(at(off.env, "channel_list__pico__enabled")).toBe("false");
    expect(off.secretEnv).toEqual({});
    const asked = good({ channels: [telegram, { channel: "pico", enabled: true, allowlist: [] }] });
    expect(at(asked.env, "channel_list__pico__allow_from")).toBe('["clawfleet:nobody"]');
    expect(asked.secretEnv.PICOCLAW_channel_list__pico__settings__token).toEqual({ kind: "gateway-token" });
  });

  test("Slack has two tokens", () => {
    const slack = { channel: "slack", enabled: true, tokenRef: "bot", allowlist: [] };
    expect(Object.keys(good({ channels: [{ ...slack, appTokenRef: "app" }] }).secretEnv)).toEqual([
      "PICOCLAW_channel_list__slack__settings__bot_token",
      "PICOCLAW_channel_list__slack__settings__app_token",
    ]);
    expect(problemsOf({ channels: [slack] })).toEqual([
      'agent.2.channels.0: slack needs app_token_ref, the name of the secret that holds its token; add app_token_ref = "slack"',
    ]);
  });

  test("what cannot work is refused", () => {
    expect(problemsOf({ channels: [{ channel: "telegramm", enabled: true, allowlist: [] }] })).toEqual([
      'agent.2.channels.0.channel: PicoClaw has no channel "telegramm" here; did you mean "telegram"?',
    ]);
    expect(problemsOf({ channels: [telegram, telegram] })).toEqual([
      "agent.2.channels.1.channel: a claw has one telegram channel; remove this one or give it a claw of its own",
    ]);
    expect(problemsOf({ channels: [{ channel: "discord", enabled: true, allowlist: [] }] })).toHaveLength(1);
    expect(problemsOf({ channels: [{ ...telegram, appTokenRef: "x" }] })).toEqual([
      "agent.2.channels.0.app_token_ref: PicoClaw's telegram has no app token; remove app_token_ref",
    ]);
    expect(problemsOf({ channels: [{ channel: "discord", enabled: false, allowlist: [] }] })).toEqual([]);
    const matrix = [{ channel: "matrix", enabled: true, tokenRef: "m", allowlist: [] }];
    expect(problemsOf({ channels: matrix })).toHaveLength(1);
    expect(problemsOf({ channels: matrix, extras: { channel_list: { matrix: { settings: { user_id: "@bot:x.org" } } } } })).toEqual([]);
  });
});

describe("tools and security", () => {
  const enabled = (change: Partial<Claw>) =>
    Object.entries(good(change).env).flatMap(([name, value]) => {
      const own = /^PICOCLAW_tools__(\w+)__enabled$/.exec(name)?.[1];
      return own !== undefined && value === "true" ? [own] : [];
    });

  test("each of PicoClaw's tools is said to be on or off; the profile decides where `tools` does not", () => {
    const all = ["append_file", "cron", "edit_file", "exec", "find_skills", "list_dir", "load_image", "message", "read_file", "send_file"];
    all.push("skills", "spawn", "spawn_status", "subagent", "web", "web_fetch", "write_file");
    expect(enabled({}).sort()).toEqual(all);
    expect(enabled({ security: { ...security, profile: "permissive" } }).sort()).toEqual([...all, "install_skill"].sort());
    const writing = ["append_file", "cron", "edit_file", "exec", "write_file"];
    expect(enabled({ security: { ...security, profile: "strict" } }).sort()).toEqual(all.filter((name) => !writing.includes(name)));
  });

  test("a tool that is not allowed is off, one that is allowed is on", () => {
    const tools = [
      { name: "shell", allowed: false },
      { name: "mcp", allowed: true },
    ];
    expect(enabled({ tools })).not.toContain("exec");
    expect(enabled({ tools })).toContain("mcp");
  });

  test("strict: files may be read when allowed, a shell cannot be", () => {
    const strict: Security = { ...security, profile: "strict" };
    const files = enabled({ tools: [{ name: "files", allowed: true }], security: strict });
    expect(files).toContain("read_file");
    expect(files).not.toContain("write_file");
    expect(problemsOf({ tools: [{ name: "shell", allowed: true }], security: strict })).toEqual([
      'agent.2.tools.0.allowed: PicoClaw has no shell under security.profile "strict"; remove this tool or choose "managed"',
    ]);
  });

  test("unknown and repeated tools are refused", () => {
    expect(problemsOf({ tools: [{ name: "shel", allowed: true }] })).toEqual([
      'agent.2.tools.0.name: PicoClaw has no tool "shel"; did you mean "shell"?',
    ]);
    expect(problemsOf({ tools: [{ name: "browser", allowed: true }] })[0]).toContain("it has shell, files, web_search");
    expect(
      problemsOf({
        tools: [
          { name: "shell", allowed: true },
          { name: "shell", allowed: false },
        ],
      }),
    ).toHaveLength(1);
  });

  test("the sandbox and what is risky", () => {
    const { env } = good({});
    expect(at(env, "agents__defaults__restrict_to_workspace")).toBe("true");
    expect(at(env, "agents__defaults__allow_read_outside_workspace")).toBe("false");
    expect(at(env, "tools__exec__enable_deny_patterns")).toBe("true");
    expect(at(env, "tools__cron__allow_command")).toBe("false");
    const open = good({ security: { ...security, sandboxed: false, profile: "permissive" } }).env;
    expect(at(open, "agents__defaults__restrict_to_workspace")).toBe("false");
    expect(at(open, "tools__exec__enable_deny_patterns")).toBe("false");
    expect(at(open, "tools__cron__allow_command")).toBe("true");
  });
});

describe("memory and schedule", () => {
  test("no memory means no history; max_history is where older messages are summed up", () => {
    const { env } = good({ memory: { enabled: false, maxHistory: 40 } });
    expect(at(env, "agents__defaults__turn_profile__enabled")).toBe("true");
    expect(at(env, "agents__defaults__turn_profile__history__mode")).toBe("off");
    expect(at(env, "agents__defaults__summarize_message_threshold")).toBe("40");
    expect(Object.keys(good({}).env).filter((name) => /turn_profile|summarize/.test(name))).toEqual([]);
  });

  test("a heartbeat in whole minutes, five at least", () => {
    expect(at(good({}).env, "heartbeat__enabled")).toBe("false");
    const { env } = good({ schedule: { heartbeatMinutes: 30, cron: [] } });
    expect([at(env, "heartbeat__enabled"), at(env, "heartbeat__interval")]).toEqual(["true", "30"]);
    for (const heartbeatMinutes of [1, 4.5, 7.5]) {
      expect(problemsOf({ schedule: { heartbeatMinutes, cron: [] } })[0]).toMatch(/^agent\.2\.schedule\.heartbeat: .* 5m at least/);
    }
  });

  test("cron jobs are refused rather than dropped", () => {
    expect(problemsOf({ schedule: { cron: [{ cron: "0 9 * * *", message: "hi" }] } })).toEqual([
      "agent.2.schedule.cron: PicoClaw keeps its cron jobs itself and has no setting for them; remove them here and add them in the running claw: picoclaw cron add",
    ]);
  });
});

describe("extras", () => {
  test("become one variable for each value, lists and odd names whole", () => {
    const { env } = good({
      extras: {
        agents: { defaults: { temperature: 0.2, max_tokens: 4096 } },
        tools: { allow_read_paths: ["^/usr/share/"], mcp: { servers: { "my-server": { command: "x" }, "odd name": { command: "y" } } } },
        gateway: { log_level: "info" },
      },
    });
    expect(at(env, "agents__defaults__temperature")).toBe("0.2");
    expect(at(env, "agents__defaults__max_tokens")).toBe("4096");
    expect(at(env, "tools__allow_read_paths")).toBe('["^/usr/share/"]');
    expect(at(env, "tools__mcp__servers")).toBe('{"my-server":{"command":"x"},"odd name":{"command":"y"}}');
    expect(at(env, "gateway__log_level")).toBe("info");
  });

  test("further models follow the claw's own, which stays the first", () => {
    const extras = { model_list: [{ model_name: "spare", model: "ollama/llama3" }] };
    const model = { provider: "openai", name: "gpt-5.4", apiKeyRef: "openai" };
    expect(at(good({ extras, model }).env, "model_list__1__model_name")).toBe("spare");
    expect(at(good({ extras }).env, "model_list__0__model_name")).toBe("spare");
  });

  test("unknown keys, wrong types and values: each at its place, with the nearest name", () => {
    expect(
      problemsOf({ extras: { gateway: { log_levle: "info" }, agents: { defaults: { max_tokens: "many" } }, nonsense: 1 } }).sort(),
    ).toEqual([
      "agent.2.extras.agents.defaults.max_tokens: agents.defaults.max_tokens: expected number, received string",
      'agent.2.extras.gateway.log_levle: PicoClaw has no setting "log_levle" in gateway that a claw can be given; did you mean "log_level"?',
      expect.stringMatching(
        /^agent\.2\.extras\.nonsense: PicoClaw has no setting "nonsense" that a claw can be given; it has agents, channel_list, /,
      ),
    ]);
    expect(problemsOf({ extras: { gateway: { log_level: "loud" } } })[0]).toContain('"debug"|"info"|"warn"');
  });

  test("cannot decide again what the fleet file has decided, nor what is Clawfleet's", () => {
    expect(problemsOf({ extras: { gateway: { port: 1234, host: "127.0.0.1" }, version: 3 } }).sort()).toEqual([
      "agent.2.extras.gateway.host: gateway.host is Clawfleet's to set; remove it",
      "agent.2.extras.gateway.port: gateway.port is Clawfleet's to set; remove it",
      "agent.2.extras.version: version is Clawfleet's to set; remove it",
    ]);
    const overruling = {
      agents: { defaults: { restrict_to_workspace: false } },
      tools: { exec: { enabled: true } },
      heartbeat: { enabled: true },
    };
    expect(problemsOf({ extras: overruling, tools: [{ name: "shell", allowed: false }] }).sort()).toEqual([
      "agent.2.extras.agents.defaults.restrict_to_workspace: security.sandboxed decides agents.defaults.restrict_to_workspace already; remove it here",
      "agent.2.extras.heartbeat.enabled: schedule.heartbeat decides heartbeat.enabled already; remove it here",
      "agent.2.extras.tools.exec.enabled: tools[0] decides tools.exec.enabled already; remove it here",
    ]);
    const channel_list = { telegram: { allow_from: [] } };
    expect(problemsOf({ channels: [telegram], extras: { channel_list } })).toEqual([
      "agent.2.extras.channel_list.telegram.allow_from: channels[0].allowlist decides channel_list.telegram.allow_from already; remove it here",
    ]);
  });

  test("name secrets, never hold them", () => {
    const brave = (key: string) => ({ tools: { web: { brave: { enabled: true, api_keys: [key] } } } });
    const { secretEnv } = good({ extras: brave("secret:brave") });
    expect(secretEnv.PICOCLAW_tools__web__brave__api_keys__0).toEqual({
      kind: "ref",
      name: "brave",
      required: true,
      path: ["agent", 2, "extras", "tools", "web", "brave", "api_keys", 0],
    });
    const clear = translate({ extras: brave("BSA-in-clear") });
    expect(clear.problems).toEqual([
      'agent.2.extras.tools.web.brave.api_keys.0: a secret does not belong in a fleet file; write the name of one instead: "secret:<name>"',
    ]);
    expect(JSON.stringify(clear)).not.toContain("in-clear");
    const hook = (name: string) => ({
      channel_list: {
        slack_webhook: { enabled: true, allow_from: ["*"], settings: { webhooks: { [name]: { webhook_url: "secret:hook" } } } },
      },
    });
    expect(good({ extras: hook("ops-room") }).secretEnv).toHaveProperty(
      "PICOCLAW_channel_list__slack_webhook__settings__webhooks__ops-room__webhook_url",
    );
    expect(problemsOf({ extras: hook("ops room") })).toEqual([expect.stringContaining("a secret cannot stand under a name like this")]);
    expect(problemsOf({ extras: { model_list: [{ model_name: "x", model: "openai/x", api_keys: ["in-clear"] }] } })).toHaveLength(1);
  });

  test("cannot open a channel to everybody by saying nothing", () => {
    const irc = (allow_from: string[]) => ({
      channel_list: { irc: { enabled: true, allow_from, settings: { server: "irc.example.org:6697" } } },
    });
    expect(problemsOf({ extras: irc([]) })).toEqual([
      expect.stringMatching(/^agent\.2\.extras\.channel_list\.irc\.enabled: .* open to everybody/),
    ]);
    expect(problemsOf({ extras: irc([""]) })).toHaveLength(1);
    expect(problemsOf({ extras: irc(["ada"]) })).toEqual([]);
  });
});
