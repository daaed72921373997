import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Security } from "../../fleet/types.ts";
import { complete, schema } from "../../runtimes/nanoclaw/native.ts";
import { runtime } from "../../runtimes/nanoclaw/runtime.ts";
import { translator } from "./translate.ts";

const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 1024, cpus: 1, maxOpenFiles: 65536 };

const { translate, good, problemsOf } = translator(runtime);

test("the image's default has every key", () => {
  const file = new URL("../../runtimes/nanoclaw/config.json", import.meta.url);
  const config = JSON.parse(readFileSync(file, "utf8"));
  expect(complete.parse(config)).toEqual(config);
  expect(schema.parse({})).toEqual({});
});

test("a claw without a word about anything has a token and what its profile means", () => {
  expect(good({})).toEqual({
    env: { NANOCLAW_agent__cliScope: "group" },
    secretEnv: { NANOCLAW_GATEWAY_TOKEN: { kind: "gateway-token" } },
  });
});

describe("model", () => {
  const model = { provider: "anthropic", name: "claude-sonnet-4-6", apiKeyRef: "anthropic" };
  const ref = (name: string, required: boolean) => ({ kind: "ref", name, required, path: ["agent", 2, "model", "api_key_ref"] });

  test("is the agent's; the key is the gateway's, and base_url what the gateway asks", () => {
    const { env, secretEnv } = good({ model: { ...model, baseUrl: "https://proxy.example.org/anthropic" } });
    expect(env).toMatchObject({
      NANOCLAW_agent__model: "claude-sonnet-4-6",
      NANOCLAW_anthropic__baseUrl: "https://proxy.example.org/anthropic",
    });
    expect(secretEnv.ANTHROPIC_API_KEY).toEqual(ref("anthropic", false));
    expect(good({ model }).env).not.toHaveProperty("NANOCLAW_anthropic__baseUrl");
    expect(good({ model: { provider: "anthropic", name: "opus" } }).secretEnv).not.toHaveProperty("ANTHROPIC_API_KEY");
  });

  test("with OneCLI the key is OneCLI's, which has the model's and asks it", () => {
    const extras = { onecli: { url: "https://onecli.example.org" } };
    const { env, secretEnv } = good({ model: { ...model, apiKeyRef: "vault" }, extras });
    expect(env.NANOCLAW_onecli__url).toBe("https://onecli.example.org");
    expect(secretEnv.ONECLI_API_KEY).toEqual(ref("vault", true));
    expect(secretEnv).not.toHaveProperty("ANTHROPIC_API_KEY");
    expect(problemsOf({ model: { ...model, baseUrl: "https://proxy.example.org" }, extras })).toEqual([
      "agent.2.model.base_url: with extras.onecli.url NanoClaw's model is asked by OneCLI; set the address there, and remove it here",
    ]);
  });

  test("of another provider is refused, with what there is", () => {
    expect(problemsOf({ model: { provider: "openai", name: "gpt-5" } })).toEqual([
      'agent.2.model.provider: NanoClaw\'s agents are Claude Code, so its only provider is anthropic, not "openai"; use provider = "anthropic", with base_url for another service that has an API like Anthropic\'s',
    ]);
  });

  test("cannot be said twice", () => {
    expect(problemsOf({ model, extras: { agent: { model: "opus" } } })).toEqual([
      "agent.2.extras.agent.model: model.name decides agent.model already; remove it here",
    ]);
  });
});

describe("what NanoClaw cannot do is refused, with what it offers instead", () => {
  test("a channel", () => {
    const channels = [{ channel: "telegram", enabled: true, tokenRef: "bot", allowlist: [] }];
    expect(problemsOf({ channels })).toEqual([
      expect.stringMatching(/^agent\.2\.channels\.0\.channel: NanoClaw has no telegram: .*POST \/v1\/messages/),
    ]);
  });

  test("taking a tool away, or one that it has not", () => {
    expect(good({ tools: [{ name: "shell", allowed: true }] })).toEqual(good({}));
    expect(problemsOf({ tools: [{ name: "shell", allowed: false }] })).toEqual([
      expect.stringMatching(/^agent\.2\.tools\.0\.allowed: NanoClaw cannot take shell from its agents: /),
    ]);
    expect(problemsOf({ tools: [{ name: "browser", allowed: true }] })).toEqual([
      expect.stringMatching(/^agent\.2\.tools\.0\.name: NanoClaw has no tool "browser"/),
    ]);
  });

  test("an agent without a sandbox, or one that only looks", () => {
    expect(problemsOf({ security: { ...security, sandboxed: false, profile: "strict" } })).toEqual([
      expect.stringMatching(/^agent\.2\.security\.sandboxed: NanoClaw's agents always run in containers of their own/),
      expect.stringMatching(/^agent\.2\.security\.profile: .*choose "managed" or "permissive"$/),
    ]);
    expect(good({ security: { ...security, profile: "permissive" } }).env.NANOCLAW_agent__cliScope).toBe("global");
  });

  test("forgetting, counting messages, a heartbeat, cron jobs", () => {
    const { problems } = translate({
      memory: { enabled: false, maxHistory: 20 },
      schedule: { heartbeatMinutes: 30, cron: [{ cron: "0 9 * * *", message: "hi" }] },
    });
    expect(problems).toEqual([
      expect.stringMatching(/^agent\.2\.memory\.enabled: NanoClaw always keeps conversations/),
      expect.stringMatching(/^agent\.2\.memory\.max_history: NanoClaw counts no messages/),
      expect.stringMatching(/^agent\.2\.schedule\.heartbeat: NanoClaw has no heartbeat/),
      expect.stringMatching(/^agent\.2\.schedule\.cron: NanoClaw's agents keep their tasks themselves/),
    ]);
  });
});

describe("extras", () => {
  test("are this image's own keys", () => {
    const { env } = good({ extras: { timezone: "Europe/Vienna", agent: { name: "Ada", maxMessagesPerPrompt: 3, effort: "high" } } });
    expect(env).toMatchObject({
      NANOCLAW_timezone: "Europe/Vienna",
      NANOCLAW_agent__name: "Ada",
      NANOCLAW_agent__maxMessagesPerPrompt: "3",
      NANOCLAW_agent__effort: "high",
    });
  });

  test("that are wrong are named, with the nearest key", () => {
    expect(problemsOf({ extras: { agent: { nmae: "Ada" } } })).toEqual([
      'agent.2.extras.agent.nmae: NanoClaw has no setting "nmae" in agent that a claw can be given; did you mean "name"?',
    ]);
    expect(problemsOf({ extras: { agent: { cliScope: "global" } } })).toEqual([
      "agent.2.extras.agent.cliScope: security.profile decides agent.cliScope already; remove it here",
    ]);
    expect(problemsOf({ extras: { anthropic: { baseUrl: "https://user:word@example.org" } } })).toHaveLength(1);
    expect(problemsOf({ extras: { agent: { maxMessagesPerPrompt: 0 } } })).toHaveLength(1);
    expect(problemsOf({ extras: { timezone: "Mars/Base" } })).toEqual([
      expect.stringMatching(/^agent\.2\.extras\.timezone: .*Europe\/Vienna/),
    ]);
  });
});
