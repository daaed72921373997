import type { z } from "zod";
import { nearest, quote } from "./problems.ts";
import { agentSchema } from "./schema.ts";
import type { Path } from "./types.ts";

/** What a person calls the table at a path of the file: `[[agent]]`, `[agent.model]`, `[[agent.channels]]`. */
function tableName(path: Path): string {
  const name = path.filter((part) => typeof part === "string").join(".");
  if (name === "") return "the file";
  return typeof path.at(-1) === "number" ? `[[${name}]]` : `[${name}]`;
}

function header(table: string): string {
  return /\.(tools|channels|cron)$/.test(table) ? `[[${table}]]` : `[${table}]`;
}

/** What a person calls the setting at a path: `port`, `allowlist: item 2`. */
function settingName(path: Path): string {
  const at = path.findLastIndex((part) => typeof part === "string");
  const items = path.slice(at + 1).map((number) => `: item ${Number(number) + 1}`);
  return `${path[at] ?? "the file"}${items.join("")}`;
}

function kind(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "string") return "text";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return "a table";
}

/** Unknown keys of one table that are explained; a table with more is no fleet's. */
const ENOUGH = 500;

const EXPECTED: { readonly [type: string]: string } = {
  string: "text in quotes",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a table",
};

/** Keys that each table may have, by the name of the table: `""` is an agent itself, `tools` one of its tools. */
const TABLES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({ "": agentSchema([]).shape, ...tables() }).map(([name, shape]) => [name, Object.keys(shape)]),
);

function tables() {
  const { model, tools, channels, memory, security, docker, network, schedule } = agentSchema([]).shape;
  const schedules = schedule.unwrap().shape;
  return {
    model: model.unwrap().shape,
    tools: tools.unwrap().element.shape,
    channels: channels.unwrap().element.shape,
    memory: memory.unwrap().shape,
    security: security.unwrap().shape,
    docker: docker.unwrap().shape,
    network: network.unwrap().shape,
    schedule: schedules,
    "schedule.cron": schedules.cron.unwrap().element.shape,
  };
}

function unknownKey(key: string, table: Path): string {
  const root = table[0] === "defaults" ? "defaults" : "agent";
  const inside = table
    .slice(1)
    .filter((part) => typeof part === "string")
    .join(".");
  const known = (TABLES.get(inside) ?? []).filter((name) => root !== "defaults" || inside !== "" || (name !== "name" && name !== "port"));
  const what = `unknown key ${quote(key)} in ${tableName(table)}`;
  if (table[0] === "defaults" && inside === "" && (key === "name" || key === "port")) {
    return `${key} cannot be in [defaults]: every claw has its own; write it in its [[agent]]`;
  }
  const close = nearest(key, known);
  if (close) return `${what}; did you mean ${close}?`;
  const homes = [...TABLES].filter(([name, keys]) => name !== inside && name !== "" && key !== "name" && keys.includes(key));
  if (homes.length > 0) return `${what}; it belongs in ${homes.map(([name]) => header(`${root}.${name}`)).join(" or ")}`;
  return `${what}; it has: ${known.join(", ")}${inside === "" ? ` (the runtime's own keys go into [${root}.extras])` : ""}`;
}

function oneOf(path: Path, values: readonly string[], value: string): string {
  const setting = settingName(path);
  const close = nearest(value, values);
  const all = values.join(", ");
  if (setting === "runtime") return `there is no runtime ${quote(value)}${close ? `; did you mean ${close}?` : ""} (known: ${all})`;
  if (values.length === 1) return `${setting} must be ${JSON.stringify(all)}, not ${quote(value)}`;
  return `${setting} must be one of ${all}, not ${quote(value)}${close ? `; did you mean ${close}?` : ""}`;
}

function wrongType(path: Path, expected: string, value: unknown): string {
  const parent = path.slice(0, -1);
  if (value === undefined) return `${String(path.at(-1))} is missing in ${tableName(parent)}`;
  const must = `${settingName(path)} must be ${EXPECTED[expected] ?? expected}, not ${kind(value)}`;
  if (expected !== "string" && typeof value === "string" && /^(\d+(\.\d+)?|true|false)$/.test(value))
    return `${must}; write it without quotes`;
  if (expected === "object" && typeof path.at(-1) === "number") return `${must}; write ${tableName(path)} with the keys below it`;
  if (expected === "array" && typeof value === "object" && !Array.isArray(value))
    return `${must}; write [${tableName(path)}] with two brackets`;
  if (expected === "object" && Array.isArray(value)) return `${must}; write ${tableName(path)} with one pair of brackets`;
  return must;
}

/** A name in the form that names have, from one that has not; undefined when nothing is left of it. */
function asName(value: string): string | undefined {
  const name = value
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  return name === "" ? undefined : name;
}

/** Settings that people put keys into; whatever is wrong with them, their values are not shown. */
const SILENT = /_ref$|_url$/;

function echo(value: unknown): string {
  if (typeof value === "number") return `, not ${value}`;
  return typeof value === "string" && value !== "" ? `, not ${quote(value)}` : "";
}

/**
 * An issue of one of the schemas in schema.ts, as sentences that say what to do.
 *
 * @param place where the setting is, in a claw that has the defaults under it
 * @param value what is there
 * @param origin where the file has it: at the agent or in the defaults
 */
export function explain(
  issue: z.core.$ZodIssue,
  place: Path,
  value: unknown,
  origin: (path: Path) => Path,
): { path: Path; message: string }[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, ENOUGH).map((key) => {
      const path = origin([...place, key]);
      return { path, message: unknownKey(key, path.slice(0, -1)) };
    });
  }
  const path = origin(place);
  const choice = issue.code === "invalid_value" ? issue.values.filter((v) => typeof v === "string") : [];
  if (choice.length > 0) {
    const message =
      typeof value === "string"
        ? oneOf(path, choice, value)
        : `${wrongType(path, "string", value)} (${choice.length === 1 ? JSON.stringify(choice[0]) : `one of ${choice.join(", ")}`})`;
    return [{ path, message }];
  }
  if (issue.code === "invalid_value" && typeof value !== "boolean") return [{ path, message: wrongType(path, "boolean", value) }];
  if (issue.code === "invalid_type") return [{ path, message: wrongType(path, issue.expected, value) }];
  const isName = path.length === 3 && path[0] === "agent" && path[2] === "name" && typeof value === "string";
  const suggestion = isName && asName(value) ? `; ${JSON.stringify(asName(value))} would do` : "";
  const shown = SILENT.test(String(path.at(-1))) ? "" : echo(value);
  return [{ path, message: `${settingName(path)} ${issue.message}${shown}${suggestion}` }];
}
