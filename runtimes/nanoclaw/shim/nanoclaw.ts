/** NanoClaw itself: its folder made ready, its process, its rows. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../native.ts";
import { FOLDER, query } from "./chat.ts";
import { ncl } from "./ncl.ts";

/** Where the image has NanoClaw. */
const PROGRAM = process.env.NANOCLAW_PROGRAM ?? "/opt/nanoclaw";

/** Variables of the shim alone: neither NanoClaw nor, through it, an agent is given these. */
const SHIMS_OWN = ["NANOCLAW_GATEWAY_TOKEN", "ANTHROPIC_API_KEY"];

/**
 * Makes the state directory an installation as NanoClaw expects to stand in: agents are given parts of `container/` as mounts, which have to be on
 * the volume for the daemon to see them. They are the image's, so they are put there anew.
 *
 * @returns what tells this claw's agents from those of others on the daemon; it stays with the volume.
 */
export function prepare(home: string, config: Config): string {
  const at = (...path: string[]) => join(home, ...path);
  rmSync(at("container"), { recursive: true, force: true });
  cpSync(join(PROGRAM, "container"), at("container"), { recursive: true });
  for (const skill of missingSkills(config)) rmSync(at("container", "skills", skill), { recursive: true, force: true });
  rmSync(at("tmp"), { recursive: true, force: true });
  mkdirSync(at("tmp"), { mode: 0o700 });
  mkdirSync(at("data"), { recursive: true, mode: 0o700 });
  // Left by a NanoClaw that was killed, it makes the next one wait up to 15 minutes. Docker waits longer after each failure already.
  rmSync(at("data", "circuit-breaker.json"), { force: true });
  const file = at("data", "claw-install");
  if (!existsSync(file)) writeFileSync(file, randomBytes(6).toString("hex"));
  return readFileSync(file, "utf8");
}

/** Skills that would have agents use what they have not: programs that are not in the claw's own image, and a gateway that adds all sorts of credentials. */
function missingSkills({ agent, onecli }: Config): string[] {
  const programs = agent.image === "" ? ["agent-browser", "frontend-engineer", "vercel-cli"] : [];
  return onecli.url === "" ? ["onecli-gateway", ...programs] : programs;
}

/** Environment of NanoClaw: the container's but for the shim's own, and the settings that NanoClaw reads there. */
export function environment(config: Config, image: string, gateway: string, home: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !SHIMS_OWN.includes(name) && !(gateway !== "" && name === "ONECLI_API_KEY"),
  );
  return {
    ...Object.fromEntries(inherited),
    TZ: config.timezone,
    LOG_LEVEL: config.logLevel,
    ASSISTANT_NAME: config.agent.name,
    CONTAINER_IMAGE: config.agent.image || image,
    ONECLI_URL: gateway || config.onecli.url,
    // What it writes there is mounted into agents.
    TMPDIR: join(home, "tmp"),
  };
}

/** Makes the agent group, its folder and its wiring to the CLI channel, by NanoClaw's own set-up script, where they are not there yet. */
export async function ensureAgent(config: Config, home: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (existsSync(join(home, "data", "v2.db")) && groupId(home) !== undefined) return;
  const script = join(PROGRAM, "scripts", "init-cli-agent.ts");
  const args = [script, "--display-name", "Operator", "--agent-name", config.agent.name, "--folder", FOLDER];
  try {
    await promisify(execFile)(process.execPath, args, { cwd: home, env, timeout: 60_000 });
  } catch (error) {
    throw new Error(`NanoClaw's set-up of its agent failed: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

function groupId(home: string): string | undefined {
  const sql = "select a.id from agent_groups a join messaging_group_agents w on w.agent_group_id = a.id where a.folder = ?";
  try {
    const id = query(join(home, "data", "v2.db"), sql, FOLDER)[0]?.id;
    return id === undefined ? undefined : String(id);
  } catch (error) {
    // A start that was cut short left a database without tables.
    if (error instanceof Error && error.message.startsWith("no such table")) return undefined;
    throw error;
  }
}

/** Starts NanoClaw; its output becomes this process's. */
export function start(home: string, env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(PROGRAM, "dist", "index.js")], {
    cwd: home,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** Brings the agent's row to the settings, through NanoClaw's control socket; what is so already is left alone. */
export async function applySettings(config: Config, home: string): Promise<void> {
  const socket = join(home, "data", "ncl.sock");
  const id = groupId(home);
  if (id === undefined) throw new Error("NanoClaw has no agent group");
  const { name, provider, model, effort, maxMessagesPerPrompt, cliScope } = config.agent;
  const wanted = { provider, model, effort, assistant_name: name, max_messages_per_prompt: maxMessagesPerPrompt, cli_scope: cliScope };
  const is = members(await ncl(socket, "groups-config-get", { id }));
  const changes = Object.entries(wanted).filter(([key, value]) => (is.get(key) ?? "") !== value);
  if (changes.length > 0) await ncl(socket, "groups-config-update", { id, ...Object.fromEntries(changes) });
  if (members(await ncl(socket, "groups-get", { id })).get("name") !== name) await ncl(socket, "groups-update", { id, name });
  // Whoever has the claw's token may give it commands, such as /clear.
  await ncl(socket, "roles-grant", { user: "cli:local", role: "admin", group: id });
}

function members(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}
