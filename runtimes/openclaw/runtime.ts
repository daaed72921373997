import type { Claw } from "../../fleet/types.ts";
import { addExtras } from "../extras.ts";
import type { Descriptor, Report, Runtime, Translation } from "../runtime.ts";
import { refuseCron } from "../schedule.ts";
import { Settings } from "../settings.ts";
import { addChannels, CHANNELS } from "./channels.ts";
import { EXTRAS } from "./extras.ts";
import { addModel } from "./model.ts";
import { addTools, TOOLS } from "./tools.ts";

const stateDir = "/home/openclaw/.openclaw";

const descriptor: Descriptor = {
  name: "openclaw",
  title: "OpenClaw",
  version: "2026.9.6",
  source: "https://github.com/openclaw/openclaw",
  upstream: { kind: "npm", name: "openclaw" },
  license: "MIT",
  uid: 10002,
  port: 3000,
  // Every unknown path answers 200 with a page: only the body tells.
  health: { path: "/health", expect: { ok: true, status: "live" }, startupSeconds: 180 },
  stateDir,
  tmpfs: [
    { path: "/tmp", sizeMiB: 256, exec: true },
    { path: "/home/openclaw/.cache", sizeMiB: 64, exec: false },
  ],
  // Idle it stops in a second or two; with work in hand it takes up to 325 s to finish it. A claw is given a minute.
  stopGraceSeconds: 60,
  minMemoryMiB: 1024,
  config: { format: "json", overrides: "merge", path: "/run/claw/config.json" },
  envPrefix: "OPENCLAW_",
  variables: [
    { name: "OPENCLAW_GATEWAY_TOKEN", about: "Whoever has it commands the claw: openssl rand -hex 32", secret: true, required: true },
    {
      name: "ANTHROPIC_API_KEY",
      about: "The model's key; or OPENAI_API_KEY, OPENROUTER_API_KEY, GEMINI_API_KEY, ... as OpenClaw names them",
      secret: true,
      required: false,
    },
    { name: "TELEGRAM_BOT_TOKEN", about: "The Telegram bot's token, from @BotFather", secret: true, required: false },
  ],
  keepFiles: [
    "GOOGLE_CHAT_SERVICE_ACCOUNT_FILE",
    "OPENCLAW_ANTHROPIC_PAYLOAD_LOG_FILE",
    "OPENCLAW_CACHE_TRACE_FILE",
    "OPENCLAW_PROXY_CA_FILE",
    "OPENCLAW_VAULT_JWT_FILE",
    "VAULT_TOKEN_FILE",
  ],
  env: {
    HOME: "/home/openclaw",
    NODE_ENV: "production",
    // Filled when the image was built; without the second variable OpenClaw would start itself again with a cache of its own.
    NODE_COMPILE_CACHE: "/opt/openclaw/compile-cache",
    OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: "1",
    OPENCLAW_CONFIG_PATH: "/run/claw/config.json",
    OPENCLAW_CONFIG_READONLY: "1",
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_DISABLE_BONJOUR: "1",
    OPENCLAW_NO_AUTO_UPDATE: "1",
    OPENCLAW_NO_RESPAWN: "1",
  },
  command: ["openclaw", "gateway", "run"],
  bases: {
    DEBIAN: "debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251",
    NODE: "node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6",
    GO: "golang:1.26-bookworm@sha256:116d58cbd88c1297624acc6e967a060012422bacf9930927e23fb719189c6f36",
  },
  buildArgs: { VERSION: "2026.9.6" },
};

function addGateway(claw: Claw, settings: Settings): void {
  settings.secretEnv("OPENCLAW_GATEWAY_TOKEN", { kind: "gateway-token" });
  // A browser comes from the host's port, which OpenClaw cannot know.
  const origins = [`http://localhost:${claw.port}`, `http://127.0.0.1:${claw.port}`];
  settings.set(["gateway", "controlUi", "allowedOrigins"], origins, [...claw.path, "port"]);
}

function addMemory(claw: Claw, settings: Settings, report: Report): void {
  const { enabled, maxHistory } = claw.memory;
  const from = [...claw.path, "memory"];
  if (!enabled) {
    report(
      [...from, "enabled"],
      'OpenClaw always keeps conversations across restarts; remove enabled = false, and limit them with [agent.extras.session.reset] mode = "idle" or "daily"',
    );
  }
  // Direct messages are counted channel by channel: see addChannels.
  if (maxHistory !== undefined) settings.set(["messages", "groupChat", "historyLimit"], maxHistory, [...from, "max_history"]);
}

function addSchedule(claw: Claw, settings: Settings, report: Report): void {
  const { heartbeatMinutes } = claw.schedule;
  const from = [...claw.path, "schedule"];
  const every = heartbeatMinutes === undefined ? "0m" : `${heartbeatMinutes}m`;
  settings.set(["agents", "defaults", "heartbeat", "every"], every, [...from, "heartbeat"]);
  refuseCron(claw, descriptor, report);
}

function translate(claw: Claw, report: Report): Translation {
  const settings = new Settings(descriptor.envPrefix);
  addGateway(claw, settings);
  addModel(claw, settings, report);
  addChannels(claw, settings, report);
  addTools(claw, settings, report);
  addMemory(claw, settings, report);
  addSchedule(claw, settings, report);
  addExtras(claw, settings, EXTRAS, report);
  return settings.translation();
}

/** OpenClaw, configured by merging overrides into its `openclaw.json`. */
export const runtime: Runtime = { descriptor, tools: Object.keys(TOOLS), channels: Object.keys(CHANNELS), translate };
