import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import type { Json } from "../../fleet/types.ts";
import type { Descriptor } from "../runtime.ts";
import { composeVariables } from "./compose.ts";
import { type Setting, settingsOf } from "./settings.ts";

/** Keys of the longest path that is listed; deeper ones are set through their parent. */
const deepest = 5;

export interface EnvExampleSources {
  /** JSON Schema of the runtime's own configuration. */
  readonly schema: unknown;
  /** Text of `config.<format>`. */
  readonly config: string;
  /** Text of `.env.head`: hand-written, the settings that people want first. @default none */
  readonly head?: string;
}

/** `.env.example`: every variable of the container, those that need no value commented out. */
export function envExample(descriptor: Descriptor, { schema, config, head = "" }: EnvExampleSources): string {
  const { title, version, variables, envPrefix, env } = descriptor;
  const table = parseConfig(descriptor, config);
  const nameOf = (path: readonly string[]) => envPrefix + path.join("__");
  // What the container sets itself wins over this file.
  const settings = settingsOf(schema, deepest).filter(({ path }) => !(nameOf(path) in env));
  const lines = [
    `# Settings of a container of ${title} ${version}, for docker compose (it reads .env beside docker-compose.yml) or docker run --env-file.`,
    "#",
    "#   cp .env.example .env && chmod 600 .env",
    "#",
    '# One NAME=value a line, byte for byte: no quotes, no spaces around "=", no comment after a value. What is commented out has the value shown',
    "# where it is a default, else an example of its form. Written by `node runtimes/generate.ts`; what is edited here is lost.",
    "",
    "# ---- Secrets and the like",
    "",
    "# NAME_FILE=/path/in/the/container gives any NAME here its value from a file.",
    ...variables.flatMap(({ name, about, required, default: value = "" }) => [
      `# ${about.slice(0, 1).toUpperCase()}${about.slice(1)}${required ? ". Required." : ""}`,
      `${required ? "" : "#"}${name}=${value}`,
    ]),
    "",
    "# ---- docker-compose.yml's own; docker run has options for these",
    "",
    ...composeVariables(descriptor, "CLAW_").flatMap((each) => [`# ${each.about}`, `#${each.name}=${each.default}`]),
    "",
    ...(head === "" ? [] : ["# ---- Often wanted", "", head.trim(), ""]),
    `# ---- Every key of ${title}'s configuration: ${envPrefix}<path>=<value>, the path's keys joined by two underscores, as ${title} writes them. A number is`,
    `# an index in a list, NAME a name of your own, and what is not listed is part of a value: lists and objects are JSON. An unknown key stops the start.`,
    ...sections(settings, table, nameOf),
    "",
  ];
  return lines.join("\n");
}

function parseConfig({ config }: Descriptor, text: string): Json {
  return z.json().parse(config.format === "json" ? JSON.parse(text) : parseToml(text));
}

/** The value at a path, where the configuration has one. */
function valueAt(value: Json, path: readonly string[]): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(value)) {
    const entry = /^\d+$/.test(key) ? value[Number(key)] : undefined;
    return entry === undefined ? undefined : valueAt(entry, rest);
  }
  if (typeof value !== "object" || value === null) return undefined;
  const member = value[key];
  return member === undefined ? undefined : valueAt(member, rest);
}

const written = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

function* sections(settings: readonly Setting[], config: Json, nameOf: (path: readonly string[]) => string): Generator<string> {
  let top: string | undefined;
  let shared: Setting["alike"];
  for (const { path, sample, secret, values, about, alike } of settings) {
    if (path[0] !== top) {
      top = path[0];
      yield "";
      yield `# ${top}`;
    }
    if (alike !== undefined && alike !== shared) {
      yield `# ${nameOf(path.slice(0, alike.at + 1))}... likewise with ${alike.keys.join(", ")} for ${path[alike.at]}`;
    }
    shared = alike;
    const given = valueAt(config, path);
    const notes = [
      about,
      given === undefined ? undefined : "the image's default",
      secret ? "a secret" : undefined,
      values.length > 1 ? `one of ${values.map(written).join(", ")}` : undefined,
    ];
    const note = notes.filter((each) => each !== undefined).join("; ");
    if (note !== "") yield `# ${note}`;
    yield `#${nameOf(path)}=${written(given ?? sample)}`;
  }
}
