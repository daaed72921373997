import { z } from "zod";
import { count, flag, partial, rate, secret, text } from "./common.ts";

const search = partial({
  enabled: flag,
  provider: text,
  model: text,
  dimensions: count,
  fallback_provider: text,
  store: partial({
    kind: text,
    sidecar_path: text,
    qdrant_url: text,
    qdrant_api_key: secret,
    qdrant_collection: text,
    pgvector_table: text,
  }),
  chunking: partial({ max_tokens: count, overlap: count }),
  sync: partial({
    mode: text,
    embed_timeout_ms: count,
    vector_timeout_ms: count,
    embed_max_retries: count,
    vector_max_retries: count,
  }),
  query: partial({
    max_results: count,
    min_score: rate,
    merge_strategy: text,
    rrf_k: count,
    hybrid: partial({
      enabled: flag,
      vector_weight: rate,
      text_weight: rate,
      candidate_multiplier: count,
      mmr: partial({ enabled: flag, lambda: rate }),
      temporal_decay: partial({ enabled: flag, half_life_days: count }),
    }),
  }),
  cache: partial({ enabled: flag, max_entries: count }),
});

export const memory = partial({
  profile: z.enum(["local_keyword", "markdown_only", "local_hybrid", "minimal_none", "custom"]),
  /** Those that the image is built with. */
  backend: z.enum(["sqlite", "markdown", "memory", "api", "none"]),
  auto_save: flag,
  search,
  lifecycle: partial({
    hygiene_enabled: flag,
    archive_after_days: count,
    purge_after_days: count,
    conversation_retention_days: count,
    snapshot_enabled: flag,
    snapshot_on_hygiene: flag,
    auto_hydrate: flag,
  }),
  response_cache: partial({ enabled: flag, ttl_minutes: count, max_entries: count }),
  reliability: partial({
    rollout_mode: text,
    circuit_breaker_failures: count,
    circuit_breaker_cooldown_ms: count,
    shadow_hybrid_percent: count,
    canary_hybrid_percent: count,
    fallback_policy: z.enum(["degrade", "fail_fast"]),
  }),
  api: partial({ url: text, api_key: secret, timeout_ms: count, namespace: text }),
  retrieval_stages: partial({
    query_expansion_enabled: flag,
    adaptive_retrieval_enabled: flag,
    adaptive_keyword_max_tokens: count,
    adaptive_vector_min_tokens: count,
    llm_reranker_enabled: flag,
    llm_reranker_max_candidates: count,
    llm_reranker_timeout_ms: count,
  }),
  summarizer: partial({ enabled: flag, window_size_tokens: count, summary_max_tokens: count, auto_extract_semantic: flag }),
});
