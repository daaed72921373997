import type { Claw, Path, Profile } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/** IronClaw's profile for each of ours; none where it has nothing like it. */
const PROFILES: { readonly [place in "volume" | "open" | "postgres"]: { readonly [profile in Profile]?: string } } = {
  // No processes, files of the workspace only, and a question before every action.
  volume: { managed: "hosted-single-tenant-volume" },
  // A shell in the container. "managed" asks before what writes, runs or reaches out, "permissive" never.
  open: { managed: "local-dev", permissive: "local-dev-yolo" },
  // As "local-dev", with everything but the workspace in a database.
  postgres: { managed: "hosted-single-tenant" },
};

/** Whether the agent has a shell: IronClaw has one in every profile that is not confined to the workspace. */
export function hasShell(claw: Claw): boolean {
  return !claw.security.sandboxed;
}

/** `security.profile` and `sandboxed` are one choice to IronClaw, and where it keeps its data is the same choice's third part. */
export function addSecurity(claw: Claw, settings: Settings, postgres: boolean, report: Report): void {
  const { profile, sandboxed } = claw.security;
  const from: Path = [...claw.path, "security"];
  if (postgres && sandboxed) {
    report(
      [...from, "sandboxed"],
      "with Postgres, IronClaw's agent has a shell that nothing confines to its workspace; set sandboxed = false",
    );
    return;
  }
  const own = PROFILES[postgres ? "postgres" : sandboxed ? "volume" : "open"][profile];
  if (own !== undefined) settings.set(["boot", "profile"], own, [...from, "profile"]);
  else if (postgres)
    report([...from, "profile"], `with Postgres, IronClaw asks before what writes, runs or reaches out: profile = "managed"`);
  else if (profile === "strict")
    report([...from, "profile"], 'IronClaw has nothing that can only look: it asks before it touches anything; choose "managed"');
  else if (sandboxed)
    report([...from, "profile"], 'IronClaw always asks while it is confined to its workspace; choose "managed", or set sandboxed = false');
}
