/**
 * The canonical fixtures: every setting of a fleet file, each with values that mean something, and texts with characters that are awkward somewhere.
 * What is said of all runtimes (docs/runtimes.md, the contract tests) is found out with these, by translating a claw with and without each.
 */
import { isDeepStrictEqual } from "node:util";
import { stringify } from "smol-toml";
import { z } from "zod";
import { parseFleet } from "../fleet/load.ts";
import { ACKNOWLEDGE } from "../fleet/schema.ts";
import type { Claw, Json, Path } from "../fleet/types.ts";
import type { Runtime, Translation } from "./runtime.ts";

/** What an `[[agent]]` says, in the fleet file's own terms; a setting of its `model` that is null is left out of the model that all fixtures have. */
export interface Agent {
  readonly [setting: string]: Json;
}

export interface Fixture {
  /** The setting as docs/fleet-file.md names it: `channels[].token_ref`. */
  readonly field: string;
  /** What tells this fixture from others of its field, as a fleet file writes it: `"telegram"`. */
  readonly value: string;
  /** An agent with the setting, and one that differs in nothing else (it has another value, or none). Both lie over `base`. */
  readonly with: Agent;
  readonly without: Agent;
  /** Where it is not the runtime that honours the setting: it holds for every container, whatever is in it. */
  readonly by: "runtime" | "clawfleet";
  /** Only the awkwardness is new: it says nothing that docs/runtimes.md should list. */
  readonly odd: boolean;
}

/** Awkward for shells, environments, TOML, JSON and templates alike, in one line. */
export const ODD = "o\"d 'q' `b` $HOME $" + "{x} $(id) %s {{y}} a__b=c \\d \\n #1, [é] 🦀";
const NO_SPACES = ODD.replaceAll(" ", "_");
const LONG = "long-".repeat(51).slice(0, 256);

const MODEL: Agent = { provider: "anthropic", name: "claude-sonnet-4-6", api_key_ref: "anthropic" };

/** Somebody on each type of channel, by the form of id that its runtimes know. */
const PEOPLE: { readonly [channel: string]: string } = {
  discord: "80351110224678912",
  matrix: "@ada:example.org",
  pico: "pico-user",
  slack: "U012AB3CD",
  telegram: "8734062810",
};

/** Settings without which a runtime refuses a channel: they have no name of their own in a fleet file. */
const COMPANIONS: { readonly [runtime: string]: { readonly [channel: string]: Agent } } = {
  nullclaw: {
    matrix: { channels: { matrix: { accounts: { default: { homeserver: "https://matrix.example.org", room_id: "!room:example.org" } } } } },
  },
  picoclaw: { matrix: { channel_list: { matrix: { settings: { user_id: "@bot:example.org" } } } } },
};

/** An agent's channel of this type, with somebody on its allowlist and the tokens that the type has. */
export function channelOf(type: string, change: Agent = {}): Agent {
  const appToken = type === "slack" ? { app_token_ref: "slack-app" } : {};
  return { channel: type, enabled: true, token_ref: `${type}-bot`, ...appToken, allowlist: [PEOPLE[type] ?? "ada"], ...change };
}

const toml = (value: Json) => (Array.isArray(value) && value.length > 3 ? `[${value.length} entries]` : JSON.stringify(value));

function fixture(field: string, value: Json | undefined, on: Agent, off: Agent, rest: Partial<Fixture> = {}): Fixture {
  return { field, value: value === undefined ? "" : toml(value), with: on, without: off, by: "runtime", odd: false, ...rest };
}

const odd = (field: string, what: string, on: Agent, off: Agent) => fixture(field, undefined, on, off, { value: what, odd: true });
const clawfleets = (field: string, value: Json, on: Agent, off: Agent) => fixture(field, value, on, off, { by: "clawfleet" });

function models(): Fixture[] {
  const model = (change: Agent): Agent => ({ model: change });
  const url = "http://192.168.7.9:11434";
  return [
    ...["anthropic", "openai", "openrouter"].map((provider) =>
      fixture("model.provider", provider, model({ provider }), model({ provider: provider === "openai" ? "anthropic" : "openai" })),
    ),
    fixture("model.provider", "ollama", model({ provider: "ollama", api_key_ref: null, base_url: url }), model({ base_url: url })),
    fixture("model.name", "claude-opus-5", model({ name: "claude-opus-5" }), {}),
    odd("model.name", "with awkward characters", model({ name: NO_SPACES }), {}),
    odd("model.name", "with spaces around and within", model({ name: "  a model  " }), {}),
    odd("model.name", "of 256 characters", model({ name: LONG }), {}),
    fixture("model.api_key_ref", "a-key_2", model({ api_key_ref: "a-key_2" }), model({ api_key_ref: null })),
    odd("model.api_key_ref", "with two underscores", model({ api_key_ref: "a__key" }), {}),
    fixture("model.base_url", "https://llm.example.org/v1", model({ base_url: "https://llm.example.org/v1" }), {}),
    odd("model.base_url", "with awkward characters", model({ base_url: "http://127.0.0.1:9/a__b=c/$HOME/~'x'/%20" }), {}),
  ];
}

function tools(names: readonly string[]): Fixture[] {
  return names.flatMap((name) =>
    [true, false].map((allowed) =>
      fixture(
        "tools[].allowed",
        undefined,
        { tools: [{ name, allowed }] },
        { tools: [{ name, allowed: !allowed }] },
        { value: `${name} = ${allowed}` },
      ),
    ),
  );
}

function channels(types: readonly string[]): Fixture[] {
  return types.flatMap((type) => {
    const one = (change: Agent): Agent => ({ channels: [channelOf(type, change)] });
    const of = (field: string, value: Json, change: Agent, without: Agent) =>
      fixture(`channels[].${field}`, undefined, one(change), one(without), { value: `${type}: ${toml(value)}` });
    const { token_ref: _, ...untold } = channelOf(type);
    return [
      fixture("channels[].channel", type, one({}), { channels: [] }),
      of("enabled", false, { enabled: false }, {}),
      fixture("channels[].token_ref", undefined, one({}), { channels: [untold] }, { value: `${type}: "${type}-bot"` }),
      of("app_token_ref", "the-app", { app_token_ref: "the-app" }, {}),
      of("allowlist", [], { allowlist: [] }, {}),
      of("allowlist", ["*"], { allowlist: ["*"] }, {}),
      fixture(
        "security.allowlist",
        undefined,
        { channels: [without(channelOf(type), "allowlist")], security: { allowlist: [PEOPLE[type] ?? "ada"] } },
        { channels: [without(channelOf(type), "allowlist")] },
        { value: `${type}: ["${PEOPLE[type] ?? "ada"}"]` },
      ),
      odd("channels[].allowlist", `${type}: with awkward characters`, one({ allowlist: [ODD, " ada ", LONG] }), one({})),
    ];
  });
}

function without(agent: Agent, setting: string): Agent {
  return Object.fromEntries(Object.entries(agent).filter(([name]) => name !== setting));
}

const profile = (name: string, other: string) =>
  fixture("security.profile", name, { security: { profile: name } }, { security: { profile: other } });

const REST: readonly Fixture[] = [
  clawfleets("name", "other", { name: "other" }, {}),
  clawfleets("port", 23456, { port: 23456 }, { port: 23457 }),
  fixture("memory.enabled", false, { memory: { enabled: false } }, { memory: { enabled: true } }),
  fixture("memory.max_history", 40, { memory: { max_history: 40 } }, {}),
  fixture(
    "memory.max_history",
    50,
    { memory: { max_history: 50 }, channels: [channelOf("telegram")] },
    { channels: [channelOf("telegram")] },
  ),
  fixture("security.sandboxed", true, { security: { sandboxed: true } }, { security: { sandboxed: false } }),
  fixture("security.sandboxed", false, { security: { sandboxed: false } }, { security: { sandboxed: true } }),
  profile("strict", "managed"),
  profile("managed", "permissive"),
  profile("permissive", "strict"),
  clawfleets("security.memory_limit", "3g", { security: { memory_limit: "3g" } }, {}),
  clawfleets("security.cpus", 1.5, { security: { cpus: 1.5 } }, {}),
  clawfleets("security.max_open_files", 4096, { security: { max_open_files: 4096 } }, {}),
  clawfleets("security.seccomp_enabled", true, { security: { seccomp_enabled: true } }, {}),
  clawfleets("security.drop_capabilities", true, { security: { drop_capabilities: true } }, {}),
  clawfleets("docker.access", "none", { docker: { access: "none" } }, { docker: { access: "shared", acknowledge: ACKNOWLEDGE } }),
  clawfleets("docker.access", "shared", { docker: { access: "shared", acknowledge: ACKNOWLEDGE } }, { docker: { access: "none" } }),
  clawfleets("docker.acknowledge", ACKNOWLEDGE, { docker: { access: "shared", acknowledge: ACKNOWLEDGE } }, { docker: { access: "none" } }),
  clawfleets("network.egress", ["10.0.0.0/8:5432"], { network: { egress: ["10.0.0.0/8:5432"] } }, {}),
  clawfleets("network.ingress", ["namespace:web"], { network: { ingress: ["namespace:web"] } }, {}),
  fixture("schedule.heartbeat", "30m", { schedule: { heartbeat: "30m" } }, {}),
  fixture("schedule.heartbeat", "off", { schedule: { heartbeat: "off" } }, { schedule: { heartbeat: "1d" } }),
  odd("schedule.heartbeat", "of one minute", { schedule: { heartbeat: "1m" } }, {}),
  odd("schedule.heartbeat", "of seven days", { schedule: { heartbeat: "7d" } }, {}),
  fixture("schedule.cron[].cron", "0 9 * * 1-5", job("0 9 * * 1-5", "hello"), {}),
  fixture("schedule.cron[].message", "hello", job("0 9 * * 1-5", "hello"), {}),
  odd("schedule.cron[].message", "with awkward characters", job("*/5 0-6,22 1 1 0", ` ${ODD}\n\t"""second line\r\n `), {}),
  odd("schedule.cron[].message", "of 10000 characters", job("0 9 * * *", "x".repeat(10_000)), {}),
];

function job(cron: string, message: string): Agent {
  return { schedule: { cron: [{ cron, message }] } };
}

/** All fixtures but those of `extras`, which are each runtime's own; tools and channels are those of any of the runtimes. */
export function fixtures(runtimes: readonly Runtime[]): Fixture[] {
  const any = (key: "tools" | "channels") => [...new Set(runtimes.flatMap((runtime) => runtime[key]))].sort();
  return [
    ...models(),
    ...tools(any("tools")),
    ...channels([...new Set([...any("channels"), "discord", "slack", "telegram"])].sort()),
    ...REST,
  ];
}

/**
 * The claw that a fleet file with this agent means: read as every fleet file is, each default explicit.
 *
 * @throws FleetError when the agent is not right by the fleet file's schema
 */
export function clawOf(runtime: Runtime, agent: Agent): Claw {
  const { name } = runtime.descriptor;
  const docker = runtime.descriptor.docker === undefined ? {} : { docker: { access: "shared", acknowledge: ACKNOWLEDGE } };
  const extras = companions(name, agent.channels);
  const model = Object.entries({ ...MODEL, ...(isTable(agent.model) ? agent.model : {}) }).filter(([, value]) => value !== null);
  const all = {
    ...{ name: "ada", runtime: name, port: 23000, ...docker, ...(extras === undefined ? {} : { extras }) },
    ...{ ...agent, model: Object.fromEntries(model) },
  };
  const [claw] = parseFleet(stringify({ agent: [all] }), "fixture.toml", { runtimes: [name] }).fleet.claws;
  if (claw === undefined) throw new Error("a fleet file without problems has its claw");
  return claw;
}

const isTable = (value: Json | undefined): value is Agent => typeof value === "object" && value !== null && !Array.isArray(value);

function companions(runtime: string, channels: Json | undefined): Agent | undefined {
  for (const channel of Array.isArray(channels) ? channels : []) {
    const type = isTable(channel) && channel.enabled === true ? channel.channel : undefined;
    const found = typeof type === "string" ? COMPANIONS[runtime]?.[type] : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A claw's translation, and what the runtime has against it; `path` is below the agent. */
export interface Outcome extends Translation {
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

const outcomes = new WeakMap<Runtime, Map<string, Outcome>>();

/** What the runtime makes of an agent. The same agent is translated once. */
export function translated(runtime: Runtime, agent: Agent): Outcome {
  const known = outcomes.get(runtime) ?? new Map<string, Outcome>();
  outcomes.set(runtime, known);
  const key = JSON.stringify(agent);
  const outcome = known.get(key) ?? translate(runtime, agent);
  known.set(key, outcome);
  return outcome;
}

function translate(runtime: Runtime, agent: Agent): Outcome {
  const problems: { path: string; message: string }[] = [];
  const claw = clawOf(runtime, agent);
  const report = (path: Path, message: string) => problems.push({ path: path.slice(claw.path.length).join("."), message });
  return { ...runtime.translate(claw, report), problems };
}

/** Whether the runtime refuses what the setting stands beside, also without the setting: then the fixture says nothing of it there. */
export function isBesideThePoint(runtime: Runtime, fixture: Fixture): boolean {
  const [table = ""] = /^\w+/.exec(fixture.field) ?? [];
  return !(table in fixture.without) && translated(runtime, fixture.without).problems.length > 0;
}

/** Names of the variables that are not the same in both, sorted. */
export function differences(one: Translation, other: Translation): string[] {
  const all = (translation: Translation) => new Map(Object.entries({ ...translation.env, ...translation.secretEnv }));
  const [a, b] = [all(one), all(other)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => !isDeepStrictEqual(a.get(name), b.get(name))).sort();
}

/**
 * A fixture of `extras`: the first setting of the runtime's own schema that a fleet file may set, best one whose name promises that any text will do;
 * undefined where there is none.
 *
 * @param schema of the runtime's native configuration
 */
export function extrasFixture(runtime: Runtime, schema: z.ZodType): Fixture | undefined {
  const leaves = [...leavesOf(z.toJSONSchema(schema, { io: "input", reused: "inline" }), [])];
  const texts = leaves.filter(({ value }) => value === ODD);
  const prose = texts.filter(({ path }) => /(prompt|prefix|message|text|title|description)$/i.test(path.at(-1) ?? ""));
  for (const { path, value } of [...prose, ...texts, ...leaves]) {
    const extras = path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value);
    const { problems, ...translation } = translated(runtime, { extras });
    const said = Object.values(translation.env).includes(typeof value === "string" ? value : JSON.stringify(value));
    if (problems.length === 0 && said) return fixture("extras", undefined, { extras }, {}, { value: path.join(".") });
  }
  return undefined;
}

function* leavesOf(node: unknown, path: readonly string[]): Generator<{ path: readonly string[]; value: Json }> {
  const { type, properties, ...rest } = z
    .looseObject({ type: z.unknown().optional(), properties: z.record(z.string(), z.unknown()).optional() })
    .parse(node);
  for (const [name, member] of Object.entries(properties ?? {})) yield* leavesOf(member, [...path, name]);
  const free = !["enum", "const", "pattern", "format", "maxLength"].some((key) => key in rest);
  if (type === "string" && free) yield { path, value: ODD };
  if (type === "boolean") yield { path, value: true };
}
