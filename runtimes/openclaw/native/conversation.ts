import { z } from "zod";
import {
  above0,
  chunking,
  coalescing,
  either,
  flag,
  id,
  keys,
  list,
  mapOf,
  oneOf,
  positive,
  text,
  toolPolicy,
  wholeFrom,
} from "./common.ts";

export const botLoopProtection = keys({ enabled: flag, maxEventsPerWindow: positive, windowSeconds: positive, cooldownSeconds: positive });
const mentionPatterns = keys({ mode: oneOf("allow", "deny"), allowIn: list(text), denyIn: list(text) });
export const nativeCommands = keys({ native: either(flag, oneOf("auto")), nativeSkills: either(flag, oneOf("auto")) });
export const preview = keys({ chunk: chunking, toolProgress: flag, commandText: oneOf("raw", "status") });
export const block = keys({ enabled: flag, coalesce: coalescing });
export const progressKeys = () => ({
  label: either(text, z.literal(false)),
  labels: list(text),
  maxLines: positive,
  maxLineChars: positive,
  toolProgress: flag,
  commandText: oneOf("raw", "status"),
  commentary: flag,
  narration: flag,
});
const progress = keys(progressKeys());
export const streaming = keys({
  mode: oneOf("off", "partial", "block", "progress"),
  chunkMode: oneOf("length", "newline"),
  preview: preview,
  progress: progress,
  block: block,
});
export const execApprovals = keys({
  enabled: either(flag, oneOf("auto")),
  approvers: list(id),
  agentFilter: list(text),
  sessionFilter: list(text),
  target: oneOf("dm", "channel", "both"),
});
export const implicitMentions = keys({ replyToBot: flag, quotedBot: flag, threadParticipation: flag });
const dmPolicy = oneOf("pairing", "allowlist", "open", "disabled");
const groupPolicy = oneOf("open", "disabled", "allowlist");
export const visibility = oneOf("all", "allowlist", "allowlist_quote");
export const replyTo = oneOf("off", "first", "all", "batched");
export const heartbeatVisibility = keys({ showOk: flag, showAlerts: flag, useIndicator: flag });
const markdown = keys({ tables: oneOf("off", "bullets", "code", "block") });
const dms = mapOf(keys({ historyLimit: wholeFrom(0) }));

/** How each channel's keys begin; made anew for each, as the generated schema tells one object from another. */
export const account = (capabilities: z.ZodType) => ({
  name: text,
  capabilities,
  markdown,
  configWrites: flag,
  enabled: flag,
  dmPolicy,
});

/** What each channel has for groups and messages. */
export const conversations = (streamingKeys: z.ZodType) => ({
  groupPolicy,
  mentionPatterns,
  contextVisibility: visibility,
  historyLimit: wholeFrom(0),
  dmHistoryLimit: wholeFrom(0),
  dms,
  textChunkLimit: positive,
  streaming: streamingKeys,
  heartbeatVisibility,
  healthMonitor: keys({ enabled: flag }),
  responsePrefix: text,
  mediaMaxMb: above0,
  replyToMode: replyTo,
  joinIntro: flag,
});

/** What may be said of one group or channel among many. */
export const room = () => ({
  requireMention: flag,
  tools: toolPolicy,
  toolsBySender: mapOf(toolPolicy),
  skills: list(text),
  enabled: flag,
});
