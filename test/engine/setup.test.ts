import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goCounts, vitestCounts } from "../../engine/test-counts.ts";

const root = join(import.meta.dirname, "../..");
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "clawfleet-setup-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function run(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; input?: string } = {}): string {
  return execFileSync(command, [...args], { cwd: root, encoding: "utf8", input: options.input ?? "", env: options.env ?? process.env });
}

describe("counts of test runs", () => {
  const go = (...events: object[]) => events.map((event) => JSON.stringify(event)).join("\n");

  test("Go's tests and subtests, with the output of those that fail", () => {
    const shown: string[] = [];
    const text = go(
      { Action: "run", Package: "p", Test: "TestA" },
      { Action: "output", Package: "p", Test: "TestB", Output: "boom\n" },
      { Action: "pass", Package: "p", Test: "TestA/one" },
      { Action: "pass", Package: "p", Test: "TestA" },
      { Action: "skip", Package: "p", Test: "TestC" },
      { Action: "fail", Package: "p", Test: "TestB" },
      { Action: "fail", Package: "p" },
    );
    expect(goCounts(text, (output) => shown.push(output))).toEqual({ passed: 2, failed: 1 });
    expect(shown.join("")).toContain("boom");
  });

  test("a Go package that does not build is a failure", () => {
    expect(goCounts(go({ Action: "build-output", Output: "no such symbol\n" }, { Action: "fail", Package: "p" }))).toEqual({
      passed: 0,
      failed: 1,
    });
  });

  test("vitest's tests, files that fail before their first test, and runs that fail otherwise", () => {
    const result = (failed: number, success: boolean, files: object[] = []) =>
      vitestCounts(JSON.stringify({ numPassedTests: 3, numFailedTests: failed, success, testResults: files }));
    expect(result(0, true)).toEqual({ passed: 3, failed: 0 });
    expect(result(2, false)).toEqual({ passed: 3, failed: 2 });
    expect(result(0, false, [{ status: "failed", assertionResults: [] }])).toEqual({ passed: 3, failed: 1 });
    expect(result(0, false)).toEqual({ passed: 3, failed: 1 });
  });
});

describe("what git sees of the stack files", () => {
  const env = () => ({ ...process.env, CLAWFLEET_STATE: join(dir, "no-such-state") });
  const clean = (text: string) => run("sh", ["engine/local-only.sh", "clean"], { input: text, env: env() });

  test("no salt and no encrypted value, all else as it is", () => {
    const text =
      "encryptionsalt: v1:abc\n# a comment\nconfig:\n  clawfleet:fleet: x.toml\n  secrets:anthropic:\n    secure: v1:xyz\n  a:b:\n    c: 1\n  d:e:\n";
    expect(clean(text)).toBe("# a comment\nconfig:\n  clawfleet:fleet: x.toml\n  a:b:\n    c: 1\n  d:e:\n");
  });

  test.each(["dev", "k8s"])("the file of the stack %s in the repository is left alone", (stack) => {
    const committed = clean(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8"));
    expect(clean(committed)).toBe(committed);
    expect(committed).not.toMatch(/encryptionsalt|secure:/);
    expect(committed).toMatch(/^config:\n( {2}#.*\n)* {2}clawfleet:fleet: /m);
    expect(run("git", ["check-attr", "filter", `Pulumi.${stack}.yaml`])).toContain("clawfleet-local");
  });

  test("a commit that changes the file keeps what is local in it", () => {
    const repository = join(dir, "repository");
    mkdirSync(join(repository, "engine"), { recursive: true });
    mkdirSync(join(repository, ".clawfleet"));
    for (const file of [".gitattributes", "engine/local-only.sh"]) copyFileSync(join(root, file), join(repository, file));
    const { CLAWFLEET_STATE: _, ...plain } = process.env;
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", ...args], {
        cwd: repository,
        encoding: "utf8",
        env: plain,
      });
    const file = join(repository, "Pulumi.dev.yaml");
    const upstream = "config:\n  clawfleet:fleet: a.toml\n  clawfleet:target: docker\n";
    git("init", "--quiet", "--initial-branch", "main");
    git("config", "filter.clawfleet-local.clean", "sh engine/local-only.sh clean %f");
    git("config", "filter.clawfleet-local.smudge", "sh engine/local-only.sh restore %f");
    writeFileSync(file, upstream);
    git("add", ".gitattributes", "engine", "Pulumi.dev.yaml");
    git("commit", "--quiet", "--message", "one");
    git("branch", "old");
    writeFileSync(file, upstream.replace("a.toml", "b.toml"));
    git("commit", "--quiet", "--all", "--message", "two");
    git("checkout", "--quiet", "old");
    const local = `${upstream}  secrets:anthropic:\n    secure: v1:xyz\nencryptionsalt: v1:abc\n`;
    writeFileSync(file, local);
    git("add", "Pulumi.dev.yaml");
    expect(git("status", "--porcelain", "--untracked-files=no")).toBe("");
    git("merge", "--quiet", "main");
    const merged = readFileSync(file, "utf8");
    expect(merged).toBe(
      "config:\n  secrets:anthropic:\n    secure: v1:xyz\n  clawfleet:fleet: b.toml\n  clawfleet:target: docker\nencryptionsalt: v1:abc\n",
    );
    expect(git("status", "--porcelain", "--untracked-files=no")).toBe("");
    // Each file has its own: what belongs to one never gets into the other.
    writeFileSync(join(repository, "Pulumi.k8s.yaml"), "config:\n  clawfleet:target: kubernetes\nencryptionsalt: v1:other\n");
    git("add", "Pulumi.k8s.yaml");
    git("checkout", "--quiet", "main", "--", "Pulumi.dev.yaml");
    expect(readFileSync(file, "utf8")).toContain("encryptionsalt: v1:abc");
    expect(git("show", ":Pulumi.k8s.yaml")).not.toContain("salt");
    expect(git("show", "HEAD:Pulumi.dev.yaml")).toBe(upstream.replace("a.toml", "b.toml"));
    expect(statSync(join(repository, ".clawfleet/stack-file.Pulumi.dev.yaml")).mode & 0o777).toBe(0o600);
  });
});

describe("what image builds are told of the network", () => {
  const settings = (what: string, env: NodeJS.ProcessEnv) =>
    run("engine/build-settings.sh", [what], { env: { PATH: process.env.PATH, ...env } });

  test("proxies and registries, quoted for a shell; nothing of the rest", () => {
    const out = settings("env", {
      HOME: dir,
      HTTPS_PROXY: "http://u:p'w@proxy:1",
      NPM_CONFIG_REGISTRY: "http://npm.example",
      NPM_CONFIG_CACHE: "/x",
      AWS_SECRET_ACCESS_KEY: "no",
      CARGO_HTTP_CAINFO: "/ca.pem",
    });
    expect(out).toContain("export HTTPS_PROXY='http://u:p'\\''w@proxy:1'\n");
    expect(out).toContain("export NPM_CONFIG_REGISTRY='http://npm.example'\n");
    expect(out).not.toMatch(/AWS|CACHE|CAINFO/);
    expect(run("sh", ["-c", `${out}\nprintf %s "$HTTPS_PROXY"`])).toBe("http://u:p'w@proxy:1");
  });

  test("the network lines of npmrc, and the variables that they name", () => {
    const file = join(dir, "npmrc");
    writeFileSync(
      file,
      "registry=http://npm.example/\nnodedir=/usr\n//npm.example/:_authToken=" + "$" + "{MY_TOKEN}\n@a:registry=http://b/\n",
    );
    const env = { HOME: dir, NPM_CONFIG_USERCONFIG: file, MY_TOKEN: "t0ken" };
    const lines = settings("npmrc", env).trim().split("\n");
    expect(lines).toContain("registry=http://npm.example/");
    expect(lines).toContain("@a:registry=http://b/");
    expect(lines.join("\n")).not.toContain("nodedir");
    expect(settings("env", env)).toContain("export MY_TOKEN='t0ken'\n");
  });

  test("the network sections of cargo's configuration, without paths of this machine", () => {
    mkdirSync(join(dir, "cargo"));
    writeFileSync(
      join(dir, "cargo/config.toml"),
      '[build]\nrustc-wrapper = "sccache"\n[source.crates-io]\nreplace-with = "m"\n[http]\ncainfo = "/ca.pem"\nmultiplexing = false\n[alias]\nb = "build"\n',
    );
    expect(settings("cargo", { HOME: dir, CARGO_HOME: join(dir, "cargo") })).toBe(
      '[source.crates-io]\nreplace-with = "m"\n[http]\nmultiplexing = false\n',
    );
  });

  test("CA certificates that Debian does not have", () => {
    const own = "-----BEGIN CERTIFICATE-----\nb3du\n-----END CERTIFICATE-----\n";
    const debian = "/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt";
    const file = join(dir, "ca.pem");
    writeFileSync(file, (existsSync(debian) ? readFileSync(debian, "utf8") : "") + own + own);
    expect(settings("ca", { HOME: dir, SSL_CERT_FILE: file })).toBe(own);
  });
});

describe("the environment file", () => {
  let state: string;
  beforeAll(() => {
    state = join(dir, "it's state");
    mkdirSync(state);
    writeFileSync(join(state, "docker"), "unix:///x/docker.sock");
    writeFileSync(join(state, "token-seed"), "5eed");
    const script =
      'for f in common versions toolchains pulumi local; do . "engine/lib/$f.sh"; done; write_env /opt/node/bin/node /opt/pulumi "$1"';
    run("bash", ["-euc", script, "bash", join(state, "home")], { env: { ...process.env, CLAWFLEET_STATE: state } });
  });
  // SHLVL: else bash takes a socket for stdin as a remote login and reads its start-up files.
  const bare = () => ({ PATH: process.env.PATH, HOME: dir, SHLVL: "2" });
  const source = (shell: string, then: string, env: NodeJS.ProcessEnv = {}) =>
    run(shell, ["-euc", `. "$0"\n${then}`, join(state, "env")], { env: { ...bare(), ...env } }).trim();

  test.each(["sh", "bash"])("%s: sets what is not set, and leaves no function behind", (shell) => {
    expect(source(shell, 'echo "$DOCKER_HOST $PULUMI_BACKEND_URL $CLAWFLEET_TOKEN_SEED"')).toBe(
      `unix:///x/docker.sock file://${state}/state 5eed`,
    );
    expect(source(shell, "command -v clawfleet_default || echo none")).toBe("none");
  });

  test("what the user has set wins, also the second time; what the file has set is made anew", () => {
    const again = '. "$0"; DOCKER_HOST=$DOCKER_HOST; . "$0"; echo "$DOCKER_HOST $PULUMI_HOME"';
    expect(source("bash", again, { DOCKER_HOST: "unix:///own.sock" })).toBe(`unix:///own.sock ${state}/home`);
    expect(source("bash", 'CLAWFLEET_TOKEN_SEED=old; . "$0"; echo "$CLAWFLEET_TOKEN_SEED"')).toBe("5eed");
  });

  test("an own passphrase, even an empty one, keeps the file of ours out", () => {
    expect(source("sh", "env | grep -c ^PULUMI_CONFIG_PASSPHRASE_FILE= || true", { PULUMI_CONFIG_PASSPHRASE: "" })).toBe("0");
  });

  test("holds no secret", () => {
    expect(readFileSync(join(state, "env"), "utf8")).not.toContain("5eed");
  });
});
