/**
 * Says for each runtime which upstream version is pinned here and which is the newest released, asking where its descriptor says.
 *
 *     node runtimes/outdated.ts [--json]
 *
 * npm, Go's module proxy and crates.io are asked with `npm`, `go` and `cargo`, as this machine has them set up; git repositories with `git`, at the
 * REPO of CLAWFLEET_BUILD_ARGS where that has one (`{"nullclaw": {"REPO": "git://mirror.example.com/nullclaw"}}`). Each has 30 seconds.
 *
 * Exit code 0, whatever the answers; a source that cannot be reached is an answer too. 2 for a wrong option.
 */
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { loadRuntimes, runtimeNames } from "./index.ts";
import type { Descriptor } from "./runtime.ts";

const timeoutSeconds = 30;

/** One runtime's answer. */
export interface Release {
  readonly runtime: string;
  /** As the descriptor has it. */
  readonly pinned: string;
  /** Newest upstream release, as upstream's list has it; undefined = it could not be found out. */
  readonly newest: string | undefined;
  readonly state: "current" | "newer release" | "unknown";
  /** Why it is unknown. */
  readonly reason?: string;
}

/** Runs a client and gives its stdout. @throws Error with what the client said. */
export type Ask = (command: string, args: readonly string[]) => Promise<string>;

const ask: Ask = (command, args) =>
  new Promise((resolve, reject) => {
    // Not in the checkout: its .npmrc and go.mod are not what is asked about.
    const env = { ...process.env, GIT_TERMINAL_PROMPT: "0", GOTOOLCHAIN: "local", CARGO_TERM_QUIET: "true" };
    execFile(
      command,
      [...args],
      { cwd: tmpdir(), env, timeout: timeoutSeconds * 1000, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (error.killed) reject(new Error(`${command} gave no answer within ${timeoutSeconds} seconds`));
        else reject(new Error(complaint(stderr) ?? error.message.split("\n")[0]));
      },
    );
  });

/** The line of a client's stderr that says what is wrong, without the user and password that a mirror's address may hold. */
function complaint(text: string): string | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("npm warn"));
  const line = lines.find((each) => /^(fatal|error|npm error \d|go)\b/i.test(each)) ?? lines.at(-1);
  return line
    ?.trim()
    .replace(/\/\/[^/\s@]+@/g, "//")
    .slice(0, 300);
}

/** The numbers of a version: `v2026.9.6` is 2026, 9, 6. */
function numbersOf(version: string): number[] {
  return (/\d+(\.\d+)*/.exec(version)?.[0] ?? "").split(".").map(Number);
}

/** Whether the first version comes after the second, number by number. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(than)];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

const newestOf = (versions: readonly string[]): string | undefined =>
  versions.reduce<string | undefined>((best, each) => (best === undefined || isNewer(each, best) ? each : best), undefined);

/** The newest release that upstream lists, pre-releases left out. @throws Error when there is no answer, or none in it. */
async function newestRelease({ upstream, ...descriptor }: Descriptor, run: Ask, repository: string): Promise<string> {
  const list = async (): Promise<string[]> => {
    switch (upstream.kind) {
      case "npm":
        return [(await run("npm", ["view", upstream.name, "dist-tags.latest"])).trim()];
      case "go":
        return (await run("go", ["list", "-m", "-versions", upstream.name]))
          .trim()
          .split(/\s+/)
          .slice(1)
          .filter((each) => !each.includes("-"));
      case "crates": {
        // "version: 0.8.7", and where this machine's Rust is too old for the newest, "version: 0.1.7 (latest 0.8.7)".
        const [, version, latest] = /^version: (\S+)(?: \(latest (\S+)\))?/m.exec(await run("cargo", ["info", upstream.name])) ?? [];
        return [latest ?? version ?? ""];
      }
      case "git": {
        const form = new RegExp(upstream.tags);
        const lines = (await run("git", ["ls-remote", "--tags", "--refs", repository])).split("\n");
        return lines.flatMap((line) => form.exec(line.replace(/^.*refs\/tags\//, ""))?.[1] ?? []);
      }
    }
  };
  const newest = newestOf((await list()).filter((each) => /\d/.test(each)));
  if (newest === undefined) throw new Error(`no release in the list of ${descriptor.title}`);
  return newest;
}

/** REPO of CLAWFLEET_BUILD_ARGS, else upstream's home. */
function repositoryOf({ name, source }: Descriptor): string {
  const given = z.record(z.string(), z.record(z.string(), z.string())).parse(JSON.parse(process.env.CLAWFLEET_BUILD_ARGS || "{}"));
  return given[name]?.REPO ?? source;
}

/** Asks for every runtime at once. */
export function releases(descriptors: readonly Descriptor[], run: Ask = ask): Promise<Release[]> {
  return Promise.all(
    descriptors.map(async (descriptor): Promise<Release> => {
      const { name: runtime, version: pinned } = descriptor;
      try {
        const newest = await newestRelease(descriptor, run, repositoryOf(descriptor));
        return { runtime, pinned, newest, state: isNewer(newest, pinned) ? "newer release" : "current" };
      } catch (error) {
        return { runtime, pinned, newest: undefined, state: "unknown", reason: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

/** A table for people. */
export function table(found: readonly Release[]): string {
  const rows = found.map(({ runtime, pinned, newest = "?", state, reason }) => [
    runtime,
    pinned,
    newest,
    reason === undefined ? state : `${state}: ${reason}`,
  ]);
  const all = [["RUNTIME", "PINNED", "NEWEST", "STATE"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const args = process.argv.slice(2);
  const wrong = args.find((arg) => arg !== "--json");
  if (wrong !== undefined) {
    console.error(`unknown option "${wrong}"; usage: node runtimes/outdated.ts [--json]`);
    process.exitCode = 2;
  } else {
    const descriptors = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
    const found = await releases(descriptors);
    console.log(args.length > 0 ? JSON.stringify(found, null, 2) : table(found));
  }
}
