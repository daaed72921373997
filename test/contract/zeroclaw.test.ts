import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { gatewayToken, tokenHash } from "../../components/token.ts";
import type { Claw } from "../../fleet/types.ts";
import { schema } from "../../runtimes/zeroclaw/native.ts";
import { runtime } from "../../runtimes/zeroclaw/runtime.ts";
import { buildImage, type Container, claw, confinement, docker, dockerOrThrow, startClaw, translateOrThrow } from "./helpers.ts";
import { describeLifecycle } from "./lifecycle.ts";
import { expectReadBack, pathOf, rounds, type Said } from "./readback.ts";

const { descriptor } = runtime;
const token = gatewayToken("a seed", "contract");
const secrets = {
  ZEROCLAW_gateway__paired_tokens: tokenHash(token),
  ZEROCLAW_providers__models__anthropic__claw__api_key: "sk-ant-canary-7d1e5b90",
  ZEROCLAW_channels__telegram__claw__bot_token: "123456789:canary-3fa81c07",
};
const subject = claw(descriptor, {
  model: { provider: "anthropic", name: "claude-sonnet-4-6", apiKeyRef: "anthropic", baseUrl: "http://127.0.0.1:9" },
  tools: [
    { name: "shell", allowed: false },
    { name: "files", allowed: true },
  ],
  channels: [{ channel: "telegram", enabled: true, tokenRef: "telegram", allowlist: ["1001", "ada,the first"] }],
  memory: { enabled: true, maxHistory: 12 },
  schedule: { heartbeatMinutes: 45, cron: [] },
  // Nothing of this test leaves the container.
  extras: { gateway: { request_timeout_secs: 77 }, channels: { telegram: { claw: { api_base_url: "http://127.0.0.1:9" } } } },
});
let image: string;
let container: Container;

beforeAll(async () => {
  image = await buildImage(descriptor);
  container = await startClaw(descriptor, image, translateOrThrow(runtime, subject), secrets);
}, 3_600_000);

afterAll(async () => {
  await container?.remove();
});

const url = (path: string) => `${container.url}${path}`;
const status = async (path: string, headers: Record<string, string> = {}) => (await fetch(url(path), { headers })).status;

async function get(path: string): Promise<string> {
  const { code, stdout, stderr } = await container.exec(["zeroclaw", "config", "get", path]);
  if (code !== 0) throw new Error(`${path}: ${stderr}`);
  return stdout.trim();
}

describe("a claw with everything set", () => {
  // What the fixtures below do not say: the fleet's conventions, extras, and somebody with a comma in the name.
  test.each([
    ["agents.claw.model_provider", "anthropic.claw"],
    ["peer_groups.telegram.external_peers", '["1001", "ada,the first"]'],
    ["gateway.request_timeout_secs", "77"],
    ["gateway.require_pairing", "true"],
    ["secrets.encrypt", "true"],
  ])("ZeroClaw says %s is %s", async (path, value) => {
    expect(await get(path)).toBe(value);
  });
});

describe("the gateway", () => {
  test("answers for its health and says that pairing is required", async () => {
    const body: unknown = await (await fetch(url("/health"))).json();
    expect(body).toMatchObject({ status: "ok", require_pairing: true, paired: true });
  });

  test("takes the claw's token and refuses others; who pairs beside it is known until the next start", async () => {
    const as = (bearer: string) => ({ authorization: `Bearer ${bearer}` });
    for (const path of ["/api/status", "/api/config"]) {
      expect(await status(path)).toBe(401);
      expect(await status(path, as("0".repeat(64)))).toBe(401);
      // What the container knows of the token does not open it.
      expect(await status(path, as(tokenHash(token)))).toBe(401);
      expect(await status(path, as(token))).toBe(200);
    }
    expect(await status("/admin/paircode")).toBe(403);
    expect((await fetch(url("/pair"), { method: "POST", headers: { "x-pairing-code": "000000" } })).status).toBe(403);

    // A browser needs a code, which the token is good for.
    const answer: unknown = await (await fetch(url("/api/pairing/initiate"), { method: "POST", headers: as(token) })).json();
    const { pairing_code: code } = z.object({ pairing_code: z.string() }).parse(answer);
    const paired = z
      .object({ token: z.string() })
      .parse(await (await fetch(url("/pair"), { method: "POST", headers: { "x-pairing-code": code } })).json());
    expect(await status("/api/status", as(paired.token))).toBe(200);

    await container.restart();
    expect(await status("/api/status", as(token))).toBe(200);
    expect(await status("/api/status", as(paired.token))).toBe(401);
    expect(await get("peer_groups.telegram.external_peers")).toBe('["1001", "ada,the first"]');
  }, 120_000);
});

describe("the container", () => {
  test("is unprivileged", async () => {
    expect(await confinement(descriptor, container)).toEqual({
      uid: 10001,
      capabilities: 0n,
      noNewPrivileges: true,
      rootReadOnly: true,
      stateWritable: true,
      hostAddresses: ["127.0.0.1"],
    });
  });

  test("has its secrets, but neither its volume nor its log does, also after somebody has paired; the claw's token is nowhere", async () => {
    const environment = (await container.exec(["sh", "-c", "cat /proc/1/environ /proc/*/environ 2>/dev/null | tr '\\0' '\\n'"])).stdout;
    const found = async (value: string) =>
      (await container.exec(["grep", "-rlF", "-e", value, descriptor.stateDir, "/tmp", "/run/claw"])).stdout;
    const { ZEROCLAW_gateway__paired_tokens: hash, ...keys } = secrets;
    for (const value of Object.values(secrets)) {
      expect(environment).toContain(value);
      expect(await container.logs()).not.toContain(value);
    }
    for (const value of [...Object.values(keys), token]) expect(await found(value)).toBe("");
    expect(environment).not.toContain(token);
    // ZeroClaw lists whom it knows by the hash of the token, from which there is no way back.
    expect(await found(hash)).toBe(`${descriptor.stateDir}/data/devices.db\n`);
    const mode = await container.exec(["stat", "-c", "%a %u", `${descriptor.stateDir}/config.toml`]);
    expect(mode.stdout.trim()).toBe("600 10001");
  });

  test("leaves nothing of an override in the file: a setting that is gone from the fleet file is gone", async () => {
    const plain = { ...subject, channels: [], extras: {}, memory: { enabled: true } };
    const volume = `${container.name}-state:${descriptor.stateDir}`;
    const { env } = translateOrThrow(runtime, plain);
    const flags = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const ask = async (path: string) =>
      (await dockerOrThrow(["run", "--rm", "--volume", volume, ...flags, image, "zeroclaw", "config", "get", path])).trim();
    expect(await ask("gateway.request_timeout_secs")).toBe("30");
    expect(await ask("agents.claw.channels")).toBe("[]");
    expect(await ask("agents.claw.runtime_profile")).toBe("");
  });

  test("finds its workspace's files where ZeroClaw looks for them", async () => {
    const listed = (await container.exec(["ls", `${descriptor.stateDir}/agents/claw/workspace`])).stdout;
    expect(listed).toContain("AGENTS.md");
  });
});

const security = { ...subject.security };
const model = { provider: "openrouter", name: "some/model" };

// ZeroClaw starts with settings that contradict each other, and only says so in its log.
test.each<[string, Partial<Claw>]>([
  ["only a model", {}],
  ["everything set", subject],
  ["the strict profile, no memory", { model, memory: { enabled: false }, security: { ...security, profile: "strict" } }],
  ["the permissive profile, no sandbox", { model, security: { ...security, profile: "permissive", sandboxed: false } }],
  ["a channel that is closed", { model, channels: [{ channel: "slack", enabled: false, allowlist: [] }] }],
  [
    "a channel for everybody, a heartbeat",
    {
      model,
      channels: [{ channel: "discord", enabled: true, tokenRef: "x", allowlist: ["*"] }],
      schedule: { heartbeatMinutes: 5, cron: [] },
    },
  ],
])("ZeroClaw finds nothing wrong in a claw with %s", async (_, change) => {
  const { env, secretEnv } = translateOrThrow(runtime, claw(descriptor, { model, ...change }));
  const given = { ...env, ...Object.fromEntries(Object.keys(secretEnv).map((name) => [name, "stand-in"])) };
  const flags = Object.entries(given).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const ask = ["zeroclaw", "--verbose", "--log-level", "warn", "config", "get", "gateway.port"];
  const { code, stdout, stderr } = await docker(["run", "--rm", "--env", "NO_COLOR=1", ...flags, image, ...ask]);
  expect(stderr + stdout).not.toContain("validation errors");
  expect(stdout).toContain("42617");
  expect(code).toBe(0);
});

/** A JSON Schema node, as far as this test looks at it. */
type Node = { readonly [key: string]: unknown };
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);
const nodes = (value: unknown): Node[] => (Array.isArray(value) ? value : Object.values(isNode(value) ? value : {})).filter(isNode);

/** A schema's node and all that its references and alternatives lead to. */
function expand(root: Node, node: Node): Node[] {
  const target =
    typeof node.$ref === "string"
      ? node.$ref
          .slice(2)
          .split("/")
          .reduce<unknown>((at, key) => (isNode(at) ? at[key] : undefined), root)
      : undefined;
  const more = [
    ...(isNode(target) ? [target] : []),
    ...["anyOf", "oneOf", "allOf"].flatMap((key) => (node[key] === undefined ? [] : nodes(node[key]))),
  ];
  return [node, ...more.flatMap((one) => expand(root, one))];
}

function member(root: Node, found: Node[], key: string): Node[] {
  return found.flatMap((node) => {
    const property = isNode(node.properties) ? node.properties[key] : undefined;
    const value = property ?? node.additionalProperties;
    return isNode(value) ? expand(root, value) : [];
  });
}

const types = (found: Node[]) =>
  new Set(found.flatMap(({ type }) => (Array.isArray(type) ? type : [type])).filter((type) => type !== undefined));
const choices = (found: Node[]) =>
  new Set(found.flatMap((node) => [...(Array.isArray(node.enum) ? node.enum : []), ...("const" in node ? [node.const] : [])]));

/** Every way in which `ours` allows what `theirs` does not know. */
function* differences(ours: Node, our: Node[], theirs: Node, their: Node[], path: string): Generator<string> {
  const properties = our.flatMap((node) => (isNode(node.properties) ? Object.keys(node.properties) : []));
  const map = our.some((node) => isNode(node.additionalProperties));
  for (const key of map ? ["some_alias"] : properties) {
    const below = member(theirs, their, key);
    if (below.length === 0) yield `${path}${key} is unknown to ZeroClaw`;
    else yield* differences(ours, member(ours, our, key), theirs, below, `${path}${key}.`);
  }
  const theirTypes = types(their);
  for (const type of types(our))
    if (!theirTypes.has(type) && theirTypes.size > 0 && !(type === "integer" && theirTypes.has("number")))
      yield `${path} is no ${type} but ${[...theirTypes]}`;
  const theirChoices = choices(their);
  for (const choice of choices(our))
    if (theirChoices.size > 0 && !theirChoices.has(choice)) yield `${path} cannot be ${choice}; it can be ${[...theirChoices]}`;
  if (choices(our).size === 0 && types(our).has("string") && theirChoices.size > 0) yield `${path} is one of ${[...theirChoices]}`;
}

test("every key, type and choice of our schema is in the one that ZeroClaw prints", async () => {
  const printed: unknown = JSON.parse((await container.exec(["zeroclaw", "config", "schema"])).stdout);
  const written: unknown = z.toJSONSchema(schema, { io: "input" });
  if (!isNode(printed) || !isNode(written)) throw new Error("no JSON Schema");
  expect([...differences(written, expand(written, written), printed, expand(printed, printed), "")]).toEqual([]);
});

/** All that ZeroClaw says of its settings; it does not show secrets, and prints lists as TOML. */
function said(answers: ReadonlyMap<string, unknown>): (path: readonly string[]) => Said {
  return (path) => {
    const { value, populated } = z
      .object({ value: z.string().optional(), populated: z.boolean().optional() })
      .parse(answers.get(path.join(".")));
    if (populated === true) return { secret: true };
    return value === undefined ? undefined : { value: value.startsWith("[") ? parse(`value = ${value}`).value : value };
  };
}

describe("the canonical fixtures", async () => {
  const all = await rounds(runtime, schema);

  test.each(all.map((round) => [round.title, round] as const))("ZeroClaw has what it is told, %s", async (_, round) => {
    const env = { ...round.translation.env, ...round.secrets };
    const paths = round.variables.map((variable) => (pathOf(runtime, variable) ?? [variable]).join("."));
    const flags = Object.keys(env).flatMap((name) => ["--env", name]);
    const each = 'for path; do zeroclaw config get --json "$path" || exit 1; done';
    const answers = await dockerOrThrow(["run", "--rm", ...flags, image, "sh", "-c", each, "sh", ...paths], { env });
    const objects = answers.split(/(?<=^\})\n/m).filter((text) => text !== "");
    const parsed = objects.map((text) => z.looseObject({ path: z.string() }).parse(JSON.parse(text)));
    expectReadBack(runtime, round, said(new Map(parsed.map((answer) => [answer.path, answer]))));
  });
});

describeLifecycle({
  runtime: descriptor,
  image: () => image,
  container: () => container,
  replaced: (next) => {
    container = next;
  },
  change: {
    variable: "ZEROCLAW_gateway__request_timeout_secs",
    value: "88",
    read: () => get("gateway.request_timeout_secs"),
    told: "88",
  },
  wrongKey: "ZEROCLAW_gateway__nosuch",
  effective: ["zeroclaw", "config", "list"],
  healthyBetween: false,
});
