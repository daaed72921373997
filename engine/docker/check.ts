import { createHash } from "node:crypto";
import { isProps, type Props, UNKNOWN, type Value } from "../plugin/value.ts";
import type { Field, Fields } from "./schema.ts";

export interface Checked {
  readonly inputs: Props;
  /** One sentence each, naming the input; empty = good. */
  readonly failures: readonly string[];
}

/** How a resource gets its name when the program gives none. */
export interface Autoname {
  /** Name of the resource in the program. */
  readonly logical: string;
  /** Random bytes of the engine, the same in preview and update. */
  readonly seed: Uint8Array;
  /** A name that the project's configuration proposes. */
  readonly proposed?: string;
  /** The project's configuration forbids made-up names. */
  readonly forbidden?: boolean;
}

const article = (field: Field): string =>
  ({
    string: "a string",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    set: "a list",
    map: "a map of strings",
    object: "an object",
  })[field.type];

function hasType(field: Field, value: Value): boolean {
  switch (field.type) {
    case "string":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "int":
      return typeof value === "number" && Number.isInteger(value);
    case "list":
    case "set":
      return Array.isArray(value);
    case "map":
      return isProps(value) && Object.values(value).every((item) => typeof item === "string");
    case "object":
      return isProps(value);
  }
}

const supported = (fields: Fields): string =>
  Object.entries(fields)
    .filter(([, field]) => !field.unsupported && !field.output)
    .map(([name]) => name)
    .sort()
    .join(", ");

class Checker {
  readonly failures: string[] = [];
  readonly logical: string;

  constructor(logical: string) {
    this.logical = logical;
  }

  fail(text: string, path: string): void {
    this.failures.push(`${text}. Examine values at '${this.logical}.${path}'.`);
  }

  value(field: Field, value: Value, path: string): Value {
    if (value === UNKNOWN) return value;
    if (!hasType(field, value)) {
      this.fail(`expected ${article(field)}`, path);
      return value;
    }
    const problem = field.check?.(value);
    if (problem !== undefined) this.fail(problem, path);
    if (field.fields && isProps(value)) return this.object(field.fields, value, `${path}.`);
    if (field.of && Array.isArray(value)) {
      const of = field.of;
      return value.map((item, i) => this.value(of, item, `${path}[${i}]`));
    }
    return value;
  }

  object(fields: Fields, props: Props, prefix: string): Props {
    const inputs: Props = {};
    const defaults: string[] = [];
    for (const [name, value] of Object.entries(props)) {
      if (name.startsWith("__") || value === null) continue;
      const field = fields[name];
      if (!field || field.output) {
        this.fail(`unknown input '${name}': known are ${supported(fields)}`, prefix + name);
      } else if (field.unsupported) {
        this.fail(
          `input '${name}' is not implemented by this stand-in for the docker plugin (${field.unsupported}). It implements: ${supported(fields)}`,
          prefix + name,
        );
      } else inputs[name] = this.value(field, value, prefix + name);
    }
    for (const [name, field] of Object.entries(fields)) {
      if (inputs[name] !== undefined) continue;
      if (field.default !== undefined) {
        inputs[name] = field.default;
        defaults.push(name);
      } else if (field.required) {
        this.fail(`Missing required property '${name}'`, prefix + name);
      }
    }
    inputs.__defaults = defaults.sort();
    return inputs;
  }
}

/**
 * Checks a resource's inputs as the official plugin does, and adds the defaults it adds, named in `__defaults` of each object.
 * What this plugin does not implement is a failure that names the input, at any depth. Unknown values are taken as they are.
 */
export function check(fields: Fields, news: Props, olds: Props, autoname: Autoname, named: boolean): Checked {
  const checker = new Checker(autoname.logical);
  const inputs = checker.object(fields, news, "");
  if (named && inputs.name === undefined) {
    const before = Array.isArray(olds.__defaults) && olds.__defaults.includes("name") ? olds.name : undefined;
    if (autoname.forbidden) checker.fail("Missing required property 'name': the project's configuration turns automatic names off", "name");
    const digest = createHash("sha256").update(autoname.seed).digest("hex").slice(0, 7);
    inputs.name = before ?? autoname.proposed ?? `${autoname.logical}-${digest}`;
    if (Array.isArray(inputs.__defaults)) inputs.__defaults = [...inputs.__defaults, "name"].sort();
  }
  return { inputs, failures: checker.failures };
}
