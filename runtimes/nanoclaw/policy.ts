import type { Claw } from "../../fleet/types.ts";
import { toolsOf } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/** The names a fleet file can use: what every agent of NanoClaw has. */
export const TOOLS: { readonly [name: string]: true } = {
  shell: true,
  files: true,
  web_search: true,
  web_fetch: true,
  memory: true,
  message: true,
  cron: true,
  skills: true,
  subagents: true,
  mcp: true,
};

/** NanoClaw gives every agent all of its tools, confined by the agent's container alone: one can be named, but not taken away. */
export function addTools(claw: Claw, report: Report): void {
  for (const { entry, from } of toolsOf(claw, "NanoClaw", TOOLS, report)) {
    if (entry.allowed) continue;
    report(
      [...from, "allowed"],
      `NanoClaw cannot take ${entry.name} from its agents: what confines them is a container of their own; remove this tool, or use a runtime that can`,
    );
  }
}

/** `security.sandboxed` and `security.profile`. */
export function addSecurity(claw: Claw, settings: Settings, report: Report): void {
  const { sandboxed, profile } = claw.security;
  const from = [...claw.path, "security"];
  if (!sandboxed) {
    report(
      [...from, "sandboxed"],
      "NanoClaw's agents always run in containers of their own, with the claw's state and nothing else; remove sandboxed = false",
    );
  }
  if (profile === "strict") {
    report(
      [...from, "profile"],
      'NanoClaw\'s agents can always write and run commands within their container; choose "managed" or "permissive"',
    );
    return;
  }
  settings.set(["agent", "cliScope"], profile === "permissive" ? "global" : "group", [...from, "profile"]);
}

/** NanoClaw's trunk has the channel that the claw's HTTP API uses, and no other. */
export function refuseChannels(claw: Claw, report: Report): void {
  for (const [index, { channel }] of claw.channels.entries()) {
    report(
      [...claw.path, "channels", index, "channel"],
      `NanoClaw has no ${channel}: its channels are code to be merged into a fork. It offers the claw's own API, POST /v1/messages; remove this channel, or build the image from a fork that has it (REPO, REF)`,
    );
  }
}

export function refuseMemory(claw: Claw, report: Report): void {
  const from = [...claw.path, "memory"];
  if (!claw.memory.enabled) {
    report(
      [...from, "enabled"],
      'NanoClaw always keeps conversations across restarts; remove enabled = false, and send "/clear" to begin a new one',
    );
  }
  if (claw.memory.maxHistory !== undefined) {
    report(
      [...from, "max_history"],
      'NanoClaw counts no messages: Claude Code sums up a conversation when it grows too long; remove max_history ("/compact" sums up at once)',
    );
  }
}

export function refuseSchedule(claw: Claw, report: Report): void {
  const from = [...claw.path, "schedule"];
  if (claw.schedule.heartbeatMinutes !== undefined) {
    report([...from, "heartbeat"], "NanoClaw has no heartbeat; remove it, and ask the agent in a message for a task that repeats");
  }
  if (claw.schedule.cron.length > 0) {
    report(
      [...from, "cron"],
      "NanoClaw's agents keep their tasks themselves, in the claw's state; remove them here, and ask the agent for them in a message",
    );
  }
}
