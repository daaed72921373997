/** `clawfleet runtime init`, in a copy of this repository: what it refuses, what it makes, and that the repository's own checks are content with it. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { root } from "../../cli/root.ts";
import { words } from "../../cli/runtime/parse.ts";
import { runtimeNames } from "../../runtimes/index.ts";
import { Checkout } from "./checkout.ts";

const greeter = join(import.meta.dirname, "greeter");
const scratch = mkdtempSync(join(tmpdir(), "clawfleet-runtime-"));
let checkout: Checkout;
beforeAll(() => {
  checkout = new Checkout();
});
afterAll(() => {
  checkout.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const init = (...args: string[]) => checkout.clawfleet("runtime", "init", ...args);
const tool = (script: string, ...args: string[]) => execFileSync(join(root, "engine", script), args, { encoding: "utf8" }).trim();

const Results = z.object({
  testResults: z.array(z.object({ name: z.string(), assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })) })),
});

/** What the repository's own checks of images and workflows say: nothing. */
function lint(dockerfiles: readonly string[], workflows: readonly string[]): void {
  const hadolint = tool("lint-tool.sh", "hadolint");
  expect(spawnSync(hadolint, ["--no-color", ...dockerfiles], { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "" });
  expect(spawnSync(tool("actionlint.sh"), ["-no-color", ...workflows], { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "" });
}

describe("refuses in one line, with exit code 2, and makes nothing:", () => {
  const cases: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
    ["no name", ["--port", "17177"], /which name\? clawfleet runtime init NAME/],
    ["no port", ["trialbot"], /--port is missing/],
    ["capitals", ["Trialbot", "--port", "17177"], /NAME: "Trialbot" is no name: lower-case/],
    ["a reserved name", ["entrypoint", "--port", "17177"], /"entrypoint" is a reserved name/],
    ["a user that Debian has", ["mail", "--port", "17177"], /"mail" is a reserved name/],
    ["another workflow's name", ["test", "--port", "17177"], /"test" is a reserved name/],
    ["a runtime's name", ["openclaw", "--port", "17177"], /"openclaw" is a runtime .*already/],
    ["a runtime's port", ["trialbot", "--port", "8080"], /--port: "8080" is PicoClaw's already/],
    ["a privileged port", ["trialbot", "--port", "80"], /--port: "80" is no number from 1024 to 65535/],
    ["a runtime's uid", ["trialbot", "--port", "17177", "--uid", "10003"], /--uid: "10003" is PicoClaw's already/],
    ["a system's uid", ["trialbot", "--port", "17177", "--uid", "0"], /--uid: "0" is no number from 10001/],
    ["a runtime's prefix", ["trialbot", "--port", "17177", "--env-prefix", "PICOCLAW_"], /PicoClaw's PICOCLAW_ cannot be told apart/],
    ["a prefix within one", ["trialbot", "--port", "17177", "--env-prefix", "PICOCLAW_X_"], /PicoClaw's PICOCLAW_ cannot be told apart/],
    ["a prefix of ours", ["claw", "--port", "17177"], /begins with CLAW_, .*--env-prefix/],
    ["a prefix without its end", ["trialbot", "--port", "17177", "--env-prefix", "TRIALBOT"], /"TRIALBOT" is no prefix/],
    ["an unknown format", ["trialbot", "--port", "17177", "--format", "yaml"], /"yaml" is not one of json, toml/],
    ["an unknown build", ["trialbot", "--port", "17177", "--build", "rust"], /"rust" is not one of go, node/],
    ["no path", ["trialbot", "--port", "17177", "--health", "health"], /--health: "health" is no path/],
    ["no object", ["trialbot", "--port", "17177", "--expect", "[1]"], /--expect: .* is no JSON object/],
    ["half a quote", ["trialbot", "--port", "17177", "--command", 'trialbot "x'], /--command: .* is no command/],
    ["a version no tag can be", ["trialbot", "--port", "17177", "--version", "1/2"], /--version: "1\/2" is no version/],
    ["a title that breaks a label", ["trialbot", "--port", "17177", "--title", 'a"b'], /--title: .* is no title/],
    ["an address with a password", ["trialbot", "--port", "17177", "--source", "https://u:p@x.org"], /--source: .* is no address/],
    ["two programs", ["trialbot", "--port", "17177", "--from", "x", "--git", "https://x.org/y"], /from one place: leave out --git/],
    ["a ref of nothing", ["trialbot", "--port", "17177", "--ref", "v1"], /--ref goes with --git/],
    ["no folder", ["trialbot", "--port", "17177", "--from", "/nowhere/at/all"], /\/nowhere\/at\/all is no folder/],
    ["a folder of something else", ["trialbot", "--port", "17177", "--from", greeter], /has no go\.mod, which its build/],
    ["no module", ["trialbot", "--port", "17177", "--package", "trialbot"], /"trialbot" is no Go package/],
    ["a stranger's licence", ["trialbot", "--port", "17177", "--package", "example.org/x"], /--license is missing/],
    ["no command", ["trialbot", "--port", "17177", "--build", "node", "--git", "https://x.org/y"], /--command is missing/],
    ["an unknown option", ["trialbot", "--port", "17177", "--prot", "1"], /Unknown option '--prot'/],
    ["two names", ["trialbot", "other", "--port", "17177"], /clawfleet runtime knows: init NAME/],
    [
      "a repository without a program",
      ["trialbot", "--port", "17177", "--from", "/nowhere/at/all", "--repo", join(scratch, "new")],
      /is no folder/,
    ],
    ["a repository that is there", ["trialbot", "--port", "17177", "--repo", scratch], /--repo: .* is already there/],
  ];
  const said: (readonly [code: number, message: string])[] = [];

  beforeAll(() => {
    // All in one process: each alone takes longer to load the runtimes than to refuse.
    const script = `const { runtime } = await import("./cli/runtime.ts");
      const said = [];
      for (const args of JSON.parse(process.argv[1])) said.push(await runtime(["init", ...args]).then((code) => [code, "done"], (error) => [error.code, error.message]));
      console.log(JSON.stringify(said));`;
    const { stdout, stderr } = checkout.node("--input-type=module", "--eval", script, JSON.stringify(cases.map(([, args]) => args)));
    expect(stderr).toBe("");
    said.push(...z.array(z.tuple([z.number(), z.string()])).parse(JSON.parse(stdout)));
    expect(said).toHaveLength(cases.length);
  });

  test.each(cases.map(([what, , message], i) => ({ what, message, i })))("$what", ({ message, i }) => {
    expect(said[i]).toEqual([2, expect.stringMatching(message)]);
  });

  test("all of these", () => {
    expect(checkout.changed()).toEqual([]);
    expect(readdirSync(join(checkout.dir, "runtimes")).filter((name) => name.startsWith("."))).toEqual([]);
    expect(readdirSync(scratch)).toEqual([]);
  });

  test("on the command line: nothing on stdout, one line on stderr, exit code 2", () => {
    expect(init("trialbot", "--port", "80")).toEqual({
      code: 2,
      stdout: "",
      stderr: 'clawfleet: --port: "80" is no number from 1024 to 65535\n',
    });
  });

  test("files that would be overwritten", () => {
    const file = join(checkout.dir, "test/contract/trialbot.test.ts");
    writeFileSync(file, "mine");
    const { code, stderr } = init("trialbot", "--port", "17177");
    expect([code, stderr]).toEqual([2, "clawfleet: test/contract/trialbot.test.ts: already there; choose another name, or remove it\n"]);
    expect(readFileSync(file, "utf8")).toBe("mine");
    rmSync(file);
  });
});

test("what fails on the way leaves everything as it was", { timeout: 60_000 }, () => {
  const generator = join(checkout.dir, "fleet/generate.ts");
  const text = readFileSync(generator, "utf8");
  // The last of all steps: everything else is written by then.
  writeFileSync(generator, `${text}\nthrow new Error("a fault of the test's");\n`);
  const { code, stderr } = init("trialbot", "--port", "17177");
  expect(code).toBe(1);
  expect(stderr).toMatch(/fleet\/generate\.ts failed; everything is as it was:\n[\s\S]*a fault of the test's/);
  expect(checkout.changed()).toEqual(["fleet/generate.ts"]);
  expect(existsSync(join(checkout.dir, "runtimes/trialbot"))).toBe(false);
  writeFileSync(generator, text);
});

test("an interrupt on the way leaves everything as it was", { timeout: 60_000 }, () => {
  const generator = join(checkout.dir, "fleet/generate.ts");
  const text = readFileSync(generator, "utf8");
  // To all of the terminal's processes, as Ctrl-C goes.
  writeFileSync(generator, `process.kill(0, "SIGINT");\nawait new Promise((resolve) => setTimeout(resolve, 60_000));\n${text}`);
  const line = `exec '${process.execPath}' cli/main.ts runtime init trialbot --port 17177`;
  try {
    const { status } = spawnSync("setsid", ["--wait", "bash", "-c", line], { cwd: checkout.dir, encoding: "utf8" });
    expect(status).toBe(1);
    expect(checkout.changed()).toEqual(["fleet/generate.ts"]);
  } finally {
    // Else the next one to run it would interrupt the tests themselves.
    writeFileSync(generator, text);
  }
});

describe("asks on a terminal", () => {
  /** Types lines into a terminal. `script` gives the program one. */
  const typing = (lines: string, ...args: string[]) =>
    spawnSync("script", ["-qec", `'${process.execPath}' cli/main.ts runtime init ${args.join(" ")}`, "/dev/null"], {
      cwd: checkout.dir,
      encoding: "utf8",
      input: lines,
      env: { ...process.env, NO_COLOR: "1", TERM: "dumb" },
    });

  test("what is not said, again when it is wrong, and takes Enter for the default", { timeout: 60_000 }, () => {
    const folder = join(scratch, "asked");
    // name, title, port (wrong, right), version, build, format, home, licence
    const { stdout, status } = typing("ada-bot\n\n80\n17179\n2.0\nnode\ntoml\n\nMIT\n", "--repo", folder);
    expect(status, stdout).toBe(0);
    expect(stdout).toMatch(/Title \[Ada Bot\]/);
    expect(stdout).toContain('"80" is no number from 1024 to 65535');
    const written: unknown = JSON.parse(readFileSync(join(folder, "runtime.json"), "utf8"));
    expect(written).toMatchObject({ name: "ada-bot", prefix: "ADA_BOT_", format: "toml", health: { port: 17179 } });
    expect(readFileSync(join(folder, "Dockerfile"), "utf8")).toMatch(/image\.licenses="MIT"/);
    rmSync(folder, { recursive: true });
  });

  test("and makes nothing when the answers end, nor asks with --yes", () => {
    const { stdout, status } = typing("ada\n\u0004");
    expect([status, stdout]).toEqual([130, expect.stringContaining("nothing is made")]);
    expect(typing("", "ada", "--yes").stdout).toContain("--port is missing");
    expect(checkout.changed()).toEqual([]);
  });
});

describe("in this repository", () => {
  const names = ["trialbot", "starter"];

  beforeAll(() => {
    const program = ["--from", greeter, "--build", "node", "--command", "node /opt/trialbot/serve.js /run/claw/config.json"];
    const health = ["--health", "/up", "--expect", '{"state":"ready"}'];
    const made = [
      init("trialbot", "--port", "17177", ...program, ...health, "--title", "Trialbot 2.0", "--uid", "12345"),
      init("starter", "--port", "7781", "--format", "toml", "--env-prefix", "OWN_STARTER_"),
    ];
    expect(made).toMatchObject(names.map(() => ({ code: 0, stderr: "" })));
  }, 120_000);

  const descriptorOf = (name: string) => {
    const script = `const { runtime } = await import("./runtimes/${name}/runtime.ts"); console.log(JSON.stringify(runtime.descriptor))`;
    return z.looseObject({ uid: z.number() }).parse(JSON.parse(checkout.node("--input-type=module", "--eval", script).stdout));
  };

  test("the descriptor says what was said, and the next free uid", () => {
    expect(descriptorOf("trialbot")).toMatchObject({
      ...{ title: "Trialbot 2.0", port: 17177, uid: 12345, envPrefix: "TRIALBOT_", version: "0.1.0" },
      health: { path: "/up", expect: { state: "ready" } },
      command: ["node", "/opt/trialbot/serve.js", "/run/claw/config.json"],
    });
    const starter = descriptorOf("starter");
    expect(starter).toMatchObject({ title: "Starter", envPrefix: "OWN_STARTER_", command: ["starter", "/run/claw/config.toml"] });
    expect(starter.uid).toBe(10_001 + runtimeNames().length);
  });

  test("only its own files are new, and only what all runtimes share has changed", () => {
    const own = (name: string) => `runtimes/trialbot/${name}`;
    expect(checkout.changed().filter((path) => !path.includes("/starter"))).toEqual([
      ".github/workflows/trialbot.yml",
      "README.md",
      "docker-compose.fleet.yml",
      "docs/runtimes.md",
      "fleet/fleet.schema.json",
      ...[".env.example", ".env.head", "Dockerfile", "Dockerfile.dockerignore", "README.md", "config.json", "docker-compose.yml"].map(own),
      ...["native.ts", "program/package-lock.json", "program/package.json", "program/serve.js", "runtime.json", "runtime.ts"].map(own),
      ...["schema.json", "workspace/AGENT.md"].map(own),
      "test/contract/trialbot.test.ts",
      "test/runtimes/trialbot.test.ts",
    ]);
    expect(statSync(join(checkout.dir, "runtimes/trialbot")).mode & 0o777).toBe(0o755);
  });

  test("no placeholder is left", () => {
    const files = globSync(["runtimes/{trialbot,starter}/**/*.*", "runtimes/*/Dockerfile", "test/*/{trialbot,starter}.test.ts"], {
      cwd: checkout.dir,
    });
    expect(files.length).toBeGreaterThan(30);
    expect(files.filter((file) => /@[a-z]+@/.test(readFileSync(join(checkout.dir, file), "utf8")))).toEqual([]);
  });

  test("Biome, tsc, gofmt and go vet are content", { timeout: 180_000 }, () => {
    const paths = names.flatMap((name) => [`runtimes/${name}`, `test/runtimes/${name}.test.ts`, `test/contract/${name}.test.ts`]);
    const biome = checkout.node("node_modules/@biomejs/biome/bin/biome", "check", ...paths);
    expect(biome.code, biome.stdout + biome.stderr).toBe(0);
    const tsc = checkout.node("node_modules/typescript/bin/tsc", "--noEmit");
    expect(tsc.stdout.split("\n").filter((line) => names.some((name) => line.includes(`/${name}`)))).toEqual([]);
    const go = join(checkout.dir, "runtimes/starter/program");
    expect(spawnSync("gofmt", ["-l", go], { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "" });
    expect(spawnSync("go", ["vet", "./..."], { cwd: go, encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: expect.not.stringMatching(/^#/m),
    });
  });

  test("hadolint and actionlint are content", { timeout: 180_000 }, () => {
    lint(
      names.map((name) => join(checkout.dir, "runtimes", name, "Dockerfile")),
      names.map((name) => join(checkout.dir, `.github/workflows/${name}.yml`)),
    );
  });

  test("its own tests pass, those over all runtimes too, and what is generated is up to date", { timeout: 180_000 }, () => {
    expect(checkout.node("runtimes/generate.ts", "--check")).toEqual({ code: 0, stdout: "", stderr: "" });
    const results = join(scratch, "vitest.json");
    const all = ["test/runtimes/extras", "test/runtimes/entries", "test/contract/fixtures", "test/contract/table", "test/fleet/docs"];
    const filters = [...names.map((name) => `test/runtimes/${name}.test.ts`), ...all];
    checkout.node("node_modules/vitest/vitest.mjs", "run", ...filters, "--reporter=json", `--outputFile=${results}`);
    const { testResults } = Results.parse(JSON.parse(readFileSync(results, "utf8")));
    rmSync(results);
    const ran = testResults.flatMap(({ name, assertionResults }) => assertionResults.map((one) => ({ ...one, file: name })));
    for (const name of names) expect(ran.filter(({ file }) => file.endsWith(`/${name}.test.ts`)).length).toBeGreaterThanOrEqual(6);
    expect(ran.filter(({ status }) => status === "failed").map(({ fullName }) => fullName)).toEqual([]);
  });
});

describe("a repository of its own", () => {
  const folder = join(scratch, "greeter-docker");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");

  beforeAll(() => {
    const { code, stderr } = init("greeter", "--port", "8080", "--repo", folder);
    // Another runtime's port here: it is beside none there.
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("has all that the pattern wants, and git knows it", () => {
    expect(readdirSync(folder).sort()).toEqual([
      ...[".dockerignore", ".env.example", ".git", ".github", ".gitignore", "Dockerfile", "LICENSE", "README.md", "config.json"],
      ...["docker-compose.yml", "entrypoint", "program", "runtime.json", "schema.json", "workspace"],
    ]);
    expect(readdirSync(scratch)).toEqual(["greeter-docker"]);
    expect(execFileSync("git", ["status", "--short"], { cwd: folder, encoding: "utf8" })).toMatch(/^\?\? Dockerfile$/m);
    writeFileSync(join(folder, ".env"), "");
    expect(execFileSync("git", ["status", "--short"], { cwd: folder, encoding: "utf8" })).not.toMatch(/\.env$/m);
    rmSync(join(folder, ".env"));
    expect(existsSync(join(folder, ".github/workflows/docker.yml"))).toBe(true);
    expect(statSync(join(folder, "entrypoint/build/with-build-env")).mode & 0o111).not.toBe(0);
  });

  test("says nothing of this one's folders and generators", () => {
    const texts = [
      ".dockerignore",
      ".env.example",
      ".github/workflows/docker.yml",
      "Dockerfile",
      "README.md",
      "docker-compose.yml",
      "runtime.json",
    ];
    for (const name of texts) expect(read(name), name).not.toMatch(/runtimes\/|generate\.ts|@[a-z]+@/);
    const links = [...read("README.md").matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !target.startsWith("http"));
    expect(links.length).toBeGreaterThan(1);
    expect(links.filter((target) => !existsSync(join(folder, target)))).toEqual([]);
  });

  test("hadolint and actionlint are content, whatever its program is built with", { timeout: 180_000 }, () => {
    const licensed = ["--license", "MIT"];
    const programs: readonly (readonly string[])[] = [
      ["--build", "node", "--format", "toml"],
      ["--package", "example.org/some/cmd/thing", "--version", "v1.2.3", ...licensed],
      ["--git", "https://example.org/it", "--ref", "v1.0", "--main", "./cmd/it", ...licensed],
      ["--git", "https://example.org/it", "--build", "node", "--command", "node /opt/it/x.js", ...licensed],
    ];
    const others = programs.map((args, i) => {
      const repo = join(scratch, `it-${i}`);
      expect(init("it", "--port", "17177", ...args, "--repo", repo)).toMatchObject({ code: 0, stderr: "" });
      return repo;
    });
    lint(
      [folder, ...others].map((repo) => join(repo, "Dockerfile")),
      [folder, ...others].map((repo) => join(repo, ".github/workflows/docker.yml")),
    );
    const [node = "", module = "", git = ""] = others;
    expect(spawnSync(process.execPath, ["--check", join(node, "program/server.js")])).toMatchObject({ status: 0 });
    expect(readFileSync(join(module, "Dockerfile"), "utf8")).toMatch(/go install .* "example\.org\/some\/cmd\/thing@\$\{VERSION\}"$/m);
    expect(JSON.parse(readFileSync(join(module, "runtime.json"), "utf8"))).toMatchObject({ command: ["thing", "/run/claw/config.json"] });
    expect(readFileSync(join(git, "Dockerfile"), "utf8")).toMatch(/^ARG REPO=https:\/\/example\.org\/it\nARG REF=v1\.0$/m);
  });
});

test("a command is split as a shell would, as far as quotes go", () => {
  expect(words(`sh -c 'exec "$0" x' --a="b c"`)).toEqual(["sh", "-c", 'exec "$0" x', "--a=b c"]);
});

test("--help says all options", () => {
  const { code, stdout, stderr } = checkout.clawfleet("runtime", "--help");
  expect([code, stderr]).toEqual([0, ""]);
  for (const option of ["--repo", "--port", "--env-prefix", "--expect", "--yes"]) expect(stdout).toContain(option);
});
