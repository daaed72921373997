import type { Claw } from "../../fleet/types.ts";
import type { Descriptor, Report, Runtime, Translation } from "../runtime.ts";
import { Settings } from "../settings.ts";
import { KEY_ENV, MASTER_KEY_ENV, POSTGRES_URL_ENV, UPSTREAM_PORT, WHO } from "./conventions.ts";
import { addExtras, usesPostgres } from "./extras.ts";
import { addModel } from "./model.ts";
import { addSecurity } from "./security.ts";
import { addTools, TOOLS } from "./tools.ts";

const stateDir = "/home/ironclaw/.ironclaw";
/** IronClaw's agent works below this, in a directory for each tenant and user. */
const workspace = `${stateDir}/workspace`;
const source = { REPO: "https://github.com/nearai/ironclaw", REF: "ironclaw-v1.3.0" };

const descriptor: Descriptor = {
  name: "ironclaw",
  title: "IronClaw",
  version: "1.3.0",
  source: source.REPO,
  upstream: { kind: "git", tags: "^ironclaw-v(\\d+\\.\\d+\\.\\d+)$" },
  license: "MIT OR Apache-2.0",
  uid: 10005,
  port: 9090,
  health: { path: "/health", expect: { name: "IronClaw" }, startupSeconds: 60 },
  // IronClaw's own /api/health is good while it is still coming up and everything else answers 503; most of what else is public answers 429 when asked
  // more than twice a second. The WebUI's own description is public too, has no such limit, and is there when IronClaw is.
  front: { upstreamPort: UPSTREAM_PORT, rewrite: { "/health": "/assets/site.webmanifest" } },
  stateDir,
  workspace: `${workspace}/tenants/${WHO}/users/${WHO}`,
  tmpfs: [{ path: "/tmp", sizeMiB: 64, exec: false }],
  stopGraceSeconds: 30,
  minMemoryMiB: 128,
  config: { format: "toml", overrides: "merge", path: "/run/claw/config.toml" },
  envPrefix: "IRONCLAW_",
  variables: [
    {
      name: "IRONCLAW_REBORN_WEBUI_TOKEN",
      about: "who has it may use the WebUI and the API; 32 bytes at least: openssl rand -hex 32",
      secret: true,
      required: true,
    },
    { name: KEY_ENV, about: "the model's key, when IRONCLAW_llm__default__api_key_env names this variable", secret: true, required: false },
    {
      name: POSTGRES_URL_ENV,
      about:
        "postgres://user:password@host/database, for IRONCLAW_boot__profile=hosted-single-tenant with IRONCLAW_storage__backend=postgres",
      secret: true,
      required: false,
    },
    {
      name: MASTER_KEY_ENV,
      about: "encrypts what IronClaw keeps in Postgres; 32 bytes at least, never changed: openssl rand -hex 32",
      secret: true,
      required: false,
    },
    {
      name: "IRONCLAW_REBORN_WEBUI_BASE_URL",
      about: "where browsers reach the WebUI, for logins that come back to it",
      secret: false,
      required: false,
    },
    {
      name: "IRONCLAW_REBORN_LOG",
      about: "what is logged: error, warn, info, debug, or a filter of Rust's tracing",
      secret: false,
      required: false,
      default: "info",
    },
  ],
  env: {
    HOME: "/home/ironclaw",
    IRONCLAW_DISABLE_OS_KEYCHAIN: "1",
    // The database's URL decides: TLS, unless it says sslmode=disable.
    IRONCLAW_REBORN_ALLOW_REMOTE_POSTGRES_CLEAR_TEXT: "true",
    IRONCLAW_REBORN_HOME: `${stateDir}/reborn`,
    // One container per volume and per database.
    IRONCLAW_REBORN_POSTGRES_RESOURCE_GOVERNOR_SINGLETON: "true",
    IRONCLAW_WORKSPACE: workspace,
    NO_COLOR: "1",
  },
  command: ["/usr/local/bin/start-ironclaw"],
  bases: {
    DEBIAN: "debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251",
    GO: "golang:1.26-bookworm@sha256:116d58cbd88c1297624acc6e967a060012422bacf9930927e23fb719189c6f36",
    NODE: "node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6",
    NODE_BUILD: "node:24-bookworm@sha256:64af3819f9275802414d7cdc38c27e9d82bd564dec4d4da87d008255d36c63b4",
    RUST: "rust:1.97-bookworm@sha256:0e2bcaef56d041a486784e54104a81aebe0da44bd03019bd70bc0401e42e4a97",
  },
  buildArgs: { ...source, VERSION: "1.3.0" },
};

/** IronClaw has no channels in its configuration. */
function refuseChannels(claw: Claw, report: Report): void {
  for (const [index, { channel }] of claw.channels.entries()) {
    const known = channel === "telegram" || channel === "slack";
    const instead = known
      ? `connects ${channel} in its WebUI only; remove this channel here, install it there under Extensions and put its token under Admin, Configuration`
      : `has no channel "${channel}"; its WebUI has telegram and slack, under Extensions`;
    report([...claw.path, "channels", index, "channel"], `IronClaw ${instead}`);
  }
}

function refuseMemory(claw: Claw, report: Report): void {
  const from = [...claw.path, "memory"];
  if (!claw.memory.enabled) {
    report(
      [...from, "enabled"],
      "IronClaw keeps every conversation; remove this, and delete conversations in its WebUI. Its notes across conversations are the tool memory: allowed = false switches them off",
    );
  }
  if (claw.memory.maxHistory !== undefined) {
    report(
      [...from, "max_history"],
      "IronClaw sums up older messages when the model's context is full, and has no setting for it; remove this",
    );
  }
}

function refuseSchedule(claw: Claw, report: Report): void {
  const from = [...claw.path, "schedule"];
  const instead = "ask the running claw for an automation; its WebUI lists them under Automations";
  if (claw.schedule.heartbeatMinutes !== undefined)
    report([...from, "heartbeat"], `IronClaw has no heartbeat; remove it here and ${instead}`);
  if (claw.schedule.cron.length > 0) {
    report([...from, "cron"], `IronClaw keeps its automations itself and has no setting for them; remove them here and ${instead}`);
  }
}

function translate(claw: Claw, report: Report): Translation {
  const settings = new Settings(descriptor.envPrefix);
  settings.secretEnv("IRONCLAW_REBORN_WEBUI_TOKEN", { kind: "gateway-token" });
  // IronClaw would send browsers back to the port on which it listens inside the container.
  settings.env("IRONCLAW_REBORN_WEBUI_BASE_URL", `http://127.0.0.1:${claw.port}`);
  addModel(claw, settings, report);
  refuseChannels(claw, report);
  addTools(claw, settings, report);
  addSecurity(claw, settings, usesPostgres(claw), report);
  refuseMemory(claw, report);
  refuseSchedule(claw, report);
  addExtras(claw, settings, report);
  return settings.translation();
}

/** IronClaw, configured by merging overrides into its `config.toml`. */
export const runtime: Runtime = { descriptor, tools: Object.keys(TOOLS), channels: [], translate };
