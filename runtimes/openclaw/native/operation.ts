import { z } from "zod";
import {
  amount,
  either,
  flag,
  id,
  keys,
  list,
  logLevel,
  mapOf,
  numberFrom,
  oneOf,
  open,
  positive,
  resetRule,
  secret,
  sendScope,
  ssrfPolicy,
  text,
  threadBindings,
  wholeFrom,
} from "./common.ts";

export const session = keys({
  scope: oneOf("per-sender", "global"),
  dmScope: oneOf("main", "per-peer", "per-channel-peer", "per-account-channel-peer"),
  groupScope: oneOf("main", "per-group"),
  notifyOnCreate: flag,
  identityLinks: mapOf(list(text)),
  resetTriggers: list(text),
  reset: resetRule,
  resetByType: keys({ direct: resetRule, group: resetRule, thread: resetRule }),
  resetByChannel: mapOf(resetRule),
  store: text,
  mainKey: text,
  sendPolicy: sendScope,
  threadBindings: threadBindings,
  sharing: keys({ readOnly: flag, suggest: flag, drafts: flag }),
  maintenance: keys({
    mode: oneOf("enforce", "warn"),
    coldStorage: keys({ enabled: flag, afterDays: positive }),
    pruneAfter: id,
    archiveDashboardAfter: either(id, z.literal(false), z.literal(0)),
    maxEntries: positive,
    preserveRecent: either(id, z.literal(false)),
    resetArchiveRetention: either(id, z.literal(false)),
    maxDiskBytes: either(text, amount, z.literal(false)),
    highWaterBytes: id,
  }),
});

export const cron = keys({
  enabled: flag,
  skipMissedJobs: flag,
  triggers: keys({ enabled: flag }),
  webhookToken: secret,
  webhookSsrfPolicy: ssrfPolicy,
  sessionRetention: either(text, z.literal(false)),
  failureAlert: keys({
    enabled: flag,
    after: wholeFrom(1),
    cooldownMs: wholeFrom(0),
    includeSkipped: flag,
    mode: oneOf("announce", "webhook"),
    accountId: text,
    channel: text,
    to: text,
  }),
});

export const logging = keys({
  level: logLevel,
  file: text,
  maxFileBytes: positive,
  consoleLevel: logLevel,
  consoleStyle: oneOf("pretty", "json"),
  redactPatterns: list(text),
  audit: keys({ enabled: flag, executionIdentity: flag, messages: oneOf("off", "direct", "all") }),
});

export const memory = keys({
  citations: oneOf("auto", "on", "off"),
  search: keys({
    enabled: flag,
    rememberAcrossConversations: flag,
    sources: list(oneOf("memory", "sessions")),
    extraPaths: list(either(text, keys({ path: text, pattern: text }))),
    multimodal: keys({ enabled: flag, modalities: list(oneOf("image", "audio", "all")), maxFileBytes: positive }),
    experimental: keys({ sessionMemory: flag }),
    provider: text,
    remote: keys({ baseUrl: text, apiKey: secret, headers: mapOf(text), batch: keys({ enabled: flag }) }),
    fallback: text,
    model: text,
    inputType: text,
    queryInputType: text,
    documentInputType: text,
    outputDimensionality: positive,
    local: keys({ modelPath: text }),
    store: keys({ fts: keys({ tokenizer: oneOf("unicode61", "trigram") }), vector: keys({ enabled: flag, extensionPath: text }) }),
    query: keys({ maxResults: positive, minScore: numberFrom(0, 1) }),
    cache: keys({ enabled: flag }),
  }),
});

export const messages = keys({
  visibleReplies: either(oneOf("automatic", "message_tool"), flag),
  responsePrefix: text,
  usageTemplate: either(text, open),
  responseUsage: either(oneOf("on", "off", "tokens", "full"), mapOf(oneOf("on", "off", "tokens", "full"))),
  groupChat: keys({
    mentionPatterns: list(text),
    historyLimit: wholeFrom(0),
    unmentionedInbound: oneOf("user_request", "room_event"),
    visibleReplies: either(oneOf("automatic", "message_tool"), flag),
  }),
  queue: keys({
    mode: oneOf("steer", "followup", "collect", "interrupt"),
    byChannel: keys({
      whatsapp: oneOf("steer", "followup", "collect", "interrupt"),
      telegram: oneOf("steer", "followup", "collect", "interrupt"),
      discord: oneOf("steer", "followup", "collect", "interrupt"),
      irc: oneOf("steer", "followup", "collect", "interrupt"),
      googlechat: oneOf("steer", "followup", "collect", "interrupt"),
      slack: oneOf("steer", "followup", "collect", "interrupt"),
      mattermost: oneOf("steer", "followup", "collect", "interrupt"),
      signal: oneOf("steer", "followup", "collect", "interrupt"),
      imessage: oneOf("steer", "followup", "collect", "interrupt"),
      msteams: oneOf("steer", "followup", "collect", "interrupt"),
      webchat: oneOf("steer", "followup", "collect", "interrupt"),
      matrix: oneOf("steer", "followup", "collect", "interrupt"),
    }),
    debounceMsByChannel: mapOf(wholeFrom(0)),
    cap: positive,
    drop: oneOf("old", "new", "summarize"),
  }),
  inbound: keys({ debounceMs: wholeFrom(0), byChannel: mapOf(wholeFrom(0)) }),
  ackReaction: text,
  ackReactionScope: oneOf("group-mentions", "group-all", "direct", "all", "off", "none"),
  statusReactions: keys({ enabled: flag }),
});

export const commands = keys({
  native: either(flag, oneOf("auto")),
  nativeSkills: either(flag, oneOf("auto")),
  text: flag,
  bash: flag,
  bashForegroundMs: wholeFrom(0, 30000),
  config: flag,
  mcp: flag,
  plugins: flag,
  debug: flag,
  restart: flag,
  ownerAllowFrom: list(id),
  allowFrom: mapOf(list(id)),
});

export const update = keys({
  channel: oneOf("stable", "extended-stable", "beta", "dev"),
  checkOnStart: flag,
  auto: keys({ enabled: flag }),
});

export const telemetry = keys({ enabled: flag, consentedAt: text });

export const discovery = keys({ wideArea: keys({ domain: text }), mdns: keys({ mode: oneOf("off", "minimal", "full") }) });

export const approvals = keys({
  exec: keys({
    enabled: flag,
    mode: oneOf("session", "targets", "both"),
    agentFilter: list(text),
    sessionFilter: list(text),
    targets: list(keys({ channel: text, to: text, accountId: text, threadId: id })),
  }),
  plugin: keys({
    enabled: flag,
    mode: oneOf("session", "targets", "both"),
    agentFilter: list(text),
    sessionFilter: list(text),
    targets: list(keys({ channel: text, to: text, accountId: text, threadId: id })),
  }),
});

export const ui = keys({
  seamColor: text,
  prefs: keys({
    theme: oneOf("claw", "knot", "dash", "absolutely", "tide", "beacon", "phosphor", "crt", "manuscript", "rose", "miami", "custom"),
    themeMode: oneOf("light", "dark", "system"),
    accent: either(text, oneOf("theme")),
    locale: text,
    chatShowThinking: flag,
    chatShowToolCalls: flag,
    chatPersistCommentary: flag,
    chatSendShortcut: oneOf("enter", "modifier-enter"),
    chatFollowUpMode: oneOf("steer", "queue"),
    sidebarEntries: list(text),
  }),
});

export const security = keys({
  audit: keys({ suppressions: list(keys({ checkId: text, titleIncludes: text, detailIncludes: text, reason: text })) }),
  installPolicy: keys({
    enabled: flag,
    targets: list(oneOf("skill", "plugin")),
    exec: keys({
      source: oneOf("exec"),
      command: text,
      args: list(text),
      timeoutMs: wholeFrom(1),
      noOutputTimeoutMs: wholeFrom(1),
      maxOutputBytes: wholeFrom(1),
      env: mapOf(text),
      passEnv: list(text),
      trustedDirs: list(text),
    }),
  }),
});

export const diagnostics = keys({ enabled: flag, flags: list(text), otel: open, cacheTrace: keys({ enabled: flag }) });

export const env = keys({ shellEnv: keys({ enabled: flag, timeoutMs: wholeFrom(0) }), vars: mapOf(text) });

export const attachments = keys({ ttlHours: wholeFrom(1, 168) });
