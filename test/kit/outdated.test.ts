import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { isNewer, releases, table } from "../../runtimes/outdated.ts";
import type { Descriptor } from "../../runtimes/runtime.ts";

const descriptors = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
const [sample] = descriptors;
if (sample === undefined) throw new Error("there is no runtime");

/** A descriptor of which only what is asked matters. */
const pinnedAt = (version: string, upstream: Descriptor["upstream"], source = sample.source): Descriptor => ({
  ...sample,
  name: "sample",
  version,
  upstream,
  source,
});

const scratch = mkdtempSync(join(tmpdir(), "clawfleet-outdated-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test.each([
  ["2026.10.1", "2026.9.6", true],
  ["v0.2.10", "v0.2.9", true],
  ["2.1", "v2.0.64", true],
  ["1.3.0", "1.3", false],
  ["0.8.7", "0.8.7", false],
  ["v2026.2.26", "2026.5.29", false],
])("%s is newer than %s: %s", (version, than, newer) => {
  expect(isNewer(version, than)).toBe(newer);
});

describe("a git repository", () => {
  const git = (...args: string[]) => execFileSync("git", ["-C", scratch, ...args], { stdio: "pipe" });
  git("init", "--quiet");
  git("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--allow-empty", "--message", "one");
  for (const tag of ["v2.0.9", "v2.0.64", "v2.1.0-beta.1", "other-v9.0.0"]) git("tag", tag);
  const upstream = { kind: "git", tags: "^v(\\d+\\.\\d+\\.\\d+)$" } as const;

  test("tells its newest tag of the right form, not the first or the last in the alphabet", async () => {
    const answers = await releases([pinnedAt("v2.0.64", upstream, scratch), pinnedAt("v2.0.9", upstream, scratch)]);
    expect(answers).toEqual([
      { runtime: "sample", pinned: "v2.0.64", newest: "2.0.64", state: "current" },
      { runtime: "sample", pinned: "v2.0.9", newest: "2.0.64", state: "newer release" },
    ]);
  });

  test("may be another one, from CLAWFLEET_BUILD_ARGS", async () => {
    vi.stubEnv("CLAWFLEET_BUILD_ARGS", JSON.stringify({ sample: { REPO: scratch } }));
    try {
      expect(await releases([pinnedAt("v2.0.64", upstream, join(scratch, "nowhere"))])).toMatchObject([{ state: "current" }]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("that is not there, or has no such tag, is an answer that says so", async () => {
    const answers = await releases([
      pinnedAt("v2.0.64", upstream, join(scratch, "nowhere")),
      pinnedAt("v2.0.64", { kind: "git", tags: "^release-(.*)$" }, scratch),
    ]);
    expect(answers.map(({ state }) => state)).toEqual(["unknown", "unknown"]);
    expect(answers[0]?.reason).toContain("does not appear to be a git repository");
    expect(answers[1]?.reason).toMatch(/^no release in the list of /);
  });
});

test("the registries' clients are asked as they are, and understood", async () => {
  const said: Record<string, string> = {
    "npm view it dist-tags.latest": "2026.10.1\n",
    "go list -m -versions example.com/it": "example.com/it v0.1.0 v0.2.10 v0.2.9 v0.3.0-rc.1\n",
    "cargo info it": "it #tag\nWhat it is\nversion: 0.1.7 (latest 0.8.7)\nlicense: MIT\n",
  };
  const run = (command: string, args: readonly string[]) => Promise.resolve(said[[command, ...args].join(" ")] ?? "");
  const of = (kind: "npm" | "go" | "crates", name: string, version: string) => pinnedAt(version, { kind, name });
  const answers = await releases(
    [of("npm", "it", "2026.9.6"), of("go", "example.com/it", "v0.2.10"), of("crates", "it", "0.8.7"), of("crates", "another", "1.0.0")],
    run,
  );
  expect(answers.map(({ newest, state }) => [newest, state])).toEqual([
    ["2026.10.1", "newer release"],
    ["v0.2.10", "current"],
    ["0.8.7", "current"],
    [undefined, "unknown"],
  ]);
});

test("the real sources: every runtime has an answer, and a registry that can be reached tells a release", async () => {
  const answers = await releases(descriptors);
  expect(answers.map(({ runtime }) => runtime)).toEqual(runtimeNames());
  for (const { newest, state, reason, runtime } of answers) {
    if (state === "unknown") expect(reason, runtime).toMatch(/\S/);
    else expect(newest, runtime).toMatch(/\d+\.\d+/);
  }
  // npm and crates.io are what the set-up itself needs.
  expect(answers.filter(({ runtime }) => ["openclaw", "zeroclaw"].includes(runtime)).map(({ state }) => state)).not.toContain("unknown");
}, 60_000);

test("what a client says is shown without the user and password of its address", async () => {
  const [answer] = await releases([pinnedAt("1.0.0", { kind: "git", tags: "(.*)" }, "https://somebody:hunter2@127.0.0.1:1/it")]);
  expect(answer?.state).toBe("unknown");
  expect(JSON.stringify(answer)).not.toContain("hunter2");
  expect(table(answer === undefined ? [] : [answer])).toMatch(/^RUNTIME +PINNED +NEWEST +STATE\nsample +1\.0\.0 +\? +unknown: \S/);
});
