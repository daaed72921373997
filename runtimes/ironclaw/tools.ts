import type { Claw, Path } from "../../fleet/types.ts";
import { toolsOf } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";
import { hasShell } from "./security.ts";

/** What a fleet file can say of each tool: whether it is there at all (`by profile`), a setting of IronClaw's, or only that it may be used (`always`). */
export const TOOLS: { readonly [name: string]: "by profile" | readonly (string | number)[] | "always" } = {
  shell: "by profile",
  files: "always",
  web_fetch: "always",
  memory: ["memory", "provider"],
  message: "always",
  cron: ["trigger_poller", "enabled"],
  skills: "always",
  subagents: "always",
};

/** IronClaw decides at each call, by its profile and what was answered in its WebUI. Its configuration names no tool, but for what is here. */
export function addTools(claw: Claw, settings: Settings, report: Report): void {
  for (const { entry, kind, from } of toolsOf(claw, "IronClaw", TOOLS, report)) {
    const { name, allowed } = entry;
    const at: Path = [...from, "allowed"];
    if (name === "memory") settings.set(["memory", "provider"], allowed ? "ironclaw.memory" : "memory.disabled", at);
    else if (name === "cron") settings.set(["trigger_poller", "enabled"], allowed, at);
    else if (kind === "by profile") {
      if (allowed && !hasShell(claw)) {
        report(at, "IronClaw has no shell while it is confined; remove this tool, or set security.sandboxed = false");
      }
      if (!allowed && hasShell(claw)) {
        report(
          at,
          "without security.sandboxed IronClaw has a shell, and no setting against it; set sandboxed = true, or refuse it in its WebUI under Settings, Tools",
        );
      }
    } else if (!allowed) {
      report(at, `IronClaw has no setting against ${name}; remove this tool here and refuse it in the claw's WebUI under Settings, Tools`);
    }
  }
}
