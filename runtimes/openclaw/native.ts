/**
 * OpenClaw's own configuration (openclaw.json), as its version in runtime.ts takes it.
 *
 * Facts are those of `openclaw config schema --json`; the contract test compares this file with it in both directions. What fleets commonly
 * set is written out; `open` parts are left to the runtime's own check at start. Sections that make no sense in a container that
 * Clawfleet runs (a desktop, other machines, the setup wizard) are left out, and so refused.
 */
import { agents } from "./native/agents.ts";
import { channels } from "./native/channels.ts";
import { flag, keys, list, mapOf, open, text } from "./native/common.ts";
import { browser, gateway, hooks, mcp, skills } from "./native/gateway.ts";
import { models } from "./native/models.ts";
import {
  approvals,
  attachments,
  commands,
  cron,
  diagnostics,
  discovery,
  env,
  logging,
  memory,
  messages,
  security,
  session,
  telemetry,
  ui,
  update,
} from "./native/operation.ts";
import { tools } from "./native/tools.ts";

export const schema = keys({
  accessGroups: open,
  acp: open,
  agents,
  approvals,
  attachments,
  auth: open,
  bindings: list(open),
  broadcast: open,
  browser,
  channels,
  commands,
  cron,
  diagnostics,
  discovery,
  env,
  gateway,
  hooks,
  logging,
  mcp,
  memory,
  messages,
  models,
  plugins: keys({
    enabled: flag,
    allow: list(text),
    deny: list(text),
    load: keys({ paths: list(text) }),
    slots: keys({ memory: text, contextEngine: text }),
    entries: mapOf(keys({ enabled: flag, hooks: open, subagent: open, llm: open, config: open })),
  }),
  proxy: open,
  secrets: open,
  security,
  session,
  skills,
  surfaces: mapOf(open),
  talk: open,
  telemetry,
  tools,
  transcripts: open,
  tts: open,
  ui,
  update,
});
