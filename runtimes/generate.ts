/**
 * Writes what follows from each runtime's descriptor, schema and default configuration:
 *
 * - in its folder `runtime.json` (what the entrypoint in the image needs), `schema.json` (JSON Schema of its own configuration, which `native.ts`
 *   exports as zod, named `schema`), `docker-compose.yml` and `.env.example`;
 * - `.github/workflows/<name>.yml`, which publishes its image;
 * - for all together `docker-compose.fleet.yml`, and `docs/runtimes.md`: what each setting of a fleet file becomes.
 *
 *     node runtimes/generate.ts [NAME...]           write them (all runtimes, else the named ones and nothing common)
 *     node runtimes/generate.ts --check [NAME...]   write nothing; exit 1 and name the stale files
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { companionsOf, composeFile, NO_COMPANIONS } from "./generated/compose.ts";
import { envExample } from "./generated/env-example.ts";
import { fleetCompose } from "./generated/fleet.ts";
import { type Layout, layoutHere } from "./generated/layout.ts";
import { workflow } from "./generated/workflow.ts";
import { loadRuntimes, runtimeNames } from "./index.ts";
import { mappingDoc } from "./mapping.ts";
import type { Descriptor, Runtime } from "./runtime.ts";

export interface Generated {
  /** Absolute path. */
  readonly file: string;
  readonly content: string;
}

/** This repository. */
const root = join(import.meta.dirname, "..");

/** Contents of `runtime.json`: where the entrypoint finds things in the image, and what it may take for healthy. */
export function runtimeJson(descriptor: Descriptor): string {
  const { name, envPrefix, config, stateDir, command, port, health, front, keepFiles } = descriptor;
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
    ...(keepFiles && { keepFiles }),
    health: { port, path: health.path, expect: health.expect, startupSeconds: health.startupSeconds },
    ...(front && { front: { listen: port, upstreamPort: front.upstreamPort, rewrite: front.rewrite } }),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Contents of `schema.json`. Input side: what a user may write, so members with a default are optional. */
export function schemaJson(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { io: "input", reused: "ref" }))}\n`;
}

/** What the generators read beside the descriptor: the schema, and a file of the runtime's folder by its name (undefined = there is none). */
export interface Sources {
  readonly schema: z.ZodType;
  read(name: string): string | undefined;
}

/** Everything that is generated for one runtime, wherever it lives: path from its repository's root, and content. */
export function filesOf(
  descriptor: Descriptor,
  { schema, read }: Sources,
  layout: Layout,
): { readonly path: string; readonly content: string }[] {
  const at = (name: string) => posix.join(layout.folder, name);
  const configFile = `config.${descriptor.config.format}`;
  const config = read(configFile);
  if (config === undefined) throw new Error(`${at(configFile)} is missing`);
  const schemaText = schemaJson(schema);
  const head = read(".env.head");
  const companions = companionsIn(descriptor, read);
  return [
    { path: at("runtime.json"), content: runtimeJson(descriptor) },
    { path: at("schema.json"), content: schemaText },
    { path: at("docker-compose.yml"), content: composeFile(descriptor, layout, companions) },
    {
      path: at(".env.example"),
      content: envExample(descriptor, { schema: JSON.parse(schemaText), config, ...(head !== undefined && { head }) }),
    },
    { path: layout.workflow, content: workflow(descriptor, layout) },
  ];
}

function companionsIn({ name }: Descriptor, read: Sources["read"]) {
  const text = read("compose.services.yml");
  return text === undefined ? NO_COMPANIONS : companionsOf(name, text);
}

/**
 * The generated files as they should be.
 *
 * @param only Folder names of the runtimes whose own files are wanted. @default those of all, and what is common to them
 */
export async function generate(only?: readonly string[]): Promise<Generated[]> {
  const names = only ?? runtimeNames();
  const runtimes = [...(await loadRuntimes(names)).values()];
  const reader = (folder: string) => (name: string) => {
    const file = join(root, "runtimes", folder, name);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  };
  const files: Generated[] = [];
  const subjects: { runtime: Runtime; schema: z.ZodType }[] = [];
  for (const runtime of runtimes) {
    const { descriptor } = runtime;
    const { name } = descriptor;
    const { schema }: { schema?: z.ZodType } = await import(pathToFileURL(join(root, "runtimes", name, "native.ts")).href);
    if (schema === undefined) throw new Error(`runtimes/${name}/native.ts must export "schema"`);
    subjects.push({ runtime, schema });
    const made = filesOf(descriptor, { schema, read: reader(name) }, layoutHere(name));
    files.push(...made.map(({ path, content }) => ({ file: join(root, path), content })));
  }
  if (only === undefined) {
    const members = runtimes.map(({ descriptor }) => ({ descriptor, companions: companionsIn(descriptor, reader(descriptor.name)) }));
    files.push({ file: join(root, "docker-compose.fleet.yml"), content: fleetCompose(members) });
    files.push({ file: join(root, "docs/runtimes.md"), content: mappingDoc(subjects) });
  }
  return files;
}

/** The generated files that differ from what is on disk. */
export async function stale(only?: readonly string[]): Promise<Generated[]> {
  return (await generate(only)).filter(({ file, content }) => !existsSync(file) || readFileSync(file, "utf8") !== content);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const args = process.argv.slice(2);
  const check = args.includes("--check");
  const named = args.filter((arg) => arg !== "--check");
  const changed = await stale(named.length === 0 ? undefined : named);
  for (const { file, content } of changed) {
    if (!check) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    console.log(`${check ? "stale: " : "wrote "}${relative(process.cwd(), file)}`);
  }
  if (check && changed.length > 0) {
    console.error("run: node runtimes/generate.ts");
    process.exitCode = 1;
  }
}
