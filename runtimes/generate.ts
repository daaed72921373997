/**
 * Writes what is derived from each runtime's folder, into that folder:
 *
 * - `runtime.json`: the descriptor's facts that the entrypoint in the image needs;
 * - `schema.json`: JSON Schema of the runtime's own configuration (`native.ts` exports it as zod, named `schema`).
 *
 *     node runtimes/generate.ts           write them
 *     node runtimes/generate.ts --check   write nothing; exit 1 and name the stale files
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";
import type { Descriptor, Runtime } from "./runtime.ts";

export interface Generated {
  /** Absolute path. */
  readonly file: string;
  readonly content: string;
}

const here = new URL(".", import.meta.url);

/** Contents of `runtime.json`: where the entrypoint finds things in the image, and what it may take for healthy. */
export function runtimeJson(descriptor: Descriptor): string {
  const { name, envPrefix, config, stateDir, command, port, health } = descriptor;
  const value = {
    name,
    prefix: envPrefix,
    overrides: config.overrides,
    format: config.format,
    default: `/etc/claw/config.${config.format}`,
    schema: "/etc/claw/schema.json",
    config: config.path,
    stateDir,
    workspace: { from: "/etc/claw/workspace", to: descriptor.workspace ?? `${stateDir}/workspace` },
    command,
    health: { port, path: health.path, expect: health.expect, startupSeconds: health.startupSeconds },
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Contents of `schema.json`. Input side: what a user may write, so members with a default are optional. */
export function schemaJson(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { io: "input", reused: "ref" }))}\n`;
}

/** Every generated file of every runtime as it should be; a folder is a runtime when it holds a `runtime.ts`. */
export async function generate(): Promise<Generated[]> {
  const folders = readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/runtime.ts`, here)))
    .map((entry) => entry.name)
    .sort();
  const files: Generated[] = [];
  for (const folder of folders) {
    const { runtime }: { runtime?: Runtime } = await import(new URL(`${folder}/runtime.ts`, here).href);
    const { schema }: { schema?: z.ZodType } = await import(new URL(`${folder}/native.ts`, here).href);
    if (runtime === undefined || schema === undefined) {
      throw new Error(`runtimes/${folder}: runtime.ts must export "runtime" and native.ts "schema"`);
    }
    const at = (name: string) => fileURLToPath(new URL(`${folder}/${name}`, here));
    files.push({ file: at("runtime.json"), content: runtimeJson(runtime.descriptor) });
    files.push({ file: at("schema.json"), content: schemaJson(schema) });
  }
  return files;
}

/** The generated files that differ from what is on disk. */
export async function stale(): Promise<Generated[]> {
  return (await generate()).filter(({ file, content }) => !existsSync(file) || readFileSync(file, "utf8") !== content);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const changed = await stale();
  const check = process.argv.includes("--check");
  for (const { file, content } of changed) {
    if (!check) writeFileSync(file, content);
    console.log(`${check ? "stale: " : "wrote "}${relative(process.cwd(), file)}`);
  }
  if (check && changed.length > 0) {
    console.error("run: node runtimes/generate.ts");
    process.exitCode = 1;
  }
}
