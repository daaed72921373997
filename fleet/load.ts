import { parse, TomlError } from "smol-toml";
import type { z } from "zod";
import { explain } from "./explain.ts";
import { readExtras } from "./extras.ts";
import { keysInText, keysInValues } from "./keys.ts";
import { locator } from "./locate.ts";
import { isTable, merge, origin, type Table } from "./merge.ts";
import { parseEgress, parseIngress } from "./network.ts";
import { FleetError, type LoadedFleet, nearest, type Problem, quote } from "./problems.ts";
import { readText } from "./read.ts";
import { crossCheck } from "./rules.ts";
import { type Agent, agentSchema, DEFAULTS, defaultsSchema, LIMITS } from "./schema.ts";
import type { Claw, Fleet, Path } from "./types.ts";
import { parseDuration, parseSize } from "./units.ts";

/**
 * Reads a fleet file: parses, lays each agent over the defaults, checks everything and makes every default explicit.
 *
 * @param file path of a TOML file, as errors should show it
 * @param options.runtimes the runtimes that claws may name
 * @throws FleetError with all that is wrong in the file (for a syntax error: just that one, as parsing ends there)
 */
export function loadFleet(file: string, options: { readonly runtimes: readonly string[] }): LoadedFleet {
  return parseFleet(readText(file), file, options);
}

/** `loadFleet` for a text that is already in memory; `file` is the name for errors. */
export function parseFleet(text: string, file: string, options: { readonly runtimes: readonly string[] }): LoadedFleet {
  const root = parseToml(text, file);
  const position = locator(text);
  const locate = (path: Path) => position(origin(root, path));
  const problems: Problem[] = [];

  /** Paths of values that are keys: whatever else is wrong with them need not be said. */
  const leaked = new Set<string>();
  const report = (path: Path, message: string) => {
    const from = origin(root, path);
    if (!leaked.has(JSON.stringify(from))) problems.push({ file, ...position(from), message });
  };

  for (const { kind, line, column } of keysInText(text)) problems.push({ file, line, column, message: leak(kind) });
  for (const { kind, path, inText } of keysInValues(root, text)) {
    if (!inText) problems.push({ file, ...position(path), message: leak(kind) });
    leaked.add(JSON.stringify(path));
  }

  const agents = checkRoot(root, report);
  const defaults = isTable(root.defaults) ? root.defaults : {};
  check(defaultsSchema(options.runtimes), defaults, ["defaults"], root, report);
  if (isTable(defaults.extras)) readExtras(defaults.extras, ["defaults", "extras"], report);

  const schema = agentSchema(options.runtimes);
  const shared = Object.fromEntries(Object.entries(defaults).filter(([key]) => key !== "name" && key !== "port"));
  const merged = agents.map((agent) => merge(shared, agent));
  const ports = crossCheck(merged, report, locate);
  const claws = merged.map((table, i) => {
    const path = ["agent", i];
    const extras = isTable(table.extras) ? readExtras(table.extras, [...path, "extras"], report) : {};
    const agent = check(schema, table, path, root, report);
    const port = ports[i];
    return agent && port !== undefined ? { ...toClaw(agent, port, path), extras } : undefined;
  });

  if (problems.length > 0) throw new FleetError(problems);
  const fleet: Fleet = { file, claws: claws.filter((claw) => claw !== undefined) };
  return { fleet, locate };
}

function leak(kind: string): string {
  const how = "put the value into the stack's config (pulumi config set --secret secrets:<name>) and write that name";
  return `this looks like ${kind}; a fleet file holds only the names of secrets. Replace it here, ${how}`;
}

/** What a person did when the TOML parser says this. */
const HINTS: readonly (readonly [string, string])[] = [
  ["control characters are not allowed in strings", "is the closing quote missing?"],
  ["redefine", "every key and every [table] can be there only once"],
  ["invalid value", "text needs quotes"],
  ["in key", 'a setting is written like name = "ada"'],
  ["end of table array", "write [[agent]]"],
];

function parseToml(text: string, file: string): Table {
  try {
    return parse(text, { maxDepth: 64 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message goes on with lines of the file, which may hold anything: only its first line is shown.
    const message = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "") ?? "";
    const hint = HINTS.find(([part]) => message.includes(part))?.[1];
    throw new FleetError([
      { file, line: error.line, column: error.column, message: `not valid TOML: ${message}${hint ? `; ${hint}` : ""}` },
    ]);
  }
}

/** Checks the file's outermost keys and gives back the agents that are tables. */
function checkRoot(root: Table, report: (path: Path, message: string) => void): Table[] {
  let misspelt = false;
  for (const key of Object.keys(root)) {
    if (key === "agent" || key === "defaults") continue;
    const close = nearest(key, ["agent", "defaults"]);
    misspelt ||= close === "agent";
    const hint = close ? `did you mean ${close === "agent" ? "[[agent]]" : "[defaults]"}?` : "a fleet file has [defaults] and [[agent]]";
    report([key], `unknown key ${quote(key)}; ${hint}`);
  }
  if (root.defaults !== undefined && !isTable(root.defaults))
    report(["defaults"], "defaults must be a table; write [defaults] with one pair of brackets");
  const list = root.agent;
  if (list === undefined || (Array.isArray(list) && list.length === 0)) {
    if (!misspelt) report(["agent"], "the fleet has no claws; add one with [[agent]]");
  } else if (!Array.isArray(list)) report(["agent"], "agent must be a list of tables; write [[agent]] with two brackets");
  else if (list.length > LIMITS.claws) report(["agent", LIMITS.claws], `a fleet file has at most ${LIMITS.claws} claws`);
  else {
    for (const [i, agent] of list.entries()) if (!isTable(agent)) report(["agent", i], "agent must be a list of tables; write [[agent]]");
    return list.every(isTable) ? list : [];
  }
  return [];
}

function check<T extends z.ZodType>(
  schema: T,
  value: Table,
  path: Path,
  root: Table,
  report: (path: Path, message: string) => void,
): z.output<T> | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const inside = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
    const at = inside.reduce<unknown>((v, part) => (typeof v === "object" && v !== null ? Reflect.get(v, part) : undefined), value);
    for (const found of explain(issue, [...path, ...inside], at, (p) => origin(root, p))) report(found.path, found.message);
  }
  return undefined;
}

/** An agent that has passed every check, in the terms of types.ts. */
function toClaw(agent: Agent, port: number, path: Path): Claw {
  const { model, memory, security, network, schedule } = agent;
  const allowlist = security?.allowlist ?? DEFAULTS.security.allowlist;
  const heartbeat = parseDuration(schedule?.heartbeat ?? "off");
  return {
    name: agent.name,
    runtime: agent.runtime,
    port,
    ...(model && {
      model: {
        provider: model.provider,
        name: model.name,
        ...(model.api_key_ref !== undefined && { apiKeyRef: model.api_key_ref }),
        ...(model.base_url !== undefined && { baseUrl: model.base_url }),
      },
    }),
    tools: (agent.tools ?? []).map((tool) => ({ name: tool.name, allowed: tool.allowed ?? DEFAULTS.tool.allowed })),
    channels: (agent.channels ?? []).map((channel) => ({
      channel: channel.channel,
      enabled: channel.enabled,
      ...(channel.token_ref !== undefined && { tokenRef: channel.token_ref }),
      ...(channel.app_token_ref !== undefined && { appTokenRef: channel.app_token_ref }),
      allowlist: channel.allowlist ?? allowlist,
    })),
    memory: {
      enabled: memory?.enabled ?? DEFAULTS.memory.enabled,
      ...(memory?.max_history !== undefined && { maxHistory: memory.max_history }),
    },
    security: {
      allowlist,
      sandboxed: security?.sandboxed ?? DEFAULTS.security.sandboxed,
      profile: security?.profile ?? DEFAULTS.security.profile,
      memoryMiB: parseSize(security?.memory_limit ?? DEFAULTS.security.memory_limit) ?? 0,
      cpus: security?.cpus ?? DEFAULTS.security.cpus,
      maxOpenFiles: security?.max_open_files ?? DEFAULTS.security.max_open_files,
    },
    docker: { access: agent.docker?.access ?? DEFAULTS.docker.access },
    network: {
      egress: (network?.egress ?? DEFAULTS.network.egress).map(parseEgress).filter((to) => to !== undefined),
      ingress: (network?.ingress ?? DEFAULTS.network.ingress).map(parseIngress).filter((from) => from !== undefined),
    },
    schedule: {
      ...(heartbeat !== undefined && { heartbeatMinutes: heartbeat }),
      cron: schedule?.cron ?? [],
    },
    extras: {},
    path,
  };
}
