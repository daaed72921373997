/**
 * IronClaw's image, translated settings, and what IronClaw itself then says and does: by its own command, its API, what it asks (a stand-in of) its
 * model, and what it keeps on its volume or in a real PostgreSQL.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { buildRuntime } from "../../cli/images/build.ts";
import type { Claw, Security } from "../../fleet/types.ts";
import { schema } from "../../runtimes/ironclaw/native.ts";
import { runtime } from "../../runtimes/ironclaw/runtime.ts";
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
import { type Model, type Postgres, startModel, startPostgres } from "./ironclaw-parts.ts";
import { describeLifecycle } from "./lifecycle.ts";
import { expectReadBack, rounds } from "./readback.ts";

const { descriptor } = runtime;
const real = await obtainable(descriptor);
const token = "contract-gateway-token-5e0d7c11aa04f3b9";
const key = "contract-model-key-7b1f6a2c9d";
const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 1024, cpus: 2, maxOpenFiles: 65536 };
const model = { provider: "custom", name: "contract/model-1", apiKeyRef: "model", baseUrl: "http://127.0.0.1:9999/v1" };
const given = { IRONCLAW_REBORN_WEBUI_TOKEN: token, IRONCLAW_LLM_API_KEY: key };

/** Everything canonical that IronClaw has, and some of its own. */
const full = claw(descriptor, {
  model,
  security,
  tools: [
    { name: "shell", allowed: false },
    { name: "cron", allowed: false },
    { name: "memory", allowed: true },
  ],
  extras: {
    budget: { user_daily_usd: 2.5, default_tz: "Europe/Vienna" },
    runner: { worker_count: 3 },
    webui: { allowed_origins: ["https://a.example.org", "https://b.example.org"] },
    llm: { mission: { provider_id: "groq", model: "x", api_key_env: "secret:groq" } },
  },
});

const started: Container[] = [];
const models: Model[] = [];
let image: string;

async function start(subject: Claw, more: { readonly [name: string]: string } = {}): Promise<Container> {
  const container = await startClaw(descriptor, image, translateOrThrow(runtime, subject), { ...given, ...more });
  started.push(container);
  return container;
}

async function modelOf(container: Container): Promise<Model> {
  const found = await startModel(container.name);
  models.push(found);
  return found;
}

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  /** The gateway's token, unless another or none (empty) is given. */
  readonly bearer?: string;
}

function call(container: Container, path: string, { method = "GET", body, bearer = token }: Asked = {}): Promise<Response> {
  const headers = {
    ...(bearer && { authorization: `Bearer ${bearer}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  return fetch(`${container.url}${path}`, {
    method,
    headers,
    signal: AbortSignal.timeout(60_000),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

const Answer = z.object({
  id: z.string(),
  status: z.string(),
  output: z.array(z.object({ content: z.array(z.object({ text: z.string() })).optional() })),
});

/** Says something to the claw through its API; `previous` is the answer that this goes on from. */
async function ask(container: Container, input: string, previous?: string): Promise<{ readonly id: string; readonly text: string }> {
  const body = { model: "default", input, ...(previous !== undefined && { previous_response_id: previous }) };
  const response = await call(container, "/api/v1/responses", { method: "POST", body });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const answer = Answer.parse(JSON.parse(text));
  expect(answer.status, text).toBe("completed");
  return {
    id: answer.id,
    text: answer.output
      .flatMap(({ content }) => content ?? [])
      .map((part) => part.text)
      .join("\n"),
  };
}

/** What `ironclaw config list --json` prints. */
const Listed = z.object({ entries: z.array(z.object({ key: z.string(), value: z.unknown() })) });

/** What IronClaw's own command says of a key. */
async function setting(container: Container, path: string): Promise<string> {
  const { code, stdout, stderr } = await container.exec(["ironclaw", "config", "get", path]);
  return code === 0 ? stdout.trim() : `${code}: ${stderr}`;
}

afterAll(async () => {
  for (const found of models) await found.remove();
  for (const container of started) await container.remove();
  await docker(["image", "rm", "--force", base]);
}, 120_000);

const base = `clawfleet-contract-ironclaw:${process.pid}`;

test("without IronClaw's source, all of the image but IronClaw is built: its user, its directories, the entrypoint", {
  timeout: 600_000,
}, async () => {
  await buildRuntime(descriptor, { target: "base", tag: base });
  const run = (...command: string[]) => dockerOrThrow(["run", "--rm", "--read-only", "--entrypoint", "", base, ...command]);
  expect(await run("id", "10005")).toBe("uid=10005(ironclaw) gid=10005(ironclaw) groups=10005(ironclaw)\n");
  expect(await run("stat", "-c", "%a %u %n", descriptor.stateDir, "/run/claw")).toBe(
    `700 10005 ${descriptor.stateDir}\n700 10005 /run/claw\n`,
  );
  expect(await run("find", "/", "-xdev", "-type", "f", "-perm", "/6000")).toBe("");
  // There is nothing yet that it could run.
  const none = await docker(["run", "--rm", "--user", "10005:10005", "--entrypoint", "entrypoint", base, "check"]);
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("/etc/claw/runtime.json")]);
});

describe.skipIf(!real)("IronClaw", () => {
  let container: Container;
  let asked: Model;

  beforeAll(async () => {
    image = await buildImage(descriptor);
    container = await start(full);
    asked = await modelOf(container);
  }, 4_000_000);

  test("is healthy at /health of the claw's port once it is up, which its own health answer does not say", async () => {
    // As often as one likes: IronClaw limits how often most of its paths may be asked for.
    const answers = await Promise.all(Array.from({ length: 150 }, () => call(container, "/health", { bearer: "" })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await (await call(container, "/api/health", { bearer: "" })).json()).toEqual({ status: "healthy", channel: "reborn" });
    expect((await container.exec(["entrypoint", "health"])).code).toBe(0);
    expect((await container.exec(["ironclaw", "--version"])).stdout).toContain(descriptor.version);
  });

  test.each(["/api/webchat/v2/session", "/api/webchat/v2/operator/config", "/api/v1/responses/resp_1"])(
    "lets nobody use %s without the gateway's token",
    async (path) => {
      expect((await call(container, path, { bearer: "" })).status).toBe(401);
      expect((await call(container, path, { bearer: `${token}x` })).status).toBe(401);
      expect((await call(container, path)).status).not.toBe(401);
    },
  );

  test("serves its WebUI", async () => {
    const response = await call(container, "/", { bearer: "" });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
    const script = /<script[^>]+src="([^"]+)"/.exec(await response.text())?.[1] ?? "";
    expect((await call(container, script, { bearer: "" })).headers.get("content-type")).toContain("javascript");
  });

  test("answers over its API: its model is asked with the key, by the name of the fleet file, and told what is in the workspace's files", async () => {
    const { text } = await ask(container, "hello");
    expect(text).toBe("pong");
    const request = (await asked.requests()).findLast(({ messages }) => messages?.at(-1)?.includes("hello"));
    expect(request).toMatchObject({ authorization: `Bearer ${key}`, model: "contract/model-1" });
    expect(request?.messages?.join("\n")).toContain("one claw of a fleet");
    expect(request?.tools?.join(" ")).not.toContain("shell");
  }, 60_000);

  test.each([
    ["boot.profile", "hosted-single-tenant-volume"],
    ["identity.default_owner", "claw"],
    ["llm.default.provider_id", "openai_compatible"],
    ["llm.default.model", "contract/model-1"],
    ["llm.default.base_url", "http://127.0.0.1:9999/v1"],
    ["llm.default.api_key_env", "IRONCLAW_LLM_API_KEY"],
    ["llm.mission.provider_id", "groq"],
    ["llm.mission.api_key_env", "IRONCLAW_LLM_MISSION_API_KEY"],
    ["memory.provider", "ironclaw.memory"],
    ["trigger_poller.enabled", "false"],
    ["budget.user_daily_usd", "2.5"],
    ["budget.default_tz", "Europe/Vienna"],
    ["runner.worker_count", "3"],
    ["webui.allowed_origins", "[https://a.example.org, https://b.example.org]"],
  ])("says that %s is %s", async (path, value) => {
    expect(await setting(container, path)).toBe(value);
  });

  test("knows every key of our schema and no other, and takes a value of each", async () => {
    const keys = (text: string) => Listed.parse(JSON.parse(text)).entries.map((entry) => entry.key);
    const ours = leaves(z.toJSONSchema(schema, { io: "input" }));
    const theirs = keys((await container.exec(["ironclaw", "config", "list", "--json"])).stdout);
    expect(theirs.filter((name) => !name.startsWith("llm.mission.")).sort()).toEqual([...ours.keys()].sort());

    const everything: { [table: string]: { [key: string]: unknown } } = {};
    for (const [name, value] of ours) {
      const [table = "", ...rest] = name.split(".");
      if (rest.length === 1) everything[table] = { ...everything[table], [rest.join()]: value };
    }
    const flags = Object.entries(everything).flatMap(([table, value]) => ["--env", `IRONCLAW_${table}=${JSON.stringify(value)}`]);
    const { stdout, stderr } = await docker(["run", "--rm", ...flags, image, "start-ironclaw", "config", "list", "--json"]);
    expect(stderr).toBe("");
    const unset = Listed.parse(JSON.parse(stdout)).entries.filter(({ value }) => value === null);
    expect(unset.map((entry) => entry.key).filter((name) => !name.startsWith("llm."))).toEqual([]);
  }, 60_000);

  test("does not start with what our schema refuses: an unknown key, what looks like a secret, a section that it has not wired", async () => {
    const write = (toml: string) =>
      `mkdir -p "$IRONCLAW_REBORN_HOME" && printf '%s' '${toml}' > "$IRONCLAW_REBORN_HOME/config.toml" && exec ironclaw "$@"`;
    const run = (toml: string, ...command: string[]) =>
      docker(["run", "--rm", "--env", "IRONCLAW_REBORN_WEBUI_TOKEN", "--entrypoint", "sh", image, "-c", write(toml), "sh", ...command], {
        env: given,
      });
    expect((await run("[budget]\nuser_daily_us = 1", "config", "list")).stderr).toContain("user_daily_us");
    expect((await run('[identity]\ntenant = "0123456789abcdef0123456789abcdef"', "config", "list")).stderr).toContain("inline secret");
    expect((await run('[drivers]\ndefault = "planned"', "serve")).stderr).toContain("[drivers]");
  }, 60_000);

  test("is unprivileged, and writes nowhere but to its state", async () => {
    expect(await confinement(descriptor, container)).toEqual({
      uid: 10005,
      capabilities: 0n,
      noNewPrivileges: true,
      rootReadOnly: true,
      stateWritable: true,
      hostAddresses: ["127.0.0.1"],
    });
    expect((await container.exec(["find", "/", "-xdev", "-type", "f", "-perm", "/6000"])).stdout).toBe("");
    expect((await container.exec(["find", "/tmp", "/run/claw", "-type", "f"])).stdout.trim()).toBe("/run/claw/config.toml");
    expect(await container.logs()).not.toMatch(/read-only file system|permission denied/i);
  });

  test("has its secrets, but neither its volume nor its log does", async () => {
    const environment = (
      await container.exec([
        "sh",
        "-c",
        "tr '\\0' '\\n' < /proc/$(pidof ironclaw || grep -l ^ironclaw /proc/[0-9]*/comm | cut -d/ -f3)/environ",
      ])
    ).stdout;
    for (const value of Object.values(given)) {
      expect(environment).toContain(value);
      expect((await container.exec(["grep", "-rlF", "-e", value, descriptor.stateDir, "/tmp", "/run/claw"])).stdout).toBe("");
      expect(await container.logs()).not.toContain(value);
    }
    const file = `${descriptor.stateDir}/reborn/hosted-single-tenant-volume/.reborn-local-dev-secrets-master-key`;
    expect((await container.exec(["stat", "-c", "%a %u", file])).stdout).toBe("600 10005\n");
  });

  test("keeps a conversation, its keys and its prompt over a restart, and its agent finds the workspace's files", async () => {
    const state = () => container.exec(["sh", "-c", `cd ${descriptor.stateDir}/reborn/*/ && sha256sum .reborn* system/prompts/*`]);
    const first = await ask(container, "remember the word kumquat");
    const before = (await state()).stdout;
    await container.restart();
    await asked.remove();
    asked = await modelOf(container);
    await ask(container, "which word was it?", first.id);
    const request = (await asked.requests()).findLast(({ messages }) => messages?.at(-1)?.includes("which word"));
    expect(request?.messages?.join("\n")).toContain("kumquat");
    expect(before).toContain("default-system.md");
    expect((await state()).stdout).toBe(before);
    const listed = await call(container, "/api/webchat/v2/fs/list?mount=workspace&path=/");
    expect(await listed.text()).toContain("AGENTS.md");
  }, 120_000);

  test("confines its agent to the workspace, and gives it no shell", async () => {
    const tool = async (call: string) => (await ask(container, `${call} end`)).text;
    expect(await tool('call builtin__read_file {"path":"/workspace/AGENTS.md"}')).toContain("one claw of a fleet");
    expect(await tool('call builtin__read_file {"path":"/etc/hostname"}')).toContain("file not found");
    expect(await tool('call builtin__shell {"command":"id"}')).toContain("outside the advertised capability surface");
    expect(await tool('call builtin__write_file {"path":"/workspace/note","content":"kept"}')).toContain("success");
    expect((await container.exec(["cat", `${descriptor.workspace}/note`])).stdout).toBe("kept");
  }, 60_000);

  test("without the sandbox its agent has a shell, which is not given the claw's secrets", async () => {
    const other = await start(claw(descriptor, { model, security: { ...security, sandboxed: false, profile: "permissive" } }));
    await modelOf(other);
    expect(await setting(other, "boot.profile")).toBe("local-dev");
    const { text } = await ask(other, 'call builtin__shell {"command":"id; env"} end');
    expect(text).toContain("uid=10005");
    for (const value of Object.values(given)) expect(text).not.toContain(value);
  }, 120_000);

  test("comes up without a model, and with one whose key has no value", async () => {
    const bare = await start(claw(descriptor, {}), { IRONCLAW_LLM_API_KEY: "" });
    expect((await call(bare, "/api/webchat/v2/session")).status).toBe(200);
    const keyless = await start(claw(descriptor, { model: { provider: "anthropic", name: "claude-sonnet-4-6", apiKeyRef: "anthropic" } }), {
      IRONCLAW_LLM_API_KEY: "",
    });
    expect(await setting(keyless, "llm.default.provider_id")).toBe("anthropic");
  }, 120_000);

  describe("with PostgreSQL", () => {
    const masterKey = "contract-master-key-0123456789-abcdefghijkl";
    let postgres: Postgres;

    beforeAll(async () => {
      postgres = await startPostgres(image);
    }, 120_000);
    afterAll(async () => {
      await postgres?.remove();
    }, 60_000);

    test("keeps what is said in the database and not on the volume: another container with another volume goes on from there", async () => {
      const storage = { url_env: "secret:database", secret_master_key_env: "secret:key", pool_max_size: 4 };
      const open: Security = { ...security, sandboxed: false, profile: "permissive" };
      const subject = claw(descriptor, { model, security: open, extras: { storage } });
      const secrets = { IRONCLAW_REBORN_POSTGRES_URL: postgres.url, IRONCLAW_REBORN_SECRET_MASTER_KEY: masterKey };

      const first = await start(subject, secrets);
      const firstModel = await modelOf(first);
      expect(await setting(first, "boot.profile")).toBe("hosted-single-tenant");
      const { id } = await ask(first, "remember the word kumquat");
      const clients = "select count(*) from pg_stat_activity where usename = 'ironclaw' and client_addr is not null";
      expect(Number(await postgres.query(clients))).toBeGreaterThan(0);
      expect((await first.exec(["grep", "-rlF", "kumquat", descriptor.stateDir])).stdout).toBe("");
      for (const secret of [masterKey, postgres.password]) {
        expect((await first.exec(["grep", "-rlF", "-e", secret, descriptor.stateDir, "/tmp", "/run/claw"])).stdout).toBe("");
        expect(await first.logs()).not.toContain(secret);
      }
      await firstModel.remove();
      await first.remove();

      const second = await start(subject, secrets);
      const asked = await modelOf(second);
      await ask(second, "which word was it?", id);
      const request = (await asked.requests()).findLast(({ messages }) => messages?.at(-1)?.includes("which word"));
      expect(request?.messages?.join("\n")).toContain("kumquat");
    }, 180_000);

    test("does not start without the database's key", async () => {
      const storage = { url_env: "secret:database", secret_master_key_env: "secret:key" };
      const open: Security = { ...security, sandboxed: false, profile: "permissive" };
      const { env } = translateOrThrow(runtime, claw(descriptor, { security: open, extras: { storage } }));
      const secrets = { ...given, IRONCLAW_REBORN_POSTGRES_URL: postgres.url };
      const flags = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...Object.keys(secrets)].flatMap((flag) => [
        "--env",
        flag,
      ]);
      const { code, stderr } = await docker(["run", "--rm", ...flags, image], { env: secrets });
      expect([0, 125]).not.toContain(code);
      expect(stderr).toContain("IRONCLAW_REBORN_SECRET_MASTER_KEY must be set");
      expect(stderr).not.toContain(postgres.password);
    }, 60_000);
  });

  describe("the canonical fixtures", { timeout: 60_000 }, async () => {
    const all = await rounds(runtime, schema);

    test.each(all.map((round) => [round.title, round] as const))("IronClaw has what it is told, %s", async (_, round) => {
      const env = { ...round.translation.env, ...round.secrets };
      const flags = Object.keys(env).flatMap((name) => ["--env", name]);
      const output = await dockerOrThrow(["run", "--rm", ...flags, image, "start-ironclaw", "config", "list", "--json"], { env });
      const said = new Map(Listed.parse(JSON.parse(output)).entries.map((entry) => [entry.key, entry.value]));
      expectReadBack(runtime, round, (path) => ({ value: said.get(path.join(".")) }), [
        "IRONCLAW_REBORN_WEBUI_TOKEN",
        "IRONCLAW_REBORN_WEBUI_BASE_URL",
        "IRONCLAW_LLM_API_KEY",
      ]);
    });
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
      variable: "IRONCLAW_budget__user_daily_usd",
      value: "7.25",
      read: (changed) => setting(changed, "budget.user_daily_usd"),
      told: "7.25",
    },
    wrongKey: "IRONCLAW_budget__nosuch",
  });
});

/** Every key that a JSON Schema names, dotted, with a value that it may have; a map's entry is "default", and lists are values. */
function leaves(node: unknown, path = ""): Map<string, unknown> {
  const rule = z
    .looseObject({
      const: z.unknown().optional(),
      enum: z.array(z.unknown()).optional(),
      type: z.string().optional(),
      pattern: z.string().optional(),
      minimum: z.number().optional(),
      properties: z.record(z.string(), z.unknown()).optional(),
      additionalProperties: z.unknown().optional(),
    })
    .parse(node);
  const below = (key: string, child: unknown) => [...leaves(child, path === "" ? key : `${path}.${key}`)];
  if (rule.properties !== undefined) return new Map(Object.entries(rule.properties).flatMap(([key, child]) => below(key, child)));
  if (rule.type === "object") return new Map(below("default", rule.additionalProperties));
  const text = rule.pattern?.includes("ironclaw") ? "ironclaw.runtime/v1" : "text";
  const values: { [type: string]: unknown } = { string: text, boolean: true, integer: rule.minimum, number: rule.minimum, array: [] };
  return new Map([[path, rule.const ?? rule.enum?.[0] ?? values[rule.type ?? ""]]]);
}
