import { z } from "zod";
import { fileSchema } from "./schema.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/**
 * JSON Schema (draft 7, which editors' TOML plugins read) of a fleet file: what completes and checks the file while it is written. The
 * loader checks more: rules between claws, and what a claw still lacks when the defaults are under it.
 *
 * @param runtimes the values of `runtime`
 */
export function fleetJsonSchema(runtimes: readonly string[]): JsonSchema {
  return { title: "Clawfleet fleet file", ...z.toJSONSchema(fileSchema(runtimes), { target: "draft-7", io: "input" }) };
}

/** `fleet/fleet.schema.json` as it should be. */
export function schemaFile(runtimes: readonly string[]): string {
  return `${JSON.stringify(fleetJsonSchema(runtimes), null, 2)}\n`;
}

const [BEGIN, END] = ["<!-- settings: written by node fleet/generate.ts -->", "<!-- end of settings -->"];

/** A document with the table of all settings renewed between its two markers. */
export function withSettings(document: string): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the document lacks the lines ${BEGIN} and ${END}`);
  const agent = below(object(fleetJsonSchema(["any"]).properties?.agent));
  const rows = ["| setting | type | default | meaning |", "| --- | --- | --- | --- |", ...settings(agent, "")];
  return `${before}${BEGIN}\n${rows.join("\n")}\n${END}${after}`;
}

/** Required of a claw, though the defaults may say it for all. */
const REQUIRED = new Set(["runtime", "model.provider", "model.name"]);

/** A row for each setting, the settings of a table below the table's own. */
function settings(table: JsonSchema, prefix: string): string[] {
  return Object.entries(table.properties ?? {}).flatMap(([key, value]) => {
    const schema = object(value);
    const path = `${prefix}${key}`;
    const type = path === "runtime" ? "string" : typeOf(schema);
    const required = table.required?.includes(key) === true || REQUIRED.has(path);
    const otherwise = schema.default === undefined ? "" : `\`${JSON.stringify(schema.default)}\``;
    const row = `| \`${path}\` | ${type} | ${required ? "required" : otherwise} | ${schema.description ?? ""} |`;
    return [row, ...settings(below(schema), `${path}${schema.type === "array" ? "[]" : ""}.`)];
  });
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.type === "array") return below(schema).type === "object" ? "list of tables" : `list of ${below(schema).type}s`;
  return schema.type === "object" ? "table" : String(schema.type);
}

/** What a list holds, or a table itself. */
function below(schema: JsonSchema): JsonSchema {
  return schema.type === "array" && !Array.isArray(schema.items) ? object(schema.items) : schema;
}

function object(schema: boolean | JsonSchema | undefined): JsonSchema {
  return typeof schema === "object" ? schema : {};
}
