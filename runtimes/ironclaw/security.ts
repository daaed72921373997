import type { Claw, Path } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/** Whether the agent has a shell: IronClaw has one in every profile that is not confined to the workspace. */
export function hasShell(claw: Claw): boolean {
  return !claw.security.sandboxed;
}

/**
 * `security.profile`, `sandboxed` and where IronClaw keeps its data are one choice to it. It has two: no shell and the workspace's files only, or a shell
 * and all that the container has. Questions before a tool runs are each user's choice in its WebUI, off by default, and no setting.
 *
 * @param postgres keep the data in a database
 */
export function addSecurity(claw: Claw, settings: Settings, postgres: boolean, report: Report): void {
  const { profile, sandboxed } = claw.security;
  const from: Path = [...claw.path, "security"];
  if (postgres && sandboxed) {
    report(
      [...from, "sandboxed"],
      'with Postgres, IronClaw\'s agent has a shell that nothing confines to its workspace; set sandboxed = false and profile = "permissive"',
    );
  } else if (!sandboxed && profile !== "permissive") {
    report(
      [...from, "profile"],
      'without its sandbox IronClaw runs any command, and no setting makes it ask before; choose "permissive", or set sandboxed = true',
    );
  } else if (sandboxed && profile === "permissive") {
    report([...from, "profile"], 'IronClaw has no shell while it is confined to its workspace; choose "managed", or set sandboxed = false');
  } else if (profile === "strict") {
    report(
      [...from, "profile"],
      'IronClaw has no setting to look and not touch; choose "managed", and refuse tools in its WebUI under Settings, Tools',
    );
  } else {
    const own = sandboxed ? "hosted-single-tenant-volume" : postgres ? "hosted-single-tenant" : "local-dev";
    settings.set(["boot", "profile"], own, [...from, "profile"]);
  }
}
