import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);
const files = globSync(["runtimes/**/Dockerfile", "runtimes/**/*.Dockerfile", "test/**/*.Dockerfile"], { cwd: root }).sort();

let hadolint = "";
let dir = "";
beforeAll(async () => {
  hadolint = (await run(join(root, "engine/lint-tool.sh"), ["hadolint"])).stdout.trim();
  dir = await mkdtemp(join(tmpdir(), "clawfleet-dockerfiles-"));
}, 300_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What hadolint says of a Dockerfile; nothing when it is content. */
async function findings(file: string): Promise<string> {
  // No settings but those in the file itself: an ignored rule stands where its reason does.
  const { stdout } = await run(hadolint, ["--no-color", "--no-fail", "--config", "/dev/null", file], { cwd: root });
  return stdout;
}

test("all runtimes' Dockerfiles are looked at", () => {
  expect(files.length).toBeGreaterThanOrEqual(6);
});

describe.each(files)("%s", (file) => {
  test("hadolint finds nothing", async () => {
    expect(await findings(file)).toBe("");
  });

  test("each rule that it is told to ignore has its reason in the line before", async () => {
    const lines = (await readFile(join(root, file), "utf8")).split("\n");
    const unexplained = lines.filter(
      (line, i) => /hadolint +(global +)?ignore/.test(line) && !/^# [A-Z`]?\w.{20,}/.test(lines[i - 1] ?? ""),
    );
    expect(unexplained).toEqual([]);
  });
});

test("hadolint does find what is wrong, in a shell command too", async () => {
  const file = join(dir, "Dockerfile");
  await writeFile(file, "FROM debian:latest\nRUN cd /tmp && apt-get install curl\nRUN rm $name\n");
  const found = await findings(file);
  for (const rule of ["DL3007", "DL3003", "DL3008", "SC2086"]) expect(found).toContain(rule);
});
