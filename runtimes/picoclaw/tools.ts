import type { Claw, Path, Profile } from "../../fleet/types.ts";
import { say, toolsOf } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/** PicoClaw's own tools behind each name a fleet file can use: keys of `tools` in config.json. */
export const TOOLS: { readonly [tool: string]: readonly string[] } = {
  shell: ["exec"],
  files: ["read_file", "list_dir", "load_image", "write_file", "edit_file", "append_file"],
  web_search: ["web"],
  web_fetch: ["web_fetch"],
  message: ["message", "send_file"],
  cron: ["cron"],
  skills: ["skills", "find_skills", "install_skill"],
  subagents: ["subagent", "spawn", "spawn_status"],
  mcp: ["mcp"],
};

const WRITING = ["exec", "write_file", "edit_file", "append_file", "cron", "install_skill", "mcp"];

/** What a profile leaves switched off unless the fleet file allows the tool by name. */
const OFF: { readonly [profile in Profile]: readonly string[] } = {
  strict: WRITING,
  managed: ["install_skill", "mcp"],
  permissive: ["mcp"],
};

/** Every tool of PicoClaw's is either on or off, said explicitly: `tools` decides, and where it is silent, `security.profile`. */
export function addTools(claw: Claw, settings: Settings, report: Report): void {
  const { profile } = claw.security;
  const profilePath = [...claw.path, "security", "profile"];
  const chosen = new Map<string, { allowed: boolean; from: Path }>();
  for (const { entry, kind: owns, from } of toolsOf(claw, "PicoClaw", TOOLS, report)) {
    const { name, allowed } = entry;
    if (profile === "strict" && allowed && owns.every((own) => WRITING.includes(own))) {
      report([...from, "allowed"], say.noToolWhenStrict("PicoClaw", name));
    }
    chosen.set(name, { allowed, from });
  }

  for (const [name, owns] of Object.entries(TOOLS)) {
    const choice = chosen.get(name);
    for (const own of owns) {
      const off = OFF[profile].includes(own);
      // "strict" outweighs a permission: with `files` allowed, an agent reads.
      const enabled = choice === undefined ? !off : choice.allowed && !(off && profile === "strict");
      settings.set(["tools", own, "enabled"], enabled, choice?.from ?? profilePath);
    }
  }
  // PicoClaw never asks; what is risky it refuses: commands that destroy, escalate or reach out, and shell commands on a timer.
  settings.set(["tools", "exec", "enable_deny_patterns"], profile !== "permissive", profilePath);
  settings.set(["tools", "cron", "allow_command"], profile === "permissive", profilePath);
}
