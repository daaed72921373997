/**
 * What the container runs: starts NanoClaw and stands for it. Serves the API and the claw's health on its port, keeps the model's key in a gateway of its own,
 * hands signals on, and ends with NanoClaw's exit code when NanoClaw ends.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../native.ts";
import { api } from "./api.ts";
import { Chat } from "./chat.ts";
import { type Gateway, isAnthropic, startGateway } from "./gateway.ts";
import { checks, healthOf } from "./health.ts";
import { applySettings, ensureAgent, environment, prepare, start } from "./nanoclaw.ts";
import { docker, findSelf, type Self, selfFile } from "./self.ts";
import { isTimezone } from "./timezone.ts";

const SHORTEST_TOKEN = 16;
/** Seconds for NanoClaw to end after SIGTERM. */
const STOP_SECONDS = 15;

const home = process.env.NANOCLAW_HOME ?? "/home/nanoclaw/.nanoclaw";
const token = process.env.NANOCLAW_GATEWAY_TOKEN ?? "";
const log = (message: string) => console.log(`claw: ${message}`);
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Why NanoClaw is not running; undefined when it is, with all settings. */
let waiting: string | undefined = "NanoClaw is about to start";
let nanoclaw: ChildProcess | undefined;
let gateway: Gateway | undefined;
let install: string | undefined;
let stopping = false;

if (token.length < SHORTEST_TOKEN) {
  console.error(`claw: NANOCLAW_GATEWAY_TOKEN must have ${SHORTEST_TOKEN} characters at least; make one: openssl rand -hex 32`);
  process.exit(2);
}
const config: Config = JSON.parse(readFileSync(process.env.NANOCLAW_CONFIG ?? "/run/claw/config.json", "utf8"));
if (!isTimezone(config.timezone)) {
  console.error(`claw: timezone is no name like "Europe/Vienna" or "UTC"`);
  process.exit(2);
}
const chat = new Chat(home);
const server = api({
  token,
  health: healthOf(checks(home, () => waiting)),
  problem: () => gateway?.problem(),
  send: (text) => (waiting === undefined ? chat.send(text) : Promise.reject(new Error(waiting))),
  replies: (after, wait, signal) => (existsSync(join(home, "data", "v2.db")) ? chat.replies(after, wait, signal) : Promise.resolve([])),
});
server.listen(config.gateway.port);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop(signal));

try {
  await run();
} catch (error) {
  console.error(`claw: ${messageOf(error)}`);
  await end(1);
}

async function run(): Promise<void> {
  install = prepare(home, config);
  const self = await reachDaemon(install);
  writeFileSync(selfFile(), JSON.stringify(self));
  const { baseUrl } = config.anthropic;
  const key = process.env.ANTHROPIC_API_KEY;
  if (config.onecli.url === "") {
    if (!key && isAnthropic(new URL(baseUrl).hostname)) log("there is no ANTHROPIC_API_KEY: agents will get no answer from the model");
    gateway = await startGateway({ baseUrl, ...(key && { key }) }, self.address ?? ownAddress(), config.gateway.agentsPort);
  }
  const env = environment(config, self.image, gateway?.url ?? "", home);
  await ensureAgent(config, home, env);
  if (stopping) return;
  nanoclaw = start(home, env);
  nanoclaw.once("exit", (code, signal) => {
    if (stopping) return;
    console.error(`claw: NanoClaw ended by itself (${signal ?? code})`);
    void end(code === null || code === 0 ? 1 : code);
  });
  waiting = "NanoClaw is starting";
  await controlSocket();
  await applySettings(config, home);
  waiting = undefined;
  log("NanoClaw is up");
}

/** NanoClaw ends at once where there is no Docker, and would be restarted for ever: instead the health check says what is missing, until it is there. */
async function reachDaemon(id: string): Promise<Self> {
  for (let last = ""; ; await sleep(2000)) {
    try {
      await docker(["version"]);
      return await findSelf(id);
    } catch (error) {
      waiting = `NanoClaw waits for Docker: ${messageOf(error)}`;
      if (last !== waiting) console.error(`claw: ${waiting}`);
      last = waiting;
    }
  }
}

async function controlSocket(): Promise<void> {
  const socket = join(home, "data", "ncl.sock");
  const health = checks(home, () => undefined);
  while (!stopping) {
    // Without the file nobody has to be asked; a stale one, of a NanoClaw that was killed, answers nobody.
    if (existsSync(socket)) {
      try {
        await health.control?.();
        return;
      } catch (error) {
        waiting = `NanoClaw's control socket: ${messageOf(error)}`;
      }
    }
    await sleep(50);
  }
}

function ownAddress(): string {
  const found = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return found.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? "127.0.0.1";
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  stopping = true;
  waiting = "NanoClaw is stopping";
  log(`${signal}: stopping`);
  if (nanoclaw === undefined || nanoclaw.exitCode !== null) return end(0);
  nanoclaw.kill(signal);
  const late = setTimeout(() => nanoclaw?.kill("SIGKILL"), STOP_SECONDS * 1000);
  const [code] = await once(nanoclaw, "exit");
  clearTimeout(late);
  return end(code ?? 1);
}

/** Agents are not children of NanoClaw but the daemon's: they would outlive the claw, and keep its network. */
async function end(code: number): Promise<never> {
  try {
    if (install !== undefined && existsSync(selfFile())) await stopAgents(install);
  } catch (error) {
    console.error(`claw: agents may be left running: ${messageOf(error)}`);
  }
  process.exit(code);
}

async function stopAgents(id: string): Promise<void> {
  const format = '{{.ID}} {{.Label "nanoclaw-install"}}';
  const rows = (await docker(["ps", "--filter", "label=nanoclaw-install", "--format", format])).trim().split("\n");
  const agents = rows.flatMap((row) => (row.endsWith(`-${id}`) ? [row.slice(0, row.indexOf(" "))] : []));
  if (agents.length > 0) await docker(["stop", "--time", "2", ...agents], 10);
}
