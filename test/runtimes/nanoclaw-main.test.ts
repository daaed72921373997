/** The shim as a process, in front of a program that stands in for NanoClaw: same files, same sockets, same exit. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";

const main = fileURLToPath(new URL("../../runtimes/nanoclaw/shim/main.ts", import.meta.url));
const settings = new URL("../../runtimes/nanoclaw/config.json", import.meta.url);
const token = "the-claws-own-token-0123456789";
const key = "sk-ant-api03-the-models-key";

/** Makes the database as NanoClaw's set-up script does, as far as the shim looks at it, and counts its calls. */
const SETUP = `
import { appendFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
appendFileSync("setup.log", process.argv.slice(2).join(" ") + "\\n");
const db = new DatabaseSync("data/v2.db");
db.exec("create table agent_groups (id, folder); insert into agent_groups values ('ag-1', 'main'); create table messaging_group_agents (agent_group_id); insert into messaging_group_agents values ('ag-1')");
`;

/** Answers on the control socket, keeps the agent's row in a file, and ends as it is told. */
const NANOCLAW = `
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
const row = existsSync("row.json") ? JSON.parse(readFileSync("row.json", "utf8")) : { id: "ag-1", model: null };
writeFileSync("environment.json", JSON.stringify(process.env));
writeFileSync("breaker.json", String(existsSync("data/circuit-breaker.json")));
writeFileSync("data/circuit-breaker.json", "{}");
const changes = [];
rmSync("data/ncl.sock", { force: true });
createServer((connection) => {
  connection.on("data", (line) => {
    const { command, args } = JSON.parse(line);
    if (command === "roles-grant") writeFileSync("role.json", JSON.stringify(args));
    if (command.endsWith("update")) { Object.assign(row, args); changes.push(args); }
    writeFileSync("row.json", JSON.stringify(row));
    writeFileSync("changes.json", JSON.stringify(changes));
    connection.end(JSON.stringify({ id: "x", ok: true, data: row }) + "\\n");
  });
}).listen("data/ncl.sock");
process.on("SIGTERM", () => process.exit(0));
process.on("SIGUSR2", () => process.exit(3));
writeFileSync("pid", String(process.pid));
`;

const root = mkdtempSync(join(tmpdir(), "nanoclaw-main-"));
const program = join(root, "program");
for (const [file, content] of [
  ["dist/index.js", NANOCLAW],
  ["scripts/init-cli-agent.ts", SETUP],
  ["container/CLAUDE.md", "v2"],
  ["container/skills/welcome/SKILL.md", "x"],
  ["container/skills/agent-browser/SKILL.md", "x"],
  ["container/skills/onecli-gateway/SKILL.md", "x"],
  ["package.json", '{"type":"module"}'],
] as const) {
  mkdirSync(join(program, file, ".."), { recursive: true });
  writeFileSync(join(program, file), content);
}
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dir = "";
let url = "";
let gateway = { port: 0, agentsPort: 0 };
let env: NodeJS.ProcessEnv = {};
let shim: ChildProcess | undefined;
let log = "";

const path = (name: string) => join(dir, name);
const read = (name: string) => readFileSync(join(dir, "home", name), "utf8");
const inspected = [{ Image: "sha256:own", Mounts: [{ Source: "/vol", Destination: "/home" }], HostConfig: {}, NetworkSettings: {} }];

/** Docker's client: does what the file beside it says. */
function daemon(up: boolean): void {
  const says = up
    ? `echo "$*" >> ${path("docker.log")}; case "$1" in container) echo '${JSON.stringify(inspected)}' ;; ps) echo "c1 ab-$(cat ${path("home/data/claw-install")})"; echo "c2 ab-other" ;; esac`
    : "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock' >&2; exit 1";
  // In one go: the shim may just be calling it.
  writeFileSync(path("docker.new"), `#!/bin/sh\n${says}\n`, { mode: 0o755 });
  renameSync(path("docker.new"), path("docker"));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

beforeEach(async () => {
  dir = mkdtempSync(join(root, "claw-"));
  mkdirSync(path("home"));
  gateway = { port: await freePort(), agentsPort: await freePort() };
  url = `http://127.0.0.1:${gateway.port}`;
  env = {
    ...process.env,
    ANTHROPIC_API_KEY: key,
    NANOCLAW_CONFIG: path("config.json"),
    NANOCLAW_DOCKER: path("docker"),
    NANOCLAW_GATEWAY_TOKEN: token,
    NANOCLAW_HOME: path("home"),
    NANOCLAW_PROGRAM: program,
    NANOCLAW_SELF: path("self.json"),
  };
  configure({});
  daemon(true);
});
afterEach(() => {
  if (shim?.exitCode === null) {
    shim.kill("SIGKILL");
    if (existsSync(join(dir, "home", "pid"))) process.kill(Number(read("pid")), "SIGKILL");
  }
});

function configure(agent: object, change: object = {}): void {
  const config = JSON.parse(readFileSync(settings, "utf8"));
  writeFileSync(path("config.json"), JSON.stringify({ ...config, gateway, ...change, agent: { ...config.agent, ...agent } }));
}

function launch(): ChildProcess {
  log = "";
  shim = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [shim.stdout, shim.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  return shim;
}

async function exitCode(process: ChildProcess): Promise<unknown> {
  return process.exitCode ?? (await once(process, "exit"))[0];
}

/** Asks for the claw's health until it is as expected, 20 s at most. */
async function health(status: number): Promise<string> {
  const deadline = performance.now() + 20_000;
  let last = "";
  while (performance.now() < deadline) {
    try {
      const answer = await fetch(`${url}/health`);
      last = await answer.text();
      if (answer.status === status) return last;
    } catch (error) {
      last = String(error);
    }
    await sleep(50);
  }
  throw new Error(`not ${status} after 20 s: ${last}\n${log}`);
}

test("comes up: NanoClaw is set up once, has its settings and none of the secrets; on SIGTERM it stops, and its agents with it", async () => {
  configure({ name: "Ada", model: "opus" }, { timezone: "Europe/Vienna" });
  const first = launch();
  expect(JSON.parse(await health(200))).toEqual({ status: "ok" });
  const given = JSON.parse(read("environment.json"));
  expect(given).toMatchObject({
    ASSISTANT_NAME: "Ada",
    CONTAINER_IMAGE: "sha256:own",
    LOG_LEVEL: "info",
    TZ: "Europe/Vienna",
    TMPDIR: path("home/tmp"),
  });
  expect(given.ONECLI_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(read("environment.json") + log + readFileSync(path("self.json"), "utf8")).not.toMatch(new RegExp(`${token}|${key}`));
  expect(JSON.parse(read("row.json"))).toMatchObject({
    provider: "claude",
    model: "opus",
    assistant_name: "Ada",
    max_messages_per_prompt: 10,
  });
  expect(JSON.parse(read("role.json"))).toEqual({ user: "cli:local", role: "admin", group: "ag-1" });
  expect(read("container/CLAUDE.md")).toBe("v2");
  expect(readdirSync(path("home/container/skills"))).toEqual(["welcome"]);
  first.kill("SIGTERM");
  expect(await exitCode(first)).toBe(0);
  const calls = readFileSync(path("docker.log"), "utf8");
  expect(calls).toContain("stop --time 2 c1\n");
  expect(calls).not.toContain("c2");

  // Again: what there is stays, what the image brings is the image's, and a circuit breaker left behind is gone.
  const install = read("data/claw-install");
  writeFileSync(path("home/container/CLAUDE.md"), "v1");
  const second = launch();
  await health(200);
  expect([read("container/CLAUDE.md"), read("data/claw-install"), read("breaker.json")]).toEqual(["v2", install, "false"]);
  expect(read("changes.json")).toBe("[]");
  expect(read("setup.log")).toBe("--display-name Operator --agent-name Ada --folder main\n");
  second.kill("SIGTERM");
  expect(await exitCode(second)).toBe(0);

  // A setting that is taken back is NanoClaw's default again.
  configure({ name: "Ada" });
  const third = launch();
  await health(200);
  expect(JSON.parse(read("changes.json"))).toEqual([{ id: "ag-1", model: "" }]);
  third.kill("SIGTERM");
  expect(await exitCode(third)).toBe(0);
});

test("without Docker it says so, waits, and goes on when Docker is there", async () => {
  daemon(false);
  const claw = launch();
  const sick = JSON.parse(await health(503));
  expect(sick.failed.docker).toBe("Cannot connect to the Docker daemon at unix:///var/run/docker.sock");
  const refused = await fetch(`${url}/v1/messages`, {
    method: "POST",
    body: '{"text":"hi"}',
    headers: { authorization: `Bearer ${token}` },
  });
  expect(refused.status).toBe(503);
  expect(existsSync(path("home/pid"))).toBe(false);
  daemon(true);
  await health(200);
  daemon(false);
  expect(JSON.parse(await health(503))).toEqual({ status: "unavailable", failed: { docker: expect.stringContaining("Cannot connect") } });
  claw.kill("SIGTERM");
  expect(await exitCode(claw)).toBe(0);
  expect(log.match(/^claw: NanoClaw waits for Docker/gm)).toHaveLength(1);
});

test("ends with NanoClaw, with its exit code", async () => {
  const claw = launch();
  await health(200);
  process.kill(Number(read("pid")), "SIGUSR2");
  expect(await exitCode(claw)).toBe(3);
  expect(log).toContain("NanoClaw ended by itself (3)");
});

test("stops while it waits, too", async () => {
  daemon(false);
  const claw = launch();
  await health(503);
  claw.kill("SIGTERM");
  expect(await exitCode(claw)).toBe(0);
});

test("hands OneCLI's key to NanoClaw where OneCLI is used, and starts no gateway of its own", async () => {
  env.ONECLI_API_KEY = "onecli-key";
  configure({}, { onecli: { url: "https://onecli.example.org" } });
  launch();
  await health(200);
  expect(JSON.parse(read("environment.json"))).toMatchObject({ ONECLI_URL: "https://onecli.example.org", ONECLI_API_KEY: "onecli-key" });
  expect(readdirSync(path("home/container/skills"))).toEqual(["onecli-gateway", "welcome"]);
  await expect(fetch(`http://127.0.0.1:${gateway.agentsPort}/v1/models`)).rejects.toThrow();
});

test.each([
  [
    "a token that is too short",
    () => Object.assign(env, { NANOCLAW_GATEWAY_TOKEN: "short-secret" }),
    /^claw: NANOCLAW_GATEWAY_TOKEN must have 16 characters/,
  ],
  ["no token", () => Object.assign(env, { NANOCLAW_GATEWAY_TOKEN: "" }), /^claw: NANOCLAW_GATEWAY_TOKEN must have 16 characters/],
  ["a timezone that there is not", () => configure({}, { timezone: "Mars/Base" }), /^claw: timezone is no name/],
])("%s stops the start with one line", async (_, spoil, message) => {
  spoil();
  expect(await exitCode(launch())).toBe(2);
  expect(log).toMatch(message);
  expect(log.trim().split("\n")).toHaveLength(1);
  expect(log).not.toContain("short-secret");
});
