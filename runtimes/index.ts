import { existsSync, readdirSync } from "node:fs";
import type { Runtime } from "./runtime.ts";

const here = new URL(".", import.meta.url);

/** Names of all runtimes, sorted: the folders beside this file that hold a runtime.ts. */
export function runtimeNames(): string[] {
  return readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/runtime.ts`, here)))
    .map((entry) => entry.name)
    .sort();
}

/**
 * The named runtimes. Only these are imported: a runtime's schema may be large, and most fleets use two or three.
 *
 * @param names Folder names, repeats allowed; an unknown one is an error (a loaded fleet has none).
 */
export async function loadRuntimes(names: Iterable<string>): Promise<ReadonlyMap<string, Runtime>> {
  const wanted = [...new Set(names)].sort();
  return new Map(
    await Promise.all(
      wanted.map(async (name): Promise<[string, Runtime]> => {
        const { runtime }: { runtime?: Runtime } = await import(new URL(`${name}/runtime.ts`, here).href);
        if (runtime === undefined) throw new Error(`runtimes/${name}/runtime.ts does not export "runtime"`);
        return [name, runtime];
      }),
    ),
  );
}
