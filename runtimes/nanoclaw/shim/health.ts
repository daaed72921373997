/** Whether the claw works: each of its parts is asked, the answers of a second are shared. */
import { join } from "node:path";
import { query } from "./chat.ts";
import { ncl } from "./ncl.ts";
import { docker } from "./self.ts";

export type Health =
  | { readonly status: "ok" }
  | {
      readonly status: "unavailable";
      /** What does not work, by part, in the part's own words. */
      readonly failed: { readonly [check: string]: string };
    };

/** A part of the claw: resolves when it works, throws what is wrong. */
export type Check = () => Promise<void>;

/** The checks of a NanoClaw in `home`. `process` says why it is not (yet) running. */
export function checks(home: string, process: () => string | undefined): { readonly [name: string]: Check } {
  return {
    docker: async () => {
      await docker(["version", "--format", "{{.Server.Version}}"], 4);
    },
    process: async () => {
      const problem = process();
      if (problem !== undefined) throw new Error(problem);
    },
    control: async () => {
      await ncl(join(home, "data", "ncl.sock"), "groups-list", {}, 4);
    },
    database: async () => {
      query(join(home, "data", "v2.db"), "select count(*) from agent_groups");
    },
  };
}

/** Asks all parts at once; an answer holds for a second, so that asking often costs no more. */
export function healthOf(all: { readonly [name: string]: Check }, now: () => number = () => performance.now()): () => Promise<Health> {
  let last: { readonly at: number; readonly health: Promise<Health> } | undefined;
  return () => {
    if (last === undefined || now() - last.at > 1000) last = { at: now(), health: ask(all) };
    return last.health;
  };
}

async function ask(all: { readonly [name: string]: Check }): Promise<Health> {
  const failed: [string, string][] = [];
  await Promise.all(
    Object.entries(all).map(async ([name, check]) => {
      try {
        await check();
      } catch (error) {
        failed.push([name, error instanceof Error ? error.message : String(error)]);
      }
    }),
  );
  return failed.length === 0 ? { status: "ok" } : { status: "unavailable", failed: Object.fromEntries(failed.sort()) };
}
