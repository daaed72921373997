/** Runtimes that `clawfleet runtime init` makes, for real: one around somebody's program in a fleet, one as a repository of its own under Compose. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { parseBases } from "../../components/environment.ts";
import { buildSecrets } from "../../runtimes/container.ts";
import { Checkout } from "../cli/checkout.ts";
import { docker } from "../contract/helpers.ts";
import { compose } from "../kit/compose.ts";
import { freePort, TestStack } from "./stack.ts";

const key = "sk-canary-runtime-init-93b1";
/** A tag that nobody else has. */
const version = `0.0.${process.pid}`;
const ask = async (url: string, token = "") => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(5000) });
  return { status: response.status, body: await response.text() };
};

let checkout: Checkout;
const scratch = mkdtempSync(join(tmpdir(), "clawfleet-runtime-init-"));

beforeAll(() => {
  checkout = new Checkout();
});

afterAll(async () => {
  checkout?.remove();
  rmSync(scratch, { recursive: true, force: true });
  // The contract test builds over the fleet's image, whose name is gone then.
  const { stdout } = await docker(["image", "ls", "--quiet", "--filter", `label=org.opencontainers.image.version=${version}`]);
  for (const id of new Set(stdout.split("\n").filter(Boolean))) await docker(["image", "rm", "--force", id]);
});

describe("a program of one's own, as a runtime of this repository", { timeout: 300_000 }, () => {
  let stack: TestStack;
  let url: string;
  const main = () => join(checkout.dir, "cli/main.ts");
  const clawfleet = (...args: string[]) => stack.start([process.execPath, main(), ...args]).done;

  beforeAll(async () => {
    const program = [
      "--build",
      "node",
      "--from",
      join(import.meta.dirname, "../cli/greeter"),
      "--health",
      "/up",
      "--expect",
      '{"state":"ready"}',
    ];
    const command = ["--command", "node /opt/trialbot/serve.js /run/claw/config.json"];
    const made = checkout.clawfleet("runtime", "init", "trialbot", "--port", "17177", "--version", version, ...program, ...command);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    stack = new TestStack("init", fleet(port), { CLAWFLEET_SECRET_ANTHROPIC: key });
    await stack.init();
    const { code, out } = await clawfleet("up");
    expect(code, out).toBe(0);
    expect(out).toMatch(new RegExp(`ada +trialbot ${version} +${url} +healthy`));
  }, 600_000);

  afterAll(async () => await stack?.remove());

  const fleet = (port: number) => `[[agent]]
name = "ada"
runtime = "trialbot"
port = ${port}

[agent.model]
provider = "anthropic"
name = "some-model"
api_key_ref = "anthropic"

[agent.extras]
greeting = "Hello from the fleet"
`;

  test("is up, healthy by its own answer, and runs with what the fleet file says", async () => {
    expect(await ask(`${url}/up`)).toEqual({ status: 200, body: '{"state":"ready"}' });
    expect(await ask(`${url}/about`)).toMatchObject({ status: 401 });
    const { code, out } = await clawfleet("token", "ada");
    expect(code, out).toBe(0);
    const { body } = await ask(`${url}/about`, out.trim());
    expect(JSON.parse(body)).toEqual({ greeting: "Hello from the fleet", model: "some-model", key: key.length });
  });

  test("is unprivileged, and has its key in its environment only", async () => {
    const { Config, HostConfig } = await stack.docker.getContainer(stack.container("ada")).inspect();
    expect(Config.User).toMatch(/^100\d\d:100\d\d$/);
    expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ["ALL"] });
    expect(Config.Env.filter((line) => line.includes(key))).toEqual([`TRIALBOT_model__api_key=${key}`]);
    expect(await stack.state()).not.toContain(key);
  });

  test("is checked as all others: a setting it has not is refused in its place, and nothing changes", async () => {
    stack.fleet(`${fleet(4567)}\n[agent.memory]\nenabled = false\n`);
    const { code, out } = await clawfleet("up");
    expect([code, out]).toEqual([expect.any(Number), expect.stringMatching(/fleet\.toml:\d+:\d+: Trialbot cannot be told to forget/)]);
    expect(code).not.toBe(0);
    expect((await ask(`${url}/up`)).status).toBe(200);
  });

  test("passes its own contract test on its real image", async () => {
    const results = join(scratch, "contract.json");
    const vitest = [
      "node_modules/vitest/vitest.mjs",
      "run",
      "test/contract/trialbot.test.ts",
      "--reporter=json",
      `--outputFile=${results}`,
    ];
    const { code, stdout, stderr } = checkout.node(...vitest);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout + stderr).not.toContain("NOT TESTED HERE");
  });
});

describe("a repository of its own", { timeout: 300_000 }, () => {
  const repo = join(scratch, "greeter-docker");
  const project = `clawfleet-init-${randomBytes(4).toString("hex")}`;
  let port: number;
  const inRepo = (...args: string[]) => compose(["--project-name", project, "--project-directory", repo, ...args], environment(), 300);

  /** What this machine needs to build, as docker-compose.yml takes it; nothing on one that reaches Docker Hub. */
  function environment(): Record<string, string> {
    const bases = Object.entries(parseBases(process.env.CLAWFLEET_BASES) ?? {}).map(([arg, image]) => [`CLAW_BASE_${arg}`, image]);
    const secrets = buildSecrets.map(({ env }) => [env, process.env[env] ?? ""]);
    const limits = { CLAW_OPEN_FILES: "1024", CLAW_BUILD_NETWORK: "host", CLAW_PORT: String(port) };
    return { ...Object.fromEntries([...bases, ...secrets]), ...limits };
  }

  beforeAll(async () => {
    port = await freePort();
    const made = checkout.clawfleet(
      "runtime",
      "init",
      "greeter",
      "--port",
      "17178",
      "--version",
      version,
      "--format",
      "toml",
      "--repo",
      repo,
    );
    expect(made).toMatchObject({ code: 0, stderr: "" });
    mkdirSync(join(repo, "secrets"));
    writeFileSync(join(repo, ".env"), 'GREETER_greeting=Good "day", it\'s $HOME\nGREETER_token=a-token\nGREETER_model__name=some-model\n');
  });

  afterAll(async () => await inRepo("down", "--volumes"));

  test("docker compose up --build: healthy, and a variable of .env reaches it as it is", async () => {
    const { code, stderr } = await inRepo("up", "--wait", "--build");
    expect(code, stderr).toBe(0);
    const url = `http://127.0.0.1:${port}`;
    expect(await ask(`${url}/health`)).toEqual({ status: 200, body: '{"status":"ok"}' });
    expect((await ask(`${url}/greeting`)).body).toBe('Good "day", it\'s $HOME\n');
    expect((await ask(`${url}/model`)).status).toBe(401);
    expect(JSON.parse((await ask(`${url}/model`, "a-token")).body)).toEqual({ provider: "", name: "some-model", key: false });
  });

  test("a key that it has not stops the start with its name", async () => {
    const { code, stdout, stderr } = await inRepo("run", "--rm", "--no-deps", "--env", "GREETER_greetin=canary", "greeter");
    expect(code).toBe(2);
    expect(stdout + stderr).toMatch(/GREETER_greetin.*greeting/);
    expect(stdout + stderr).not.toContain("canary");
  });

  test("what it is built of is in its image, and nothing it is built with", async () => {
    const { code, stdout } = await inRepo("exec", "-T", "greeter", "sh", "-c", "id -u && ls /etc/claw && ! command -v go gcc && ls /src");
    expect(code).not.toBe(0);
    expect(z.string().parse(stdout)).toBe("10001\nconfig.toml\nruntime.json\nschema.json\nworkspace\n");
  });
});
