/**
 * NullClaw's own configuration, `config.json`, as version 2026.2.26 reads it (src/config_parse.zig and src/config_types.zig). NullClaw takes no notice
 * of a key it does not know or of a value of the wrong type, so every object here is strict. What it reads and then never uses is left out:
 * the sandbox, the audit log, tunnels, costs, the heartbeat and more, and what is not in the build. A contract test has the real program read a value
 * for every key and write them down again.
 */
import { z } from "zod";
import { channelsWith } from "./native/channels.ts";
import { count, flag, list, long, partial, port, secret, secrets, text } from "./native/common.ts";
import { memory } from "./native/memory.ts";

/** NullClaw takes all before the first slash for the provider. */
const modelRef = z.string().regex(/^[^/]+\/.+$/, "must be provider/model");

const named = z
  .strictObject({ id: z.string().min(1), provider: text, model: z.union([text, z.strictObject({ primary: text })]) })
  .extend(partial({ system_prompt: text, api_key: secret, temperature: z.number().min(0).max(2), max_depth: count }).shape);

const binding = z.strictObject({
  agent_id: text,
  comment: text.optional(),
  match: partial({
    channel: text,
    account_id: text,
    guild_id: text,
    team_id: text,
    roles: list,
    peer: z.strictObject({ kind: z.enum(["direct", "group", "channel"]), id: text }),
  }).optional(),
});

export const schema = partial({
  default_temperature: z.number().min(0).max(2),
  max_tokens: count,
  reasoning_effort: z.enum(["low", "medium", "high", "none"]),
  agents: partial({
    defaults: partial({ model: partial({ primary: modelRef }) }),
    list: z.array(named),
  }),
  bindings: z.array(binding),
  models: partial({
    providers: z.record(z.string().regex(/^[^/]+$/), partial({ api_key: secret, base_url: text, native_tools: flag })),
  }),
  mcp_servers: z.record(text, z.strictObject({ command: text, args: list.optional(), env: z.record(text, text).optional() })),
  diagnostics: partial({
    log_tool_calls: flag,
    log_message_receipts: flag,
    log_message_payloads: flag,
    log_llm_io: flag,
  }),
  autonomy: partial({
    level: z.enum(["readonly", "supervised", "full"]),
    workspace_only: flag,
    max_actions_per_hour: count,
    require_approval_for_medium_risk: flag,
    block_high_risk_commands: flag,
    /** Empty is NullClaw's own list of a dozen; `*` is every command. */
    allowed_commands: list,
    allowed_paths: list,
  }),
  reliability: partial({
    provider_retries: z.int().min(0).max(100),
    provider_backoff_ms: z.int().min(0).max(600_000),
    scheduler_poll_secs: long,
    fallback_providers: list,
    api_keys: secrets,
    model_fallbacks: z.array(z.strictObject({ model: text, fallbacks: list })),
  }),
  scheduler: partial({ enabled: flag, max_tasks: count }),
  agent: partial({
    max_tool_iterations: count,
    max_history_messages: count,
    token_limit: long,
    session_idle_timeout_secs: long,
    compaction_keep_recent: count,
    compaction_max_summary_chars: count,
    compaction_max_source_chars: count,
    message_timeout_secs: long,
  }),
  tools: partial({
    shell_timeout_secs: long,
    shell_max_output_bytes: count,
    max_file_size_bytes: count,
    web_fetch_max_chars: count,
    media: partial({
      audio: partial({
        enabled: flag,
        language: text,
        models: z.array(partial({ provider: text, model: text, base_url: text, language: text })).max(1),
      }),
    }),
  }),
  channels: partial(channelsWith([])),
  memory,
  gateway: partial({
    host: text,
    port,
    require_pairing: flag,
    allow_public_bind: flag,
    pair_rate_limit_per_minute: count,
    webhook_rate_limit_per_minute: count,
    idempotency_ttl_secs: long,
    /** SHA-256 of the tokens in hex; one in clear is taken too, unless it looks like such a hash. */
    paired_tokens: secrets,
  }),
  http_request: partial({
    enabled: flag,
    max_response_size: count,
    timeout_secs: long,
    allowed_domains: list,
    search_base_url: z.string().startsWith("https://"),
    search_provider: z.enum(["auto", "searxng", "duckduckgo", "ddg", "brave", "firecrawl", "tavily", "perplexity", "exa", "jina"]),
    search_fallback_providers: list,
  }),
  browser: partial({ enabled: flag }),
  session: partial({
    dm_scope: z.enum(["main", "per_peer", "per_channel_peer", "per_account_channel_peer"]),
    identity_links: z.array(z.strictObject({ canonical: text, peers: list.optional() })),
  }),
});
