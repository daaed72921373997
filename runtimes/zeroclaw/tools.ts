import type { Claw } from "../../fleet/types.ts";
import { say, toolsOf } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";
import { ALIAS } from "./conventions.ts";

interface Tool {
  /** ZeroClaw's own tools behind the name. */
  readonly own: readonly string[];
  /** Why the image cannot offer it; such a tool can be denied but not allowed. */
  readonly missing?: string;
}

/** The names a fleet file can use. */
export const TOOLS: { readonly [name: string]: Tool } = {
  shell: { own: ["shell"] },
  files: { own: ["file_read", "file_write", "file_edit", "glob_search", "content_search"] },
  web_search: { own: ["web_search_tool"] },
  web_fetch: { own: ["web_fetch", "http_request"] },
  memory: { own: ["memory_recall", "memory_store", "memory_forget", "memory_export", "memory_purge"] },
  message: { own: ["send_via", "deliver_file", "reaction", "poll", "channel_room", "ask_user", "escalate_to_human"] },
  cron: { own: ["cron_add", "cron_list", "cron_remove", "cron_update", "cron_run", "cron_runs", "schedule"] },
  skills: { own: ["read_skill", "skills_list", "skill_view", "skill_manage"] },
  subagents: { own: ["spawn_subagent", "delegate", "send_message_to_peer"] },
  mcp: { own: ["mcp_prompts", "mcp_resources"], missing: "no MCP server can be set in a fleet file" },
  browser: { own: ["browser", "browser_open", "browser_delegate", "text_browser", "screenshot"], missing: "its image has no browser" },
};

/** What ZeroClaw asks nobody about under "managed", unless the fleet file denies it: tools that look and keep. */
const UNASKED = [
  ...["file_read", "glob_search", "content_search", "image_info", "web_search_tool", "web_fetch"],
  ...["memory_recall", "memory_store", "calculator", "weather", "tool_search", "read_skill"],
];

/**
 * An allowed tool runs without a question, a denied one is not there at all, and one that `tools` does not name is as the security profile says:
 * under "managed" ZeroClaw asks on the channel for everything that does more than look.
 */
export function addTools(claw: Claw, settings: Settings, report: Report): void {
  const allowed: string[] = [];
  const denied: string[] = [];
  for (const { entry, kind: tool, from } of toolsOf(claw, "ZeroClaw", TOOLS, report)) {
    const { name, allowed: isAllowed } = entry;
    if (isAllowed && tool.missing !== undefined) {
      report([...from, "allowed"], `ZeroClaw's ${name} cannot be allowed: ${tool.missing}; remove this tool or set allowed = false`);
    }
    if (isAllowed && name === "shell" && claw.security.profile === "strict") {
      report([...from, "allowed"], say.noToolWhenStrict("ZeroClaw", name));
    }
    (isAllowed ? allowed : denied).push(...tool.own);
  }
  const from = [...claw.path, "tools"];
  const unasked = new Set([...UNASKED, ...allowed]);
  for (const name of denied) unasked.delete(name);
  settings.set(["risk_profiles", ALIAS, "auto_approve"], [...unasked].sort(), from);
  settings.set(["risk_profiles", ALIAS, "excluded_tools"], denied.sort(), from);
}
