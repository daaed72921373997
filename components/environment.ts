import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { z } from "zod";
import { suggestion } from "../fleet/problems.ts";
import type { Descriptor } from "../runtimes/runtime.ts";

/** Environment as a map; an empty value counts as absent, as in a `.env` copied from its example. */
export type Environment = { readonly [name: string]: string | undefined };

/** The process's environment over that of the `.env` file in `dir`, if there is one. */
export function environment(dir: string, env: Environment = process.env): Environment {
  const file = join(dir, ".env");
  return existsSync(file) ? { ...parseEnv(readFileSync(file, "utf8")), ...env } : env;
}

/** Base images by build argument (`{ DEBIAN: "..." }`). */
export type Bases = { readonly [arg: string]: string };

/**
 * Base images to build on instead of the runtimes' digest-pinned defaults, from the JSON object in `CLAWFLEET_BASES`.
 * Undefined when the text is something else.
 */
export function parseBases(text: string | undefined): Bases | undefined {
  return parseJson(text, z.record(z.string(), z.string()));
}

/** What to say when `parseBases` gives nothing. */
export const basesMessage = 'CLAWFLEET_BASES must be a JSON object of build argument to image: {"DEBIAN": "debian:bookworm-slim"}';

/** Build arguments by runtime (`{ nullclaw: { REPO: "..." } }`). */
export type BuildArgs = { readonly [runtime: string]: { readonly [arg: string]: string } };

/**
 * Build arguments to use instead of the runtimes' own, from the JSON object in `CLAWFLEET_BUILD_ARGS`: where else a runtime's
 * source is, say. Undefined when the text is something else.
 */
export function parseBuildArgs(text: string | undefined): BuildArgs | undefined {
  return parseJson(text, z.record(z.string(), z.record(z.string(), z.string())));
}

/** What to say when `parseBuildArgs` gives nothing. */
export const buildArgsMessage =
  'CLAWFLEET_BUILD_ARGS must be a JSON object of runtime to build arguments: {"nullclaw": {"REPO": "https://git.example.org/nullclaw"}}';

/**
 * What in these build arguments means nothing: a line each.
 *
 * @param names All runtimes.
 * @param used Those whose arguments are looked at.
 */
export function unknownBuildArgs(buildArgs: BuildArgs, names: readonly string[], used: readonly Descriptor[]): string[] {
  const variable = "CLAWFLEET_BUILD_ARGS";
  const runtimes = Object.keys(buildArgs).filter((name) => !names.includes(name));
  return [
    ...runtimes.map((name) => `${variable}: there is no runtime "${name}"${suggestion(name, names)}`),
    ...[...new Set(used)].flatMap(({ name, buildArgs: own }) =>
      Object.keys(buildArgs[name] ?? {})
        .filter((arg) => !Object.hasOwn(own, arg))
        .map((arg) => `${variable}: the image of ${name} has no build argument "${arg}"${suggestion(arg, Object.keys(own))}`),
    ),
  ];
}

/** Undefined when the text is not JSON of this form; no text is an empty object. */
function parseJson<T extends z.ZodType>(text: string | undefined, form: T): z.output<T> | undefined {
  try {
    return form.safeParse(JSON.parse(text || "{}")).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
