import type { Claw, Path } from "../../fleet/types.ts";
import type { Descriptor, Report, Runtime, Translation } from "../runtime.ts";
import { refuseCron } from "../schedule.ts";
import { Settings } from "../settings.ts";
import { addChannels, CHANNELS } from "./channels.ts";
import { addExtras } from "./extras.ts";
import { addModel } from "./model.ts";
import { addTools, TOOLS } from "./tools.ts";

const stateDir = "/home/picoclaw/.picoclaw";

const descriptor: Descriptor = {
  name: "picoclaw",
  title: "PicoClaw",
  version: "v0.2.9",
  source: "https://github.com/sipeed/picoclaw",
  upstream: { kind: "go", name: "github.com/sipeed/picoclaw" },
  license: "MIT",
  uid: 10003,
  port: 8080,
  health: { path: "/health", expect: { status: "ok" }, startupSeconds: 30 },
  stateDir,
  tmpfs: [{ path: "/tmp", sizeMiB: 64, exec: false }],
  // PicoClaw itself gives its channels 15 s.
  stopGraceSeconds: 20,
  minMemoryMiB: 64,
  config: { format: "json", overrides: "merge", path: "/run/claw/config.json" },
  envPrefix: "PICOCLAW_",
  variables: [],
  env: { HOME: "/home/picoclaw", NO_COLOR: "1", PICOCLAW_CONFIG: "/run/claw/config.json", PICOCLAW_HOME: stateDir },
  // PicoClaw refuses to start when the process id in its file is alive. After a kill the file is still on the volume, and in the new container that
  // id is often taken, be it by a thread of PicoClaw itself. One container per volume is what keeps it single here.
  command: ["/bin/sh", "-c", 'rm -f "$PICOCLAW_HOME/.picoclaw.pid" && exec picoclaw gateway --allow-empty'],
  bases: {
    DEBIAN: "debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251",
    GO: "golang:1.26-bookworm@sha256:116d58cbd88c1297624acc6e967a060012422bacf9930927e23fb719189c6f36",
  },
  buildArgs: { VERSION: "v0.2.9" },
};

/** `security.sandboxed` and `security.profile`, as far as no tool is concerned (those are in tools.ts). */
function addSecurity(claw: Claw, settings: Settings): void {
  const { sandboxed } = claw.security;
  const from: Path = [...claw.path, "security", "sandboxed"];
  settings.set(["agents", "defaults", "restrict_to_workspace"], sandboxed, from);
  settings.set(["agents", "defaults", "allow_read_outside_workspace"], !sandboxed, from);
}

function addMemory(claw: Claw, settings: Settings): void {
  const from: Path = [...claw.path, "memory"];
  const { enabled, maxHistory } = claw.memory;
  if (!enabled) {
    settings.set(["agents", "defaults", "turn_profile", "enabled"], true, [...from, "enabled"]);
    settings.set(["agents", "defaults", "turn_profile", "history", "mode"], "off", [...from, "enabled"]);
  }
  if (maxHistory !== undefined) {
    // Beyond it, PicoClaw replaces the older messages by a summary.
    settings.set(["agents", "defaults", "summarize_message_threshold"], maxHistory, [...from, "max_history"]);
  }
}

/** PicoClaw counts heartbeats in whole minutes and makes anything shorter than five minutes five. */
const shortestHeartbeat = 5;

function addSchedule(claw: Claw, settings: Settings, report: Report): void {
  const { heartbeatMinutes } = claw.schedule;
  const from: Path = [...claw.path, "schedule", "heartbeat"];
  settings.set(["heartbeat", "enabled"], heartbeatMinutes !== undefined, from);
  if (heartbeatMinutes !== undefined) {
    if (heartbeatMinutes < shortestHeartbeat || !Number.isInteger(heartbeatMinutes)) {
      report(from, `PicoClaw's heartbeat is a whole number of minutes, ${shortestHeartbeat}m at least; write one, such as "30m"`);
    }
    settings.set(["heartbeat", "interval"], heartbeatMinutes, from);
  }
  refuseCron(claw, descriptor, report);
}

function translate(claw: Claw, report: Report): Translation {
  const settings = new Settings(descriptor.envPrefix);
  addModel(claw, settings, report);
  addChannels(claw, settings, report);
  addTools(claw, settings, report);
  addSecurity(claw, settings);
  addMemory(claw, settings);
  addSchedule(claw, settings, report);
  addExtras(claw, settings, report);
  return settings.translation();
}

/** PicoClaw, configured by merging overrides into its `config.json` (version 3). */
export const runtime: Runtime = { descriptor, tools: Object.keys(TOOLS), channels: Object.keys(CHANNELS), translate };
