import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Claw, Json, Security } from "../../fleet/types.ts";
import { looksSecret, schema } from "../../runtimes/ironclaw/native.ts";
import { runtime } from "../../runtimes/ironclaw/runtime.ts";
import { translator } from "./translate.ts";

const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 1024, cpus: 1, maxOpenFiles: 65536 };
const open: Security = { ...security, sandboxed: false, profile: "permissive" };

const { translate, good, problemsOf } = translator(runtime);

/** The value of an override variable, as the entrypoint will take it. */
const at = (change: Partial<Claw>, path: string) => good(change).env[`IRONCLAW_${path}`];

/** The places of all problems, without what is said of them. */
const placesOf = (change: Partial<Claw>) => problemsOf(change).map((problem) => problem.split(": ")[0]);

test("every claw has the gateway token for its WebUI, and the address at which browsers find that", () => {
  const { env, secretEnv } = good({ port: 12345 });
  expect(secretEnv).toEqual({ IRONCLAW_REBORN_WEBUI_TOKEN: { kind: "gateway-token" } });
  expect(env).toEqual({
    IRONCLAW_REBORN_WEBUI_BASE_URL: "http://127.0.0.1:12345",
    IRONCLAW_boot__profile: "hosted-single-tenant-volume",
  });
});

describe("model", () => {
  test("is the default slot; its key is in a variable that the slot names", () => {
    const { env, secretEnv } = good({
      model: { provider: "anthropic", name: "claude-sonnet-4-6", apiKeyRef: "a", baseUrl: "https://proxy.example.org" },
    });
    expect(env).toMatchObject({
      IRONCLAW_llm__default__provider_id: "anthropic",
      IRONCLAW_llm__default__model: "claude-sonnet-4-6",
      IRONCLAW_llm__default__base_url: "https://proxy.example.org",
      IRONCLAW_llm__default__api_key_env: "IRONCLAW_LLM_API_KEY",
    });
    expect(secretEnv.IRONCLAW_LLM_API_KEY).toEqual({ kind: "ref", name: "a", required: false, path: ["agent", 2, "model", "api_key_ref"] });
  });

  test("without a key names no variable", () => {
    const { env, secretEnv } = good({ model: { provider: "ollama", name: "llama3", baseUrl: "http://10.0.0.1:11434" } });
    expect(Object.keys(env)).not.toContain("IRONCLAW_llm__default__api_key_env");
    expect(Object.keys(secretEnv)).toEqual(["IRONCLAW_REBORN_WEBUI_TOKEN"]);
  });

  test.each([
    ["Google", "gemini"],
    ["claude", "anthropic"],
    ["custom", "openai_compatible"],
    ["openai-compatible", "openai_compatible"],
  ])("provider %s is IronClaw's %s", (provider, own) => {
    expect(at({ model: { provider, name: "x", apiKeyRef: "k", baseUrl: "http://x" } }, "llm__default__provider_id")).toBe(own);
  });

  test("that IronClaw would not start with is refused", () => {
    expect(problemsOf({ model: { provider: "antropic", name: "x", apiKeyRef: "k" } })).toEqual([
      'agent.2.model.provider: IronClaw has no provider "antropic" here; did you mean "anthropic"?',
    ]);
    expect(problemsOf({ model: { provider: "openai", name: "x" } })).toEqual([
      'agent.2.model: IronClaw does not start with a model of openai without a key; add api_key_ref = "openai"',
    ]);
    expect(problemsOf({ model: { provider: "custom", name: "x" } })).toEqual([
      'agent.2.model: provider "custom" needs base_url, the address of its API',
    ]);
    const key = "sk-in-clear-0123456789";
    const { problems } = translate({ model: { provider: "openai", name: key, apiKeyRef: "k", baseUrl: `https://${key}@proxy` } });
    expect(problems.map((problem) => problem.split(": ")[0])).toEqual(["agent.2.model.name", "agent.2.model.base_url"]);
    expect(problems.join()).not.toContain(key);
  });
});

describe("security", () => {
  test("is one of two profiles of IronClaw's", () => {
    expect(at({ security }, "boot__profile")).toBe("hosted-single-tenant-volume");
    expect(at({ security: open }, "boot__profile")).toBe("local-dev");
  });

  test("what IronClaw has no profile for is refused, with what it has", () => {
    expect(problemsOf({ security: { ...security, profile: "permissive" } })).toEqual([
      'agent.2.security.profile: IronClaw has no shell while it is confined to its workspace; choose "managed", or set sandboxed = false',
    ]);
    expect(problemsOf({ security: { ...security, profile: "strict" } })).toEqual([
      'agent.2.security.profile: IronClaw has no setting to look and not touch; choose "managed", and refuse tools in its WebUI under Settings, Tools',
    ]);
    for (const profile of ["strict", "managed"] as const) {
      expect(problemsOf({ security: { ...open, profile } })).toEqual([
        'agent.2.security.profile: without its sandbox IronClaw runs any command, and no setting makes it ask before; choose "permissive", or set sandboxed = true',
      ]);
    }
  });
});

describe("tools", () => {
  test("a shell is there exactly without the sandbox", () => {
    const shell = (allowed: boolean) => [{ name: "shell", allowed }];
    good({ tools: shell(false) });
    good({ tools: shell(true), security: open });
    expect(problemsOf({ tools: shell(true) })).toEqual([
      "agent.2.tools.0.allowed: IronClaw has no shell while it is confined; remove this tool, or set security.sandboxed = false",
    ]);
    expect(placesOf({ tools: shell(false), security: open })).toEqual(["agent.2.tools.0.allowed"]);
  });

  test("memory and cron have a setting; the rest is allowed as it is, or refused", () => {
    const tools = (allowed: boolean) => [
      { name: "memory", allowed },
      { name: "cron", allowed },
    ];
    expect(at({ tools: tools(false) }, "memory__provider")).toBe("memory.disabled");
    expect(at({ tools: tools(false) }, "trigger_poller__enabled")).toBe("false");
    expect(at({ tools: tools(true) }, "memory__provider")).toBe("ironclaw.memory");
    expect(at({ tools: tools(true) }, "trigger_poller__enabled")).toBe("true");
    const others = ["files", "web_fetch", "message", "skills", "subagents"];
    good({ tools: others.map((name) => ({ name, allowed: true })) });
    expect(placesOf({ tools: others.map((name) => ({ name, allowed: false })) })).toEqual(
      others.map((_, i) => `agent.2.tools.${i}.allowed`),
    );
    expect(problemsOf({ tools: [{ name: "files", allowed: false }] })).toEqual([
      "agent.2.tools.0.allowed: IronClaw has no setting against files; remove this tool here and refuse it in the claw's WebUI under Settings, Tools",
    ]);
    expect(problemsOf({ tools: [{ name: "browser", allowed: true }] })[0]).toContain("it has shell, files, web_fetch");
  });
});

test("channels, history and the schedule are not settings of IronClaw's: an error says where they are", () => {
  const channel = (name: string) => ({ channel: name, enabled: true, tokenRef: "t", allowlist: [] });
  expect(problemsOf({ channels: [channel("telegram"), channel("slack"), channel("matrix")] })).toEqual([
    expect.stringMatching(/^agent\.2\.channels\.0\.channel: IronClaw connects telegram in its WebUI only/),
    expect.stringMatching(/^agent\.2\.channels\.1\.channel: IronClaw connects slack in its WebUI only/),
    'agent.2.channels.2.channel: IronClaw has no channel "matrix"; its WebUI has telegram and slack, under Extensions',
  ]);
  expect(placesOf({ memory: { enabled: false, maxHistory: 10 } })).toEqual(["agent.2.memory.enabled", "agent.2.memory.max_history"]);
  expect(placesOf({ schedule: { heartbeatMinutes: 30, cron: [{ cron: "0 9 * * *", message: "hi" }] } })).toEqual([
    "agent.2.schedule.heartbeat",
    "agent.2.schedule.cron",
  ]);
  for (const problem of problemsOf({
    channels: [channel("telegram")],
    memory: { enabled: false },
    schedule: { heartbeatMinutes: 5, cron: [] },
  })) {
    expect(problem).toContain("IronClaw");
    expect(problem).toContain("WebUI");
  }
});

describe("Postgres", () => {
  const storage = { url_env: "secret:database", secret_master_key_env: "secret:ironclaw-key", pool_max_size: 4 };

  test("takes two secrets, and the profile that can use it", () => {
    const { env, secretEnv } = good({ security: open, extras: { storage } });
    expect(env).toMatchObject({
      IRONCLAW_boot__profile: "hosted-single-tenant",
      IRONCLAW_storage__backend: "postgres",
      IRONCLAW_storage__url_env: "IRONCLAW_REBORN_POSTGRES_URL",
      IRONCLAW_storage__secret_master_key_env: "IRONCLAW_REBORN_SECRET_MASTER_KEY",
      IRONCLAW_storage__pool_max_size: "4",
    });
    const path = ["agent", 2, "extras", "storage"];
    expect(secretEnv).toMatchObject({
      IRONCLAW_REBORN_POSTGRES_URL: { kind: "ref", name: "database", required: true, path: [...path, "url_env"] },
      IRONCLAW_REBORN_SECRET_MASTER_KEY: { kind: "ref", name: "ironclaw-key", required: true, path: [...path, "secret_master_key_env"] },
    });
  });

  test("has a shell, and no profile that is less", () => {
    expect(problemsOf({ extras: { storage } })).toEqual([
      'agent.2.security.sandboxed: with Postgres, IronClaw\'s agent has a shell that nothing confines to its workspace; set sandboxed = false and profile = "permissive"',
    ]);
    for (const profile of ["strict", "managed"] as const) {
      expect(placesOf({ security: { ...open, profile }, extras: { storage } })).toEqual(["agent.2.security.profile"]);
    }
  });

  test("no URL and no key stands in a fleet file, and neither is left out", () => {
    const url = "postgres://ada:in-clear@db.example.org/ironclaw";
    const { problems, ...rest } = translate({ security: open, extras: { storage: { ...storage, url_env: url } } });
    expect(problems.map((problem) => problem.split(": ")[0])).toContain("agent.2.extras.storage.url_env");
    expect(JSON.stringify([problems, rest])).not.toContain("in-clear");
    expect(problemsOf({ security: open, extras: { storage: { url_env: "secret:database" } } })).toEqual([
      'agent.2.extras.storage: with Postgres, IronClaw needs secret_master_key_env = "secret:<name>"',
    ]);
    expect(placesOf({ security: open, extras: { storage: { ...storage, backend: "mysql" } } })).toEqual(["agent.2.extras.storage.backend"]);
  });
});

describe("extras", () => {
  test("become one variable for each value, lists whole", () => {
    const { env } = good({
      extras: {
        budget: { user_daily_usd: 2.5, default_tz: "Europe/Vienna" },
        runner: { worker_count: 3 },
        webui: { allowed_origins: ["https://a.example.org", "https://b.example.org"] },
        skills: { regex_activation_enabled: false },
      },
    });
    expect(env).toMatchObject({
      IRONCLAW_budget__user_daily_usd: "2.5",
      IRONCLAW_budget__default_tz: "Europe/Vienna",
      IRONCLAW_runner__worker_count: "3",
      IRONCLAW_webui__allowed_origins: '["https://a.example.org","https://b.example.org"]',
      IRONCLAW_skills__regex_activation_enabled: "false",
    });
  });

  test("a further model slot names its key's secret", () => {
    const mission = (api_key_env: string) => ({ llm: { mission: { provider_id: "groq", model: "x", api_key_env } } });
    const { env, secretEnv } = good({ extras: mission("secret:groq") });
    expect(env.IRONCLAW_llm__mission__api_key_env).toBe("IRONCLAW_LLM_MISSION_API_KEY");
    expect(secretEnv.IRONCLAW_LLM_MISSION_API_KEY).toMatchObject({ name: "groq", required: false });
    expect(placesOf({ extras: mission("GROQ_API_KEY") })).toEqual(["agent.2.extras.llm.mission.api_key_env"]);
  });

  test("what the rest of the file says, or Clawfleet, cannot be said a second time", () => {
    const taken: { [key: string]: Json }[] = [
      { api_version: "ironclaw.runtime/v1" },
      { boot: { profile: "local-dev" } },
      { identity: { default_owner: "ada" } },
      { webui: { listen_port: 80 } },
      { webui: { env_token_var: "X" } },
      { llm: { default: { provider_id: "openai" } } },
      { policy: { default_profile: "secure_default" } },
      { drivers: { default: "planned" } },
      { harness: { id: "x" } },
    ];
    for (const extras of taken) expect(problemsOf({ extras })).toHaveLength(1);
    expect(placesOf({ tools: [{ name: "memory", allowed: false }], extras: { memory: { provider: "mem0" } } })).toEqual([
      "agent.2.extras.memory.provider",
    ]);
  });

  test("unknown keys, wrong types and what looks like a secret: each at its place", () => {
    expect(problemsOf({ extras: { budget: { user_daily_us: 1 } } })).toEqual([
      'agent.2.extras.budget.user_daily_us: IronClaw has no setting "user_daily_us" in budget that a claw can be given; did you mean "user_daily_usd"?',
    ]);
    expect(placesOf({ extras: { slack: { bot_token_env: "X" } } })).toEqual(["agent.2.extras.slack"]);
    expect(placesOf({ extras: { runner: { poll_interval_ms: 0 }, budget: { warn_at: 2 } } })).toEqual([
      "agent.2.extras.runner.poll_interval_ms",
      "agent.2.extras.budget.warn_at",
    ]);
    const { problems } = translate({ extras: { google: { client_id: "ya29.in-clear-0123456789" } } });
    expect(problems).toEqual([expect.stringContaining("looks like a secret")]);
    expect(problems.join()).not.toContain("in-clear");
  });
});

test.each([
  ["sk-ant-0123456789", true],
  ["https://user:xoxb-1234567890@host", true],
  ["AKIAIOSFODNN7EXAMPLE", true],
  ["0123456789abcdef0123456789abcdef", true],
  ["eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF2QT4", true],
  ["risk-mitigation-agent", false],
  ["sk-short", false],
  ["meta-llama/Llama-3.3-70B-Instruct", false],
  ["0123456789abcdef0123456789abcde", false],
])("IronClaw takes %s for a secret: %s", (value, secret) => {
  expect(looksSecret(value)).toBe(secret);
});

test("our schema takes what upstream documents, table by table, and no key more", () => {
  // docs/capabilities/configuration.mdx and docker/reborn/*.toml at the pinned tag.
  const documented = {
    api_version: "ironclaw.runtime/v1",
    boot: { profile: "production" },
    identity: { default_owner: "reborn-cli", tenant: "reborn-cli", default_agent: "reborn-cli-agent" },
    policy: { deployment_mode: "hosted_multi_tenant", default_profile: "secure_default" },
    runner: { heartbeat_interval_secs: 15, poll_interval_ms: 200, worker_count: 0, max_concurrent_trigger_runs: 0 },
    skills: { regex_activation_enabled: true },
    storage: {
      backend: "postgres",
      url_env: "IRONCLAW_REBORN_POSTGRES_URL",
      secret_master_key_env: "IRONCLAW_REBORN_SECRET_MASTER_KEY",
      pool_max_size: 32,
    },
    webui: { env_token_var: "IRONCLAW_REBORN_WEBUI_TOKEN", env_user_id_var: "IRONCLAW_REBORN_WEBUI_USER_ID" },
    llm: { default: { provider_id: "nearai", model: "deepseek-ai/DeepSeek-V4-Flash", api_key_env: "NEARAI_API_KEY" } },
    trigger_poller: { enabled: true, poll_interval_secs: 30, fires_per_tick: 32, max_concurrent_fires_per_trigger: 1 },
    budget: { user_daily_usd: 5, warn_at: 0.75, pause_at: 0.9, overestimate_factor: 1.2, default_tz: "UTC" },
    memory: { provider: "ironclaw.memory", admin_overrides: [{ extension_id: "mem0", deployment_profile: "*" }] },
  };
  expect(schema.safeParse(documented).error?.issues ?? []).toEqual([]);
  for (const table of Object.keys(documented).filter((key) => key !== "api_version" && key !== "llm")) {
    expect(schema.safeParse({ [table]: { nosuch: 1 } }).success, table).toBe(false);
  }
  expect(schema.safeParse({ llm: { default: { nosuch: 1 } } }).success).toBe(false);
  expect(schema.safeParse({ nosuch: {} }).success).toBe(false);
});

test("the image gets the bases, references and variables of the descriptor", () => {
  const dockerfile = readFileSync(new URL("../../runtimes/ironclaw/Dockerfile", import.meta.url), "utf8");
  const { bases, buildArgs, env, uid, port } = runtime.descriptor;
  for (const [name, value] of Object.entries({ ...bases, ...buildArgs })) expect(dockerfile).toContain(`ARG ${name}=${value}\n`);
  for (const [name, value] of Object.entries(env)) expect(dockerfile).toMatch(new RegExp(`^(ENV|   ) ${name}=${value}( \\\\)?$`, "m"));
  expect(dockerfile).toContain(`USER ${uid}:${uid}\nEXPOSE ${port}\n`);
});
