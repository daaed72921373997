import type { Claw, Path, Profile } from "../../fleet/types.ts";
import { addExtras } from "../extras.ts";
import type { Descriptor, Report, Runtime, Translation } from "../runtime.ts";
import { refuseCron } from "../schedule.ts";
import { Settings } from "../settings.ts";
import { addChannels, CHANNELS } from "./channels.ts";
import { ALIAS, FIXED, PORT } from "./conventions.ts";
import { EXTRAS } from "./extras.ts";
import { addModel } from "./model.ts";
import { addTools, TOOLS } from "./tools.ts";

const prefix = "ZEROCLAW_";
const home = "/home/zeroclaw";
const stateDir = `${home}/.zeroclaw`;

const descriptor: Descriptor = {
  name: "zeroclaw",
  title: "ZeroClaw",
  version: "0.8.7",
  source: "https://github.com/zeroclaw-labs/zeroclaw",
  upstream: { kind: "crates", name: "zeroclaw" },
  license: "MIT OR Apache-2.0",
  uid: 10001,
  port: PORT,
  health: { path: "/health", expect: { status: "ok", require_pairing: true }, startupSeconds: 30 },
  stateDir,
  workspace: `${stateDir}/agents/${ALIAS}/workspace`,
  tmpfs: [{ path: "/tmp", sizeMiB: 64, exec: false }],
  stopGraceSeconds: 15,
  minMemoryMiB: 96,
  config: { format: "toml", overrides: "native", path: `${stateDir}/config.toml` },
  envPrefix: prefix,
  variables: [],
  env: {
    HOME: home,
    ZEROCLAW_CONFIG_DIR: stateDir,
    ...Object.fromEntries(FIXED.map(([path, value]) => [prefix + path.join("__"), value])),
  },
  command: ["zeroclaw", "daemon"],
  bases: {
    DEBIAN: "debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251",
    GO: "golang:1.26-bookworm@sha256:116d58cbd88c1297624acc6e967a060012422bacf9930927e23fb719189c6f36",
    RUST: "rust:1.97-bookworm@sha256:0e2bcaef56d041a486784e54104a81aebe0da44bd03019bd70bc0401e42e4a97",
  },
  buildArgs: { VERSION: "0.8.7", CRATE_SHA256: "f5f55aad487a79c946e2f7b17f2e1ae170bd9c562fffc821cb83adb19199a2fc" },
};

/** ZeroClaw's levels: look only; act, but ask for what is risky; act. */
const LEVELS: { readonly [profile in Profile]: string } = { strict: "readonly", managed: "supervised", permissive: "full" };

function addSecurity(claw: Claw, settings: Settings): void {
  const { profile, sandboxed } = claw.security;
  const risk = (key: string, value: boolean | string | string[], from: string) =>
    settings.set(["risk_profiles", ALIAS, key], value, [...claw.path, "security", from]);
  risk("level", LEVELS[profile], "profile");
  if (profile === "permissive") {
    risk("allowed_commands", ["*"], "profile");
    risk("block_high_risk_commands", false, "profile");
    risk("require_approval_for_medium_risk", false, "profile");
  }
  risk("workspace_only", sandboxed, "sandboxed");
  risk("sandbox_enabled", sandboxed, "sandboxed");
  // The kernel's own confinement of shell commands; ZeroClaw's log says so where a kernel has none, and its own path checks remain.
  risk("sandbox_backend", sandboxed ? "landlock" : "none", "sandboxed");
}

function addMemory(claw: Claw, settings: Settings): void {
  const { enabled, maxHistory } = claw.memory;
  const from: Path = [...claw.path, "memory", "enabled"];
  const backend = enabled ? "sqlite" : "none";
  settings.set(["memory", "backend"], backend, from);
  settings.set(["agents", ALIAS, "memory", "backend"], backend, from);
  settings.set(["channels", "session_persistence"], enabled, from);
  settings.set(["gateway", "session_persistence"], enabled, from);
  if (maxHistory !== undefined) {
    settings.set(["runtime_profiles", ALIAS, "max_history_messages"], maxHistory, [...claw.path, "memory", "max_history"]);
  }
}

function addSchedule(claw: Claw, settings: Settings, report: Report): void {
  const { heartbeatMinutes } = claw.schedule;
  const from: Path = [...claw.path, "schedule", "heartbeat"];
  settings.set(["heartbeat", "enabled"], heartbeatMinutes !== undefined, from);
  settings.set(["heartbeat", "agent"], ALIAS, from);
  if (heartbeatMinutes !== undefined) {
    if (!Number.isInteger(heartbeatMinutes)) report(from, 'ZeroClaw\'s heartbeat is a whole number of minutes; write one, such as "30m"');
    settings.set(["heartbeat", "interval_minutes"], heartbeatMinutes, from);
  }
  refuseCron(claw, descriptor, report);
}

function translate(claw: Claw, report: Report): Translation {
  const settings = new Settings(prefix);
  settings.set(["agents", ALIAS, "enabled"], true, claw.path);
  settings.set(["agents", ALIAS, "risk_profile"], ALIAS, claw.path);
  // ZeroClaw takes a list with one member as the member itself. Who pairs with a code while it runs is forgotten at the next start: this wins.
  settings.setSecret(["gateway", "paired_tokens"], { kind: "gateway-token", hash: "sha256" }, claw.path);
  addModel(claw, settings, report);
  addChannels(claw, settings, report);
  addTools(claw, settings, report);
  addSecurity(claw, settings);
  addMemory(claw, settings);
  addSchedule(claw, settings, report);
  addExtras(claw, settings, EXTRAS, report);
  // A profile that has no entry must not be named.
  if (settings.origin(["runtime_profiles", ALIAS]) !== undefined) settings.set(["agents", ALIAS, "runtime_profile"], ALIAS, claw.path);
  return settings.translation();
}

/** ZeroClaw, configured by the overrides that it reads itself. */
export const runtime: Runtime = { descriptor, tools: Object.keys(TOOLS), channels: Object.keys(CHANNELS), translate };
