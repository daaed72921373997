import type { Claw, Profile } from "../../fleet/types.ts";
import { say, toolsOf } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

interface Tool {
  /** OpenClaw's own tools behind the name. */
  readonly own: readonly string[];
  /** Those that only look; under `strict` they are all there is of the tool. */
  readonly looks: readonly string[];
}

const looking = (...own: string[]): Tool => ({ own, looks: own });
const touching = (...own: string[]): Tool => ({ own, looks: [] });

/** The names a fleet file can use. */
export const TOOLS: { readonly [name: string]: Tool } = {
  shell: touching("exec", "process", "code_execution"),
  files: { own: ["read", "write", "edit", "apply_patch"], looks: ["read"] },
  web_search: looking("web_search", "x_search"),
  web_fetch: looking("web_fetch"),
  memory: looking("memory_search", "memory_get"),
  message: touching("message"),
  cron: touching("cron"),
  skills: touching("skill_workshop"),
  subagents: touching("sessions_spawn", "subagents"),
  mcp: touching("bundle-mcp"),
  browser: touching("browser"),
};

interface Base {
  /** OpenClaw's own tool profile. */
  readonly profile: string;
  readonly also: readonly string[];
  readonly deny: readonly string[];
  /** How a command of the shell tool is approved: refused, asked for, or run. */
  readonly exec: string;
}

/** What is there without a word in `tools`. Updates and the gateway's configuration are Clawfleet's. */
const BASES: { readonly [profile in Profile]: Base } = {
  strict: {
    profile: "minimal",
    also: Object.values(TOOLS).flatMap((tool) => tool.looks),
    deny: [...Object.values(TOOLS).flatMap(({ own, looks }) => own.filter((name) => !looks.includes(name))), "gateway"],
    exec: "deny",
  },
  managed: { profile: "coding", also: ["message"], deny: ["gateway"], exec: "ask" },
  permissive: { profile: "full", also: [], deny: [], exec: "full" },
};

/** A denied tool is not there, an allowed one is; where `tools` is silent, `security.profile` decides. Denial outweighs. */
export function addTools(claw: Claw, settings: Settings, report: Report): void {
  const { profile, sandboxed } = claw.security;
  const base = BASES[profile];
  const allow = new Set(base.also);
  const deny = new Set(base.deny);
  for (const { entry, kind: tool, from } of toolsOf(claw, "OpenClaw", TOOLS, report)) {
    const { name, allowed } = entry;
    if (allowed && profile === "strict" && tool.looks.length === 0) {
      report([...from, "allowed"], say.noToolWhenStrict("OpenClaw", name));
    }
    if (allowed && name === "browser" && !hasRemoteBrowser(claw)) {
      report([...from, "allowed"], "OpenClaw's image has no browser; write where one is: [agent.extras.browser] with cdpUrl");
    }
    for (const own of tool.own) (allowed ? allow : deny).add(own);
  }
  // `alsoAllow` adds to a profile that already has everything: then it only reads as a wish.
  const from = [...claw.path, "tools"];
  const profilePath = [...claw.path, "security", "profile"];
  settings.set(["tools", "profile"], base.profile, profilePath);
  settings.set(["tools", "alsoAllow"], [...allow].filter((name) => !deny.has(name)).sort(), from);
  settings.set(["tools", "deny"], [...deny].sort(), from);
  settings.set(["tools", "exec", "mode"], base.exec, profilePath);
  settings.set(["tools", "elevated", "enabled"], profile === "permissive", profilePath);

  const sandboxPath = [...claw.path, "security", "sandboxed"];
  settings.set(["tools", "fs", "workspaceOnly"], sandboxed, sandboxPath);
  settings.set(["tools", "exec", "applyPatch", "workspaceOnly"], sandboxed, sandboxPath);
}

function hasRemoteBrowser(claw: Claw): boolean {
  const { browser } = claw.extras;
  return typeof browser === "object" && browser !== null && "cdpUrl" in browser;
}
