/**
 * The part of ZeroClaw 0.8.7's own configuration (`config.toml`, schema_version 3) that a claw can be given. Every object is strict. A contract test
 * compares each key, type and choice here with the schema that the real program prints (`zeroclaw config schema`).
 *
 * Left out on purpose: what the image does not hold (other channels, hardware, external programs), lists of objects, and other services' keys.
 */
import { z } from "zod";
import { ALIAS } from "./conventions.ts";

/** ZeroClaw takes these two for "no value" when it reads an override. */
const unset = ["", "<unset>", "****"];
const text = z.string().refine((value) => !unset.includes(value), 'must not be empty, "<unset>" or "****"');
const flag = z.boolean();
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const number = z.number();
const list = z.array(text);
/** What ZeroClaw keeps out of its answers and encrypts in its file. A fleet file may not hold one in clear. */
const secret = text.meta({ writeOnly: true });

/** All members optional: ZeroClaw has a default for each. */
function partial<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).partial();
}

/** A map of ZeroClaw's in which Clawfleet uses one name. */
const named = <Value extends z.ZodType>(value: Value) => partial({ [ALIAS]: value });

/** Providers with an API that a container can use: no login on a host, no program beside ZeroClaw. */
export const PROVIDERS = [
  ...["ai21", "aihubmix", "anthropic", "anyscale", "arcee", "astrai", "atlascloud", "atomic_chat", "avian", "azure", "baichuan", "baseten"],
  ...["cerebras", "cloudflare", "cohere", "crusoe", "custom", "deepinfra", "deepmyst", "deepseek", "doubao", "featherless", "fireworks"],
  ...["friendli", "gemini", "github_models", "glm", "groq", "hailo_ollama", "huggingface", "hunyuan", "hyperbolic", "inception", "kilo"],
  ...["lambda_ai", "lepton", "litellm", "llamacpp", "lmstudio", "manifest", "minimax", "mistral", "moonshot", "morph", "nearai", "nebius"],
  ...[
    "novita",
    "nscale",
    "nvidia",
    "ollama",
    "openai",
    "opencode",
    "openrouter",
    "osaurus",
    "ovh",
    "perplexity",
    "qianfan",
    "qwen",
    "reka",
  ],
  ...[
    "sambanova",
    "sglang",
    "siliconflow",
    "stepfun",
    "synthetic",
    "telnyx",
    "together",
    "upstage",
    "venice",
    "vercel",
    "vllm",
    "xai",
    "yi",
  ],
  ...["zai", "zerorouter"],
] as const;

const provider = {
  model: text,
  uri: text,
  api_key: secret,
  kind: text,
  fallback: list,
  fallback_models: list,
  temperature: number,
  timeout_secs: count,
  max_tokens: count,
  context_window: count,
  merge_system_into_user: flag,
  replay_assistant_reasoning: flag,
  thinking_passthrough: flag,
  cache_passthrough: flag,
  reasoning_effort_passthrough: flag,
  live_pricing: flag,
  native_tools: flag,
  think: flag,
  vision: flag,
};
/** A further name for a provider, for `fallback`: as ZeroClaw takes it, and as it can stand in a variable's name. */
const alias = z.string().regex(/^[a-z0-9](_?[a-z0-9])*$/, "must be lower-case letters, digits and single underscores");
const plain = z.record(alias, partial(provider));
const models = partial({
  ...Object.fromEntries(PROVIDERS.map((type) => [type, plain])),
  azure: z.record(alias, partial({ ...provider, resource: text, deployment: text, api_version: text })),
  ollama: z.record(alias, partial({ ...provider, num_ctx: count, num_predict: z.int() })),
});

const agent = partial({
  enabled: flag,
  channels: list,
  model_provider: text,
  classifier_provider: text,
  summary_provider: text,
  risk_profile: text,
  runtime_profile: text,
  memory: partial({ backend: z.enum(["none", "sqlite", "markdown"]) }),
});

const riskProfile = partial({
  level: z.enum(["readonly", "supervised", "full"]),
  workspace_only: flag,
  allowed_commands: list,
  forbidden_paths: list,
  allowed_roots: list,
  require_approval_for_medium_risk: flag,
  block_high_risk_commands: flag,
  shell_env_passthrough: list,
  auto_approve: list,
  always_ask: list,
  excluded_tools: list,
  sandbox_enabled: flag,
  sandbox_backend: z.enum(["auto", "landlock", "none"]),
});

const runtimeProfile = partial({
  agentic: flag,
  max_tool_iterations: count,
  max_execution_tree_iterations: count,
  max_actions_per_hour: count,
  max_cost_per_day_cents: count,
  shell_timeout_secs: count,
  max_delegation_depth: count,
  delegation_timeout_secs: count,
  agentic_timeout_secs: count,
  max_history_messages: count,
  max_context_tokens: count,
  context_compact_ratio: number,
  compact_context: flag,
  parallel_tools: flag,
  single_tool_rounds: flag,
  tool_dispatcher: text,
  max_system_prompt_chars: count,
  max_tool_result_chars: count,
  keep_tool_context_turns: count,
  memory_recall_limit: count,
  strict_tool_parsing: flag,
  thinking: partial({ default_level: z.enum(["off", "minimal", "low", "medium", "high", "max"]), native_thinking: flag }),
  history_pruning: partial({ enabled: flag, max_tokens: count, keep_recent: count, collapse_tool_results: flag }),
  context_compression: partial({
    enabled: flag,
    threshold_ratio: number,
    protect_first_n: count,
    protect_last_n: count,
    max_passes: count,
    summary_max_chars: count,
    source_max_chars: count,
    timeout_secs: count,
    summary_provider: text,
    summary_model: text,
  }),
});

const channel = { enabled: flag, bot_token: secret, interrupt_on_new_message: flag, mention_only: flag, proxy_url: text };
const pace = { approval_timeout_secs: count, excluded_tools: list, reply_min_interval_secs: count, reply_queue_depth_max: count };
const streaming = {
  stream_mode: z.enum(["off", "partial", "multi_message"]),
  draft_update_interval_ms: count,
  multi_message_delay_ms: count,
};
const channels = partial({
  message_timeout_secs: count,
  max_concurrent_per_channel: count,
  ack_reactions: flag,
  show_tool_calls: flag,
  session_persistence: flag,
  session_ttl_hours: count,
  debounce_ms: count,
  telegram: named(
    partial({
      ...channel,
      ...pace,
      ...streaming,
      api_base_url: text,
      debounce_ms: count,
      per_user_session: flag,
      passive_group_context: flag,
      ack_reactions: flag,
    }),
  ),
  discord: named(
    partial({
      ...channel,
      ...pace,
      ...streaming,
      guild_ids: list,
      channel_ids: list,
      archive: flag,
      listen_to_bots: flag,
      slash_commands: flag,
      slash_command_scope: z.enum(["global", "guild"]),
      stall_timeout_secs: count,
      reaction_notifications: z.enum(["off", "own", "all"]),
    }),
  ),
  slack: named(
    partial({
      ...channel,
      ...pace,
      app_token: secret,
      channel_ids: list,
      thread_replies: flag,
      strict_mention_in_thread: flag,
      thread_context_max_messages: count,
      use_markdown_blocks: flag,
      allow_bot_messages: flag,
      stream_drafts: flag,
      draft_update_interval_ms: count,
      cancel_reaction: text,
    }),
  ),
});

const gateway = partial({
  host: text,
  port: z.int().min(1).max(65535),
  require_pairing: flag,
  allow_public_bind: flag,
  allow_remote_admin: flag,
  paired_tokens: z.array(secret).meta({ writeOnly: true }),
  pair_rate_limit_per_minute: count,
  webhook_rate_limit_per_minute: count,
  trust_forwarded_headers: flag,
  rate_limit_max_keys: count,
  idempotency_ttl_secs: count,
  idempotency_max_keys: count,
  session_persistence: flag,
  session_ttl_hours: count,
  websocket_ping_interval_secs: count,
  request_timeout_secs: count,
  long_running_request_timeout_secs: count,
  check_updates: flag,
  allow_self_upgrade: flag,
});

const memory = partial({
  backend: text,
  auto_save: flag,
  hygiene_enabled: flag,
  archive_after_days: count,
  purge_after_days: count,
  conversation_retention_days: count,
  daily_retention_days: count,
  core_retention_days: count,
  embedding_provider: text,
  embedding_model: text,
  embedding_dimensions: count,
  embedding_api_key: secret,
  vector_weight: number,
  keyword_weight: number,
  search_mode: z.enum(["bm25", "embedding", "hybrid"]),
  min_relevance_score: number,
  embedding_cache_size: count,
  chunk_max_tokens: count,
  response_cache_enabled: flag,
  response_cache_ttl_minutes: count,
  response_cache_max_entries: count,
  snapshot_enabled: flag,
  snapshot_on_hygiene: flag,
  auto_hydrate: flag,
  rerank_enabled: flag,
  audit_enabled: flag,
  audit_retention_days: count,
});

const heartbeat = partial({
  enabled: flag,
  agent: text,
  interval_minutes: z.int().min(1),
  two_phase: flag,
  message: text,
  target: text,
  to: text,
  adaptive: flag,
  min_interval_minutes: count,
  max_interval_minutes: count,
  deadman_timeout_minutes: count,
  deadman_channel: text,
  deadman_to: text,
  max_run_history: count,
  load_session_context: flag,
  task_timeout_secs: count,
});

const observability = partial({
  backend: z.enum(["none", "log", "verbose", "prometheus"]),
  log_persistence: z.enum(["none", "rolling", "full", "rotating"]),
  log_persistence_max_entries: count,
  log_persistence_max_bytes: count,
  log_persistence_rotate_daily: flag,
  log_persistence_retention_max_files: count,
  log_persistence_retention_max_age_days: count,
  log_tool_io: z.enum(["off", "redacted", "full"]),
  log_tool_io_truncate_bytes: count,
  log_tool_io_denylist: list,
  log_llm_request_payload: z.enum(["off", "redacted", "full"]),
});

/** ZeroClaw's configuration as far as a claw can be given it. */
export const schema = partial({
  schema_version: z.int().min(3).max(3),
  gateway,
  providers: partial({ models }),
  agents: named(agent),
  risk_profiles: named(riskProfile),
  runtime_profiles: named(runtimeProfile),
  channels,
  memory,
  heartbeat,
  observability,
  secrets: partial({ encrypt: flag }),
  tools: partial({ optional: list }),
  scheduler: partial({ enabled: flag, max_tasks: count, max_concurrent: count, catch_up_on_startup: flag, max_run_history: count }),
  reliability: partial({
    provider_retries: count,
    provider_backoff_ms: count,
    channel_initial_backoff_secs: count,
    channel_max_backoff_secs: count,
    scheduler_poll_secs: count,
    scheduler_retries: count,
  }),
  cost: partial({
    enabled: flag,
    daily_limit_usd: number,
    monthly_limit_usd: number,
    warn_at_percent: z.int().min(0).max(100),
    allow_override: flag,
    track_per_agent: flag,
  }),
  pacing: partial({
    step_timeout_secs: count,
    loop_detection_min_elapsed_secs: count,
    loop_ignore_tools: list,
    message_timeout_scale_max: count,
    loop_detection_enabled: flag,
    loop_detection_window_size: count,
    loop_detection_max_repeats: count,
    loop_detection_no_progress_min_calls: count,
  }),
  multimodal: partial({ max_images: count, max_image_size_mb: count, max_image_turns: count, allow_remote_fetch: flag }),
  web_search: partial({
    enabled: flag,
    search_provider: text,
    brave_api_key: secret,
    tavily_api_key: secret,
    jina_api_key: secret,
    searxng_instance_url: text,
    max_results: count,
    timeout_secs: count,
  }),
  web_fetch: partial({
    enabled: flag,
    allowed_domains: list,
    blocked_domains: list,
    allowed_private_hosts: list,
    max_response_size: count,
    timeout_secs: count,
  }),
  http_request: partial({
    enabled: flag,
    allowed_domains: list,
    max_response_size: count,
    timeout_secs: count,
    allow_private_hosts: flag,
    allowed_private_hosts: list,
  }),
  link_enricher: partial({ enabled: flag, max_links: count, timeout_secs: count }),
  proxy: partial({
    enabled: flag,
    http_proxy: text,
    https_proxy: text,
    all_proxy: text,
    no_proxy: list,
    scope: z.enum(["environment", "zeroclaw", "services"]),
    services: list,
  }),
  security: partial({ leak_detection: partial({ enabled: flag, sensitivity: number, high_entropy_tokens: flag }) }),
  skills: partial({ allow_scripts: flag, prompt_injection_mode: z.enum(["full", "compact"]) }),
});
