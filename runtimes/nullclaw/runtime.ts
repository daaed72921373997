import type { Claw, Profile } from "../../fleet/types.ts";
import type { Descriptor, Report, Runtime, Translation } from "../runtime.ts";
import { Settings } from "../settings.ts";
import { addChannels, CHANNELS } from "./channels.ts";
import { addExtras } from "./extras.ts";
import { addModel } from "./model.ts";
import { addTools, TOOLS } from "./tools.ts";

const home = "/home/nullclaw";
const stateDir = `${home}/.nullclaw`;

const descriptor: Descriptor = {
  name: "nullclaw",
  title: "NullClaw",
  version: "2026.2.26",
  source: "https://github.com/nullclaw/nullclaw",
  upstream: { kind: "git", tags: "^v(\\d{4}\\.\\d+\\.\\d+)$" },
  license: "MIT",
  uid: 10006,
  port: 6060,
  // "degraded" is a channel that does not work.
  health: { path: "/health", expect: { status: "ok" }, startupSeconds: 30 },
  stateDir,
  tmpfs: [{ path: "/tmp", sizeMiB: 64, exec: false }],
  // It does not wait for anything: the signal ends it.
  stopGraceSeconds: 10,
  minMemoryMiB: 32,
  config: { format: "json", overrides: "merge", path: "/run/claw/config.json" },
  envPrefix: "NULLCLAW_",
  variables: [
    {
      name: "NULLCLAW_API_KEY",
      about: "the model's key, whoever its provider is; or ANTHROPIC_API_KEY, OPENAI_API_KEY, ...",
      secret: true,
      required: false,
    },
    { name: "NULLCLAW_PROVIDER", about: "the model's provider: anthropic, openai, openrouter, ...", secret: false, required: false },
    { name: "NULLCLAW_MODEL", about: "the model's name at that provider", secret: false, required: false },
    { name: "BRAVE_API_KEY", about: "for web searches with Brave instead of DuckDuckGo", secret: true, required: false },
  ],
  env: { HOME: home },
  // NullClaw reads its configuration in its state directory only. What its chat commands write there instead of the link is gone at the next start.
  command: [
    "/bin/sh",
    "-c",
    'ln -sfn /run/claw/config.json "$HOME/.nullclaw/config.json" && rm -f "$HOME/.nullclaw/config.json.bak" && exec nullclaw gateway',
  ],
  bases: {
    DEBIAN: "debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251",
    GO: "golang:1.26-bookworm@sha256:116d58cbd88c1297624acc6e967a060012422bacf9930927e23fb719189c6f36",
    PYTHON: "python:3.13-bookworm@sha256:227b6570d6ee07061ae6ca2eb04dedfb6d2b34045835f343065b9869e4d427ea",
  },
  buildArgs: {
    VERSION: "2026.2.26",
    REPO: "https://github.com/nullclaw/nullclaw",
    REF: "9a64fd94c65ee409a1c523653463ef43e1961aac",
    MIRROR: "https://github.com/karlseguin",
  },
};

/** NullClaw's levels: not act at all; act, but refuse what is risky; act. */
const LEVELS: { readonly [profile in Profile]: string } = { strict: "readonly", managed: "supervised", permissive: "full" };

function addSecurity(claw: Claw, settings: Settings): void {
  const { profile, sandboxed } = claw.security;
  const from = [...claw.path, "security"];
  settings.set(["autonomy", "level"], LEVELS[profile], [...from, "profile"]);
  settings.set(["autonomy", "block_high_risk_commands"], profile !== "permissive", [...from, "profile"]);
  settings.set(["autonomy", "require_approval_for_medium_risk"], profile !== "permissive", [...from, "profile"]);
  settings.set(["autonomy", "workspace_only"], sandboxed, [...from, "sandboxed"]);
  settings.set(["autonomy", "allowed_paths"], sandboxed ? [] : ["*"], [...from, "sandboxed"]);
}

function addMemory(claw: Claw, settings: Settings): void {
  const { enabled, maxHistory } = claw.memory;
  const from = [...claw.path, "memory"];
  // Of the backends in the build only this one keeps conversations.
  settings.set(["memory", "backend"], enabled ? "sqlite" : "none", [...from, "enabled"]);
  settings.set(["memory", "auto_save"], enabled, [...from, "enabled"]);
  if (maxHistory !== undefined) settings.set(["agent", "max_history_messages"], maxHistory, [...from, "max_history"]);
}

function refuseSchedule(claw: Claw, report: Report): void {
  const from = [...claw.path, "schedule"];
  if (claw.schedule.heartbeatMinutes !== undefined) {
    report(
      [...from, "heartbeat"],
      `NullClaw ${descriptor.version} reads HEARTBEAT.md at each heartbeat and does nothing with it; remove heartbeat`,
    );
  }
  if (claw.schedule.cron.length > 0) {
    report(
      [...from, "cron"],
      'NullClaw schedules shell commands, not messages to the agent; remove them here, and where the cron tool is allowed add commands in the running claw: nullclaw cron add "<expression>" "<command>"',
    );
  }
}

function translate(claw: Claw, report: Report): Translation {
  const settings = new Settings(descriptor.envPrefix);
  settings.setSecret(["gateway", "paired_tokens", 0], { kind: "gateway-token", hash: "sha256" }, claw.path);
  addModel(claw, settings, report);
  addChannels(claw, settings, report);
  addTools(claw, settings, report);
  addSecurity(claw, settings);
  addMemory(claw, settings);
  refuseSchedule(claw, report);
  addExtras(claw, settings, report);
  return settings.translation();
}

/** NullClaw, configured by merging overrides into its `config.json`. */
export const runtime: Runtime = { descriptor, tools: Object.keys(TOOLS), channels: Object.keys(CHANNELS), translate };
