import { spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const main = join(import.meta.dirname, "../../cli/main.ts");
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "clawfleet-main-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Runs the command line where the only programs are those in `dir` and Node. */
function clawfleet(first: string | { readonly [name: string]: string } = {}, ...rest: string[]) {
  const [more, args] = typeof first === "string" ? [{}, [first, ...rest]] : [first, rest];
  const env = { ...more, PATH: `${dir}:${dirname(process.execPath)}`, HOME: dir, DOCKER_HOST: `unix://${dir}/none.sock` };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env, cwd: dir, encoding: "utf8" });
  expect(stderr).not.toMatch(/^\s+at /m);
  return { code: status, stdout, stderr };
}

/** A `pulumi` that knows one stack, without claws. */
function fakePulumi(): void {
  const script = `#!/bin/sh
case "$*" in
  *"--stack none"*) echo "error: no stack named 'none' found" >&2; exit 6 ;;
  "stack export"*) echo '{"deployment":{}}' ;;
  "config"*) echo '{"clawfleet:fleet":{"value":"from-config.toml"},"secrets:x":{"secret":true}}' ;;
esac
`;
  writeFileSync(join(dir, "pulumi"), script, { mode: 0o755 });
}

test("--help goes to stdout; a wrong command line is exit code 2 with the usage on stderr", () => {
  expect(clawfleet("--help")).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("clawfleet up") });
  for (const args of [[], ["upp"], ["up", "now"], ["up", "--nosuch"], ["status", "--json=1"], ["logs"], ["logs", "ada", "--tail", "x"]]) {
    const { code, stdout, stderr } = clawfleet(...args);
    expect([code, stdout], args.join(" ")).toEqual([2, ""]);
    expect(stderr, args.join(" ")).toMatch(/clawfleet (up|logs CLAW)/);
  }
  expect(clawfleet("upp").stderr).toContain('no command "upp"');
});

test("a reader that stops early is no error", () => {
  const reader = `'${process.execPath}' '${main}' doctor | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", reader], {
    env: { PATH: process.env.PATH, HOME: dir, DOCKER_HOST: `unix://${dir}/none.sock` },
    encoding: "utf8",
  });
  expect(stderr).not.toContain("EPIPE");
  expect(stdout.trim()).toMatch(/^[01]$/);
});

test("check names every problem of a fleet file with its place, exit code 2, and nothing else", () => {
  const file = join(dir, "fleet.toml");
  writeFileSync(file, '[[agent]]\nname = "ada"\nruntime = "pikoclaw"\n');
  const { code, stdout, stderr } = clawfleet("check", file);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^\S+fleet\.toml:3:\d+: .*pikoclaw.*picoclaw.*\n$/);
  writeFileSync(file, '[[agent]]\nname = "ada"\nruntime = "picoclaw"\nport = 3000\n');
  expect(clawfleet("check", file)).toEqual({
    code: 0,
    stdout: expect.stringMatching(/fleet\.toml: 1 claw, no problems\n {2}ada: PicoClaw \S+, port 3000\n$/),
    stderr: "",
  });
});

test("the fleet file is --fleet, else the stack's", () => {
  fakePulumi();
  expect(clawfleet("check").stderr).toContain("from-config.toml");
  expect(clawfleet("check", "--fleet", "from-option.toml").stderr).toContain("from-option.toml");
});

test("token prints the token of a claw that has a gateway, and nothing else", () => {
  fakePulumi();
  const file = join(dir, "fleet.toml");
  writeFileSync(file, '[[agent]]\nname = "ada"\nruntime = "openclaw"\n');
  const token = createHmac("sha256", "the seed").update("gateway-token:ada").digest("hex");
  expect(clawfleet({ CLAWFLEET_TOKEN_SEED: "the seed" }, "token", "ada", "--fleet", file)).toEqual({
    code: 0,
    stdout: `${token}\n`,
    stderr: "",
  });
  expect(clawfleet("token", "ada", "--fleet", file).stderr).toContain('stack "dev" has no seed for tokens');
  expect(clawfleet("token", "adda", "--fleet", file)).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "ada"?') });
});

test("without pulumi, without Docker, without a stack: one line that says what to do", () => {
  expect(clawfleet("status")).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^clawfleet: pulumi is not on the PATH: .*\n$/),
  });
  fakePulumi();
  const { code, stderr } = clawfleet("logs", "ada");
  expect([code, stderr]).toEqual([1, expect.stringContaining(`Docker does not answer at unix://${dir}/none.sock`)]);
  expect(clawfleet("down", "--stack", "none")).toEqual({ code: 0, stdout: "", stderr: 'there is no stack "none": nothing to do\n' });
  expect(clawfleet("status")).toEqual({ code: 1, stdout: "", stderr: 'no claws in stack "dev": clawfleet up\n' });
  expect(clawfleet("status", "--json")).toEqual({ code: 1, stdout: "[]\n", stderr: "" });
});

test("doctor says what is missing, as data with --json", () => {
  const { code, stdout, stderr } = clawfleet("doctor", "--json");
  expect([code, stderr]).toEqual([1, ""]);
  const report: unknown = JSON.parse(stdout);
  expect(report).toMatchObject({ node: process.versions.node, dockerPlugin: { kind: "missing" }, bases: {} });
  expect(report).toHaveProperty("problems", [
    expect.stringContaining("pulumi is not on the PATH"),
    expect.stringContaining("no Pulumi plugin for Docker"),
    expect.stringContaining("Docker does not answer"),
  ]);
});
