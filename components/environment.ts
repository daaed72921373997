import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

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
  if (!text) return {};
  try {
    const parsed: unknown = JSON.parse(text);
    const entries = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? Object.entries(parsed) : undefined;
    const bases = entries?.filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return bases !== undefined && bases.length === entries?.length ? Object.fromEntries(bases) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What to say when `parseBases` gives nothing. */
export const basesMessage = 'CLAWFLEET_BASES must be a JSON object of build argument to image: {"DEBIAN": "debian:bookworm-slim"}';
