/**
 * NullClaw's real image, translated settings, and what NullClaw itself then says and does: through its gateway, its own commands, its log, what it sends
 * to (stand-ins of) its model, Telegram, Slack and Matrix, and the configuration that it writes when it is told to.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Claw, Security } from "../../fleet/types.ts";
import { ODD } from "../../runtimes/fixtures.ts";
import { schema } from "../../runtimes/nullclaw/native.ts";
import { runtime } from "../../runtimes/nullclaw/runtime.ts";
import { runtime as openclaw } from "../../runtimes/openclaw/runtime.ts";
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
import { at, expectReadBack, rounds } from "./readback.ts";

const { descriptor } = runtime;
const key = 'contract-key-7b1f "q" \\b $HOME é';
const tokens = {
  telegram: "123456789:contract-telegram",
  discord: "contract-discord",
  slack: "xoxb-contract",
  app: "xapp-contract",
  matrix: "contract-matrix",
};
const gatewayToken = "contract-gateway-token-5e0d";
const paired = createHash("sha256").update(gatewayToken).digest("hex");
const security: Security = { allowlist: [], sandboxed: true, profile: "managed", memoryMiB: 512, cpus: 1, maxOpenFiles: 65536 };
const model = { provider: "openai", name: "maker/modèle 'x' $y", apiKeyRef: "router", baseUrl: "http://127.0.0.1:9999/v1" };

const modelKey = { "NULLCLAW_models__providers__openai-compatible__api_key": key };
const secrets = { NULLCLAW_gateway__paired_tokens__0: paired };
const account = (type: string, setting: string) => `NULLCLAW_channels__${type}__accounts__default__${setting}`;

/** Everything canonical that NullClaw has; its peers are stand-ins. */
const full = claw(descriptor, {
  model,
  channels: [
    { channel: "telegram", enabled: true, tokenRef: "bot", allowlist: ["111"] },
    { channel: "discord", enabled: true, tokenRef: "bot", allowlist: ["80351110224678912"] },
    { channel: "slack", enabled: true, tokenRef: "bot", appTokenRef: "app", allowlist: ["U012AB3CD"] },
    { channel: "matrix", enabled: true, tokenRef: "bot", allowlist: ["@111:example.org"] },
  ],
  tools: [{ name: "web_search", allowed: false }],
  memory: { enabled: true, maxHistory: 4 },
  security,
  extras: {
    max_tokens: 4321,
    reliability: { provider_retries: 0 },
    session: { identity_links: [{ canonical: ODD, peers: ["telegram:111"] }] },
    channels: { matrix: { accounts: { default: { homeserver: "http://127.0.0.1:9999", room_id: "!room:example.org" } } } },
  },
});
const fullSecrets = {
  ...secrets,
  ...modelKey,
  [account("telegram", "bot_token")]: tokens.telegram,
  [account("discord", "token")]: tokens.discord,
  [account("slack", "bot_token")]: tokens.slack,
  [account("slack", "app_token")]: tokens.app,
  [account("matrix", "access_token")]: tokens.matrix,
};

const started: Container[] = [];
let image: string;

async function start(subject: Claw, values: { readonly [name: string]: string }): Promise<Container> {
  const { env, secretEnv } = translateOrThrow(runtime, subject);
  // The stand-ins' proxy, and a certificate that is made once the container runs.
  const peers = { https_proxy: "http://127.0.0.1:9998", CURL_CA_BUNDLE: "/tmp/ca.pem" };
  const container = await startClaw(descriptor, image, { env: { ...env, ...peers }, secretEnv }, values);
  started.push(container);
  return container;
}

const peersOf = (container: Container) => `${container.name}-peers`;

/** Starts the stand-ins in the claw's network. */
async function startPeers(container: Container): Promise<void> {
  const names = ["api.telegram.org", "slack.com"].map((name) => `DNS:${name}`).join(",");
  const make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=peers";
  const made = await container.exec(["sh", "-c", `${make} -addext subjectAltName=${names} -keyout /tmp/key.pem -out /tmp/ca.pem`]);
  expect(made.code, made.stderr).toBe(0);
  const env = {
    CERTIFICATE: (await container.exec(["cat", "/tmp/ca.pem"])).stdout,
    KEY: (await container.exec(["cat", "/tmp/key.pem"])).stdout,
  };
  const bases: unknown = JSON.parse(process.env.CLAWFLEET_BASES || "{}");
  const node = z.object({ NODE: z.string() }).safeParse(bases).data?.NODE ?? openclaw.descriptor.bases.NODE ?? "";
  const source = stripTypeScriptTypes(readFileSync(new URL("nullclaw-peers.ts", import.meta.url), "utf8"));
  await docker(["rm", "--force", peersOf(container)]);
  const args = ["run", "--detach", "--init", "--name", peersOf(container), "--network", `container:${container.name}`];
  args.push("--env", "CERTIFICATE", "--env", "KEY", "--entrypoint", "node", node, "--input-type=module", "--eval", source);
  await dockerOrThrow(args, { env });
  await until(async () => (await requests(container)).length > 0);
}

interface Request {
  readonly host?: string;
  readonly token?: string;
  readonly method?: string;
  readonly text?: string;
  readonly url?: string;
  readonly model?: string;
  readonly maxTokens?: number;
  readonly tools?: readonly string[];
  readonly messages?: readonly string[];
}

/** What the stand-ins were asked so far. */
async function requests(container: Container, host?: string): Promise<Request[]> {
  const { stdout } = await docker(["logs", peersOf(container)]);
  const all: Request[] = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  return host === undefined ? all : all.filter((one) => one.host === host);
}

async function until(good: () => Promise<boolean>, seconds = 40): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await good())) {
    if (performance.now() > deadline) throw new Error(`not so after ${seconds} s: ${good}`);
    await sleep(100);
  }
}

/** Hands the claw a message; a body that is no JSON is the message itself. */
async function post(container: Container, path: string, text: string, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${container.url}${path}`, { method: "POST", body: text, headers });
  return { status: response.status, body: await response.json() };
}

/** What the model is asked when the claw is told something: the first request about it, or the one with the tool's result. */
async function told(container: Container, text: string): Promise<Request> {
  const before = (await requests(container, "model")).length;
  expect(await post(container, "/webhook", text, gatewayToken)).toEqual({ status: 200, body: { status: "received" } });
  let found: Request | undefined;
  await until(async () => {
    const fresh = (await requests(container, "model")).slice(before);
    found = fresh.find((one) => (text.startsWith("call ") ? last(one).includes("[Tool results]") : last(one).includes(text)));
    return found !== undefined;
  });
  return found ?? {};
}

const last = (request: Request) => request.messages?.at(-1) ?? "";

/** What NullClaw has read, as it writes it down anew: its quick set-up loads the configuration and saves it. */
async function readBack(container: Container, config: string): Promise<unknown> {
  const script = `rm -rf /tmp/back && mkdir -p /tmp/back/.nullclaw && printf %s "$1" > /tmp/back/.nullclaw/config.json
    HOME=/tmp/back NULLCLAW_WORKSPACE=/tmp/back/workspace nullclaw onboard > /tmp/back/log 2>&1 && cat /tmp/back/.nullclaw/config.json`;
  const { code, stdout } = await container.exec(["sh", "-c", script, "sh", config]);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

/** Where the second does not say what the first says; the first says it in NullClaw's own spelling where there are several. */
function lost(wanted: unknown, found: unknown, path = ""): string[] {
  if (Array.isArray(wanted) && Array.isArray(found) && wanted.length === found.length) {
    return wanted.flatMap((entry, i) => lost(entry, found[i], `${path}[${i}]`));
  }
  if (typeof wanted === "object" && wanted !== null && typeof found === "object" && found !== null && !Array.isArray(wanted)) {
    const members = new Map<string, unknown>(Object.entries(found));
    return Object.entries(wanted).flatMap(([name, value]) => lost(value, members.get(name), path === "" ? name : `${path}.${name}`));
  }
  return JSON.stringify(wanted) === JSON.stringify(found) ? [] : [path];
}

const obtained = await obtainable(descriptor);

beforeAll(async () => {
  if (obtained) image = await buildImage(descriptor);
}, 3_600_000);

afterAll(async () => {
  for (const container of started) {
    await docker(["rm", "--force", peersOf(container)]);
    await container.remove();
  }
}, 120_000);

describe.skipIf(!obtained)("a claw with everything set", { timeout: 120_000 }, () => {
  let container: Container;
  beforeAll(async () => {
    container = await start(full, fullSecrets);
    await startPeers(container);
  }, 120_000);

  test("its own command names the model, the memory, the limits and the channels", async () => {
    const { stdout } = await container.exec(["nullclaw", "status"]);
    for (const line of [
      `Version:     ${descriptor.version}`,
      "Workspace:   /home/nullclaw/.nullclaw/workspace",
      "Provider:    openai-compatible",
      `Model:       ${model.name}`,
      "Memory:      sqlite (auto-save: on)",
      "Security:    workspace_only=yes, max_actions/hr=20",
      "Gateway:     0.0.0.0:6060",
      "Scheduler:   disabled (max_tasks=64, max_concurrent=4)",
      ...["Telegram", "Discord", "Slack", "Matrix", "Web"].map((name) => `  ${name}: configured`),
      ...["Mattermost", "Signal"].map((name) => `  ${name}: not configured`),
    ]) {
      expect(stdout.split("\n")).toContain(line);
    }
  });

  test("the model's API gets the key, the model's name, the extras' limit and the tools", async () => {
    const request = await told(container, "hello é");
    expect(request).toMatchObject({ url: "/v1/chat/completions", token: key, model: model.name, maxTokens: 4321 });
    expect(request.tools).toEqual(expect.arrayContaining(["file_read", "file_write", "memory_recall"]));
    // web_search is not allowed, and the three have one switch.
    for (const denied of ["web_search", "web_fetch", "http_request"]) expect(request.tools).not.toContain(denied);
    expect(request.messages?.[0]).toContain("You are one claw of a fleet");
    // Where the answer can be read: a conversation by command.
    expect((await container.exec(["nullclaw", "agent", "-m", "hello"])).stdout).toContain("\npong\n");
  });

  test("messages need the claw's token; there is no pairing beside it, and no way in without it", async () => {
    const received = { status: 200, body: { status: "received" } };
    expect(await post(container, "/webhook", "let me in")).toEqual({ status: 401, body: { error: "unauthorized" } });
    for (const wrong of [`${gatewayToken}x`, paired, ""])
      expect(await post(container, "/webhook", "let me in", wrong)).toMatchObject({ status: 401 });
    expect(await post(container, "/webhook", "let me in too", gatewayToken)).toEqual(received);
    expect(await post(container, "/pair", "")).toEqual({ status: 409, body: { error: "already paired" } });
    const update = JSON.stringify({ message: { text: "let me in", from: { id: 111 }, chat: { id: 111 } } });
    for (const path of ["/telegram", "/telegram?account_id=default", "/whatsapp", "/line", "/lark"]) {
      expect(await post(container, path, update), path).toMatchObject({ status: 404 });
    }
    await until(async () => (await requests(container, "model")).some((one) => last(one).includes("let me in too")));
    expect((await requests(container, "model")).filter((one) => last(one).endsWith("let me in"))).toEqual([]);
  });

  test("an idle client stops nobody; a message whose header and body come apart arrives whole; one that is too long is none", async () => {
    const { hostname, port } = new URL(container.url);
    const clients: Socket[] = [];
    const open = async () => {
      const client = connect(Number(port), hostname);
      // The gateway gives idle clients up, at whatever moment of the test.
      client.on("error", () => undefined);
      clients.push(client);
      await once(client, "connect");
      return client;
    };
    try {
      await open();
      expect((await fetch(`${container.url}/health`, { signal: AbortSignal.timeout(5000) })).status).toBe(200);
      const text = "one message in two parts";
      const apart = await open();
      apart.write(`POST /webhook HTTP/1.1\r\nAuthorization: Bearer ${gatewayToken}\r\nContent-Length: ${text.length}\r\n\r\n`);
      await sleep(100);
      apart.write(text);
      await until(async () => (await requests(container, "model")).some((one) => last(one).includes(text)));
    } finally {
      for (const client of clients) client.destroy();
    }
    await expect(post(container, "/webhook", "longer than the gateway takes ".repeat(200), gatewayToken)).rejects.toThrow("fetch failed");
    await told(container, "and on it goes");
    expect((await requests(container, "model")).filter((one) => last(one).includes("longer than"))).toEqual([]);
  });

  test("files are confined to the workspace; there is no shell", async () => {
    expect(last(await told(container, 'call file_read {"path":"SOUL.md"}'))).toContain("Brief, exact, friendly");
    expect(last(await told(container, 'call file_read {"path":"/run/claw/config.json"}'))).toContain("Absolute paths not allowed");
    expect(last(await told(container, 'call file_read {"path":"../config.json"}'))).toContain("Path not allowed");
    for (const command of ["id", "cat /run/claw/config.json", "clawfleet:none"]) {
      expect(last(await told(container, `call shell {"command":"${command}"}`))).toMatch(/status="error">\s+Exec blocked|not found/);
    }
  });

  test("max_history bounds what the model is given", async () => {
    for (const text of ["one", "two", "three", "four"]) {
      const { messages = [] } = await told(container, `message ${text}`);
      // The system's, and the one being asked.
      expect(messages.length).toBeLessThanOrEqual(1 + 4 + 1);
    }
  });

  test.each([
    ["Telegram", "api.telegram.org", tokens.telegram, "telegram hello from 111", "telegram hello from 222", "sendMessage"],
    [
      "Matrix",
      "matrix",
      tokens.matrix,
      "matrix hello from @111:example.org",
      "matrix hello from @222:example.org",
      "/send/m.room.message/",
    ],
  ])("%s: the token arrives; who is on the allowlist is answered, who is not is not", async (_, host, token, from, other, sent) => {
    const about = async (text: string) => (await requests(container, "model")).filter((one) => last(one).includes(text));
    await until(async () => (await about(from)).length > 0);
    const answered = async () => (await requests(container, host)).filter((one) => `${one.method}${one.url ?? ""}`.includes(sent));
    await until(async () => (await answered()).length > 0);
    expect((await answered())[0]?.text).toContain("pong");
    expect(new Set((await requests(container, host)).map((one) => one.token))).toEqual(new Set([token]));
    expect(await about(other)).toEqual([]);
  });

  test("Slack: both tokens arrive; that its socket is refused shows in the health answer", async () => {
    const said = async (method: string) => (await requests(container, "slack.com")).find((one) => one.method === method)?.token;
    await until(async () => (await said("auth.test")) !== undefined && (await said("apps.connections.open")) !== undefined, 60);
    expect([await said("auth.test"), await said("apps.connections.open")]).toEqual([tokens.slack, tokens.app]);
    const health = async () => (await fetch(`${container.url}/health`)).json();
    await until(async () => JSON.stringify(await health()) === '{"status":"degraded"}', 60);
    expect((await container.exec(["entrypoint", "health"])).code).toBe(1);
  });

  test("all that the fleet file says is what NullClaw has read, odd characters too", async () => {
    const config = (await container.exec(["cat", "/run/claw/config.json"])).stdout;
    const { max_tokens, models, channels, ...written } = z
      .looseObject({ max_tokens: z.number(), models: z.unknown(), channels: z.looseObject({ cli: z.boolean() }) })
      .parse(JSON.parse(config));
    // What it does not write down, or not as JSON: the model's API was asked with these (and the key holds quotes).
    expect([max_tokens, JSON.stringify(models)]).toEqual([4321, expect.stringContaining("api_key")]);
    expect(JSON.stringify(written)).toContain(JSON.stringify(ODD));
    const back = await readBack(container, JSON.stringify({ ...written, channels }));
    expect(lost({ ...written, channels }, back)).toEqual([]);
    expect(JSON.stringify(back)).toContain(tokens.discord);
  });

  test("unprivileged; nothing is written but on the volume", async () => {
    expect(await confinement(descriptor, container)).toEqual({
      uid: 10006,
      capabilities: 0n,
      noNewPrivileges: true,
      rootReadOnly: true,
      stateWritable: true,
      hostAddresses: ["127.0.0.1"],
    });
    expect((await container.exec(["find", "/", "-xdev", "-type", "f", "-perm", "/6000"])).stdout).toBe("");
    expect((await container.exec(["stat", "-c", "%a %u", "/run/claw/config.json"])).stdout).toBe("600 10006\n");
    expect((await container.exec(["readlink", "/home/nullclaw/.nullclaw/config.json"])).stdout).toBe("/run/claw/config.json\n");
    // Docker's own init is put in by the daemon.
    const changed = (await dockerOrThrow(["diff", container.name])).trim().split("\n");
    expect(changed.filter((line) => !/^[AC] \/(usr|usr\/sbin|sbin)(\/docker-init)?$/.test(line) && line !== "")).toEqual([]);
  });

  test("keys are in the container's environment and its private config, and nowhere else; the gateway's token is not even there", async () => {
    const inspected = z
      .array(z.looseObject({ Config: z.looseObject({ Env: z.array(z.string()) }) }))
      .parse(JSON.parse(await dockerOrThrow(["inspect", container.name])));
    const environment = inspected[0]?.Config.Env.join("\n") ?? "";
    const history = await dockerOrThrow(["history", "--no-trunc", image]);
    const everything = JSON.stringify(inspected, (name, value) => (name === "Env" ? undefined : value));
    const log = await container.logs();
    for (const secret of [key, paired, ...Object.values(tokens)]) {
      expect(environment).toContain(secret);
      for (const place of [everything, history, log]) expect(place).not.toContain(secret);
    }
    const config = (await container.exec(["cat", "/run/claw/config.json"])).stdout;
    for (const place of [environment, config, everything, log]) expect(place).not.toContain(gatewayToken);
    const pid = "$(grep -l ^nullclaw /proc/[0-9]*/comm | cut -d/ -f3 | head -n 1)";
    const { stdout } = await container.exec(["sh", "-c", `tr '\\0' '\\n' < /proc/${pid}/environ; tr '\\0' ' ' < /proc/${pid}/cmdline`]);
    expect(stdout).toContain("HOME=/home/nullclaw");
    expect(stdout).not.toMatch(/NULLCLAW_[a-z]/);
  });

  test("every key of our schema is one that NullClaw reads", async () => {
    const rule = z.toJSONSchema(schema, { io: "input" });
    for (const [, other] of [0, 1].entries()) {
      const wanted = z.looseObject({}).parse(sample(rule, other));
      const back = lost(wanted, await readBack(container, JSON.stringify(wanted)));
      // Not written down, or only where they are not what they are anyway; asked for above, or of no consequence.
      const unwritten = ["agent.token_limit", "agents.list[0].id", "agents.list[0].model", "autonomy.level", "max_tokens"];
      unwritten.push("tools.media.audio.language", "tools.media.audio.models[0].language");
      if (other === 1) unwritten.push("channels.cli", "models.providers.some-name.native_tools");
      expect(back.filter((path) => !unwritten.includes(path))).toEqual([]);
    }
  });
});

/** A value with every member that a JSON Schema names; none is the same in the other of the two. */
function sample(node: unknown, other: number, path = ""): unknown {
  const rule = z
    .looseObject({
      enum: z.array(z.unknown()).optional(),
      anyOf: z.array(z.unknown()).optional(),
      type: z.string().optional(),
      pattern: z.string().optional(),
      minimum: z.number().optional(),
      maximum: z.number().optional(),
      properties: z.record(z.string(), z.unknown()).optional(),
      additionalProperties: z.unknown().optional(),
      items: z.unknown().optional(),
    })
    .parse(node);
  if (rule.enum !== undefined) return rule.enum[other % rule.enum.length];
  if (rule.anyOf !== undefined) return sample(rule.anyOf[0], other, path);
  switch (rule.type) {
    case "object": {
      const members = Object.entries(rule.properties ?? {}).map(([name, member]) => [name, sample(member, other, `${path}.${name}`)]);
      const rest = typeof rule.additionalProperties === "object" ? [["some-name", sample(rule.additionalProperties, other, path)]] : [];
      return Object.fromEntries([...members, ...rest]);
    }
    case "array":
      return [sample(rule.items, other, path)];
    case "boolean":
      return other === 1;
    case "integer":
      return Math.min((rule.minimum ?? 0) + 60 + other, rule.maximum ?? Number.MAX_SAFE_INTEGER);
    case "number":
      return other === 1 ? 0.5 : 1.5;
    default: {
      const begin = ["wss://", "https://", "/"].find((start) => rule.pattern?.replaceAll("\\", "").startsWith(`^${start}`)) ?? "";
      return path.endsWith(".primary") ? `provider${other}/model${other}` : `${begin}text-long-enough-${other}`;
    }
  }
}

describe.skipIf(!obtained)("profiles and memory", { timeout: 120_000 }, () => {
  test("strict: no tool does anything; what was said is known after a restart", async () => {
    const container = await start(claw(descriptor, { model, security: { ...security, profile: "strict" } }), { ...secrets, ...modelKey });
    await startPeers(container);
    expect(last(await told(container, 'call file_read {"path":"SOUL.md"}'))).toContain("agent is in read-only mode");
    await told(container, "remember this");
    await container.restart();
    await startPeers(container);
    expect((await told(container, "and now?")).messages?.join("\n")).toContain("user: remember this");
  });

  test("permissive and not sandboxed: a shell, files anywhere, scheduled commands; without memory a restart forgets", async () => {
    const open: Security = { ...security, profile: "permissive", sandboxed: false };
    const extras = { reliability: { scheduler_poll_secs: 1 } };
    const subject = claw(descriptor, { model, memory: { enabled: false }, security: open, extras });
    const container = await start(subject, { ...secrets, ...modelKey });
    await startPeers(container);
    expect(last(await told(container, 'call shell {"command":"mkdir gone && rm -rf gone && echo removed $PWD"}'))).toContain(
      "removed /home/nullclaw/.nullclaw/workspace",
    );
    await container.exec(["sh", "-c", "echo outside > /tmp/outside"]);
    expect(last(await told(container, 'call file_read {"path":"/tmp/outside"}'))).toContain("outside");
    expect(last(await told(container, 'call schedule {"action":"once","delay":"1s","command":"touch ran"}'))).toContain(
      "Created one-shot task",
    );
    const ran = async () => (await container.exec(["test", "-e", `${descriptor.stateDir}/workspace/ran`])).code === 0;
    await until(ran);
    await told(container, "remember this");
    await container.restart();
    await startPeers(container);
    expect((await told(container, "and now?")).messages?.join("\n")).not.toContain("remember this");
  });
});

describe.skipIf(!obtained)("the canonical fixtures", { timeout: 60_000 }, async () => {
  const all = await rounds(runtime, schema);
  let container: Container;
  beforeAll(async () => {
    container = await start(claw(descriptor), secrets);
  }, 120_000);

  // It writes some texts down without escaping them: given the escaped one, it writes what is the text again.
  const raw = ["api_key", "base_url", "language"];
  const escaped = (config: string) =>
    JSON.stringify(
      JSON.parse(config, (name, value) => (raw.includes(name) && typeof value === "string" ? JSON.stringify(value).slice(1, -1) : value)),
    );

  test.each(all.map((round) => [round.title, round] as const))("NullClaw has what it is told, %s", async (_, round) => {
    const env = { ...round.translation.env, ...round.secrets };
    const flags = Object.keys(env).flatMap((name) => ["--env", name]);
    const config = await dockerOrThrow(["run", "--rm", ...flags, image, "cat", "/run/claw/config.json"], { env });
    const back = await readBack(container, escaped(config));
    expectReadBack(runtime, round, (path) => {
      const value = at(back, path);
      // A channel without an account is none; and it has two words for one level.
      if (value === undefined && path.at(-1) === "accounts") return { value: {} };
      return { value: value === "read_only" ? "readonly" : value };
    });
  });
});

describe.skipIf(!obtained)("a claw with nothing set", () => {
  let container: Container;
  beforeAll(async () => {
    container = await start(claw(descriptor), secrets);
  }, 120_000);

  test("comes up, is ready, and takes a message", { timeout: 60_000 }, async () => {
    expect(await (await fetch(`${container.url}/health`)).json()).toEqual({ status: "ok" });
    const ready = await fetch(`${container.url}/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, expect.objectContaining({ status: "ready" })]);
    expect((await container.exec(["entrypoint", "health"])).code).toBe(0);
    expect(await post(container, "/webhook", "hello", gatewayToken)).toMatchObject({ status: 200 });
    expect((await container.exec(["nullclaw", "status"])).stdout).toContain("Provider:    none\nModel:       none\n");
    // Its workspace is ours, and NullClaw adds no first conversation to it.
    const workspace = (await container.exec(["ls", `${descriptor.stateDir}/workspace`])).stdout.split("\n");
    expect(workspace).toEqual(expect.arrayContaining(["AGENTS.md", "SOUL.md"]));
    expect(workspace).not.toContain("BOOTSTRAP.md");
  });

  test("what a chat's command changes is gone at the next start, and no copy of the configuration stays on the volume", async () => {
    const at = `${descriptor.stateDir}/config.json`;
    await container.exec(["sh", "-c", `cp /run/claw/config.json ${at}.bak && rm ${at} && echo '{}' > ${at}`]);
    await container.restart();
    expect((await container.exec(["readlink", at])).stdout).toBe("/run/claw/config.json\n");
    expect((await container.exec(["test", "-e", `${at}.bak`])).code).toBe(1);
  }, 60_000);

  describeLifecycle({
    runtime: descriptor,
    image: () => image,
    container: () => container,
    replaced: (next) => {
      started.push(next);
      container = next;
    },
    change: {
      variable: "NULLCLAW_default_temperature",
      value: "0.3",
      read: async (claw) => /^Temperature: (.*)$/m.exec((await claw.exec(["nullclaw", "status"])).stdout)?.[1],
      told: "0.3",
    },
    wrongKey: "NULLCLAW_gateway__nosuch",
    // It has no handler for the signal, which ends it.
    exitCodes: [143],
  });
});
