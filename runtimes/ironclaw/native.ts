/**
 * IronClaw's own configuration, `config.toml`, as IronClaw 1.3.0 reads it (its crate ironclaw_config). Every table is strict: IronClaw refuses unknown
 * keys too, but only once it runs. A contract test feeds every key of this schema to the real program, and compares with the keys that it lists.
 */
import { z } from "zod";

/**
 * IronClaw does not start with a configuration that holds what looks like a secret: a provider's key by its beginning, a JWT, or 32 and more hex
 * digits (its secrets_guard). White space around it does not count, and nothing shorter than twelve characters does.
 */
export function looksSecret(value: string): boolean {
  const text = value.trim();
  if ([...text].length < 12) return false;
  const beginnings =
    /(?<![A-Za-z0-9_])(sk-|ghp_|gho_|ghu_|ghs_|ghr_|AKIA|ASIA|AIza|hf_)|sk_live_|sk_test_|xoxb-|xoxp-|xapp-|github_pat_|ya29\.|nai-sess-/;
  return beginnings.test(text) || /^([A-Za-z0-9_-]{9,}\.){2}[A-Za-z0-9_-]{9,}$/.test(text) || /^[0-9a-fA-F]{32,}$/.test(text);
}

const text = z
  .string()
  .refine((value) => !looksSecret(value), "this looks like a secret, and IronClaw does not start with one in its configuration");
const filled = text.refine((value) => value !== "" && value.trim() === value, "must not be empty or begin or end with white space");
/** Part of paths and of keys in its database. */
const id = z
  .string()
  .regex(/^(?!\.\.?$)(?!__ironclaw_)[^/\\\p{Cc}]{1,256}$/u, "must be a name without slashes, backslashes and control characters");
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable");
const flag = z.boolean();
const count = z.int().min(0);
const positive = z.int().min(1);
const dollars = z.number().min(0);
const share = z.number().min(0).max(1);

/** All members optional: IronClaw starts from its own defaults. */
function partial<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).partial();
}

/** What `[boot] profile` may be; "production" and "migration-dry-run" serve more than one tenant and are not for a claw. */
export const PROFILES = [
  ...["local-dev", "local-dev-yolo", "hosted-single-tenant", "hosted-single-tenant-volume", "hosted-single-tenant-volume-sandboxed"],
  ...["hosted-single-tenant-volume-sandboxed-railway", "production", "migration-dry-run"],
];

/** The whole file. */
export const schema = partial({
  api_version: z.string().regex(/^ironclaw\.runtime\/v1(\.\d+)?$/, 'must be "ironclaw.runtime/v1"'),
  boot: partial({ profile: z.enum(PROFILES) }),
  identity: partial({ tenant: id, default_agent: id, default_owner: id, default_project: id }),
  policy: partial({ deployment_mode: text, default_profile: text, default_approval_policy: text }),
  drivers: partial({ default: text, additional: z.array(text) }),
  harness: partial({ id: text }),
  runner: partial({
    heartbeat_interval_secs: positive,
    poll_interval_ms: positive,
    worker_count: count,
    max_concurrent_runs_per_user: count,
    max_concurrent_trigger_runs: count,
    max_concurrent_conversation_runs: count,
    max_concurrent_unbound_runs: count,
  }),
  skills: partial({ regex_activation_enabled: flag }),
  storage: partial({ backend: z.literal("postgres"), url_env: variable, secret_master_key_env: variable, pool_max_size: positive }),
  llm: z.record(z.string(), partial({ provider_id: text, model: text, api_key_env: variable, base_url: text })),
  webui: partial({
    listen_host: text,
    listen_port: z.int().min(1).max(65535),
    env_token_var: variable,
    env_user_id_var: variable,
    allowed_origins: z.array(text),
    csp_header_override: text,
    max_body_bytes_fallback: positive,
    canonical_host: text,
  }),
  google: partial({ client_id: filled, redirect_uri: filled, hosted_domain_hint: filled }),
  budget: partial({
    user_daily_usd: dollars,
    project_daily_usd: dollars,
    mission_per_tick_usd: dollars,
    heartbeat_per_tick_usd: dollars,
    routine_lightweight_usd: dollars,
    routine_standard_usd: dollars,
    background_job_default_usd: dollars,
    default_tz: text,
    warn_at: share,
    pause_at: share,
    overestimate_factor: dollars,
  }),
  trigger_poller: partial({
    enabled: flag,
    poll_interval_secs: z.int().min(1).max(3600),
    fires_per_tick: z.int().min(1).max(1000),
    max_concurrent_fires_per_trigger: z.literal(1),
    startup_jitter_max_secs: z.int().min(0).max(3600),
    tick_jitter_max_secs: z.int().min(0).max(3600),
  }),
  memory: partial({
    provider: filled,
    admin_overrides: z.array(z.strictObject({ extension_id: filled, deployment_profile: z.enum([...PROFILES, "*"]) })),
    mem0_base_url: filled,
  }),
});
