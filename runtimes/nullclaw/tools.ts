import type { Claw, Path, Profile } from "../../fleet/types.ts";
import { toolsOf } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/**
 * The names a fleet file can use, and what of NullClaw's they are. It has a switch for the web and one for scheduled commands; its shell it only has
 * rules for; the rest is always there, unless an agent may not act at all.
 */
export const TOOLS: { readonly [tool: string]: "shell" | "web" | "cron" | "always" } = {
  shell: "shell",
  files: "always",
  web_search: "web",
  web_fetch: "web",
  memory: "always",
  cron: "cron",
  subagents: "always",
};

/** The shell's one allowed command where it is to have none: an empty list is NullClaw's own dozen. Nothing can be called so. */
export const NO_COMMAND = "clawfleet:none";

const COMMANDS: { readonly [profile in Profile]: readonly string[] } = { strict: [NO_COMMAND], managed: [], permissive: ["*"] };

interface Choice {
  readonly allowed: boolean;
  readonly from: Path;
}

/** `tools` decides, and where it is silent, `security`. What NullClaw cannot be told is reported. */
export function addTools(claw: Claw, settings: Settings, report: Report): void {
  const { profile, sandboxed } = claw.security;
  const choices = new Map<string, Choice>();
  for (const { entry, kind, from } of toolsOf(claw, "NullClaw", TOOLS, report)) {
    const { name, allowed } = entry;
    const at = [...from, "allowed"];
    if (allowed && profile === "strict") {
      report(at, 'security.profile "strict" leaves NullClaw no tool at all, as it only looks; remove this tool or choose "managed"');
    } else if (!allowed && kind === "always" && profile !== "strict") {
      report(at, `NullClaw has no switch for its ${name} tools; remove this tool, or choose security.profile = "strict", which has none`);
    }
    choices.set(name, { allowed, from });
  }
  const profilePath = [...claw.path, "security", "profile"];
  const sandboxPath = [...claw.path, "security", "sandboxed"];

  // NullClaw keeps its file tools in the workspace, but not what its shell runs.
  const shell = choices.get("shell");
  if (shell?.allowed && sandboxed && profile !== "strict") {
    report(
      [...shell.from, "allowed"],
      "NullClaw cannot keep its shell to the workspace; remove this tool or set security.sandboxed = false",
    );
  }
  const hasShell = (shell?.allowed ?? true) && !sandboxed && profile !== "strict";
  settings.set(["autonomy", "allowed_commands"], hasShell ? [...COMMANDS[profile]] : [NO_COMMAND], shell?.from ?? sandboxPath);

  // Scheduled commands are run past all the rules that the shell has, so there are none where there are rules.
  const cron = choices.get("cron");
  const mayCron = hasShell && profile === "permissive";
  if (cron?.allowed && !mayCron && profile !== "strict") {
    const needs = 'security.profile = "permissive", security.sandboxed = false and the shell';
    report([...cron.from, "allowed"], `NullClaw runs scheduled commands unchecked; remove this tool or give the claw ${needs}`);
  }
  settings.set(["scheduler", "enabled"], (cron?.allowed ?? true) && mayCron, cron?.from ?? profilePath);

  const [search, fetch] = [choices.get("web_search"), choices.get("web_fetch")];
  if (search !== undefined && fetch !== undefined && search.allowed !== fetch.allowed) {
    report([...fetch.from, "allowed"], "NullClaw has one switch for web_search and web_fetch; allow both or neither");
  }
  const web = search ?? fetch;
  settings.set(["http_request", "enabled"], (web?.allowed ?? true) && profile !== "strict", web?.from ?? profilePath);
}
