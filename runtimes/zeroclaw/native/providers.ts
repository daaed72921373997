import { z } from "zod";
import { count, flag, list, number, partial, secret, text } from "./common.ts";

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
export const models = partial({
  ...Object.fromEntries(PROVIDERS.map((type) => [type, plain])),
  azure: z.record(alias, partial({ ...provider, resource: text, deployment: text, api_version: text })),
  ollama: z.record(alias, partial({ ...provider, num_ctx: count, num_predict: z.int() })),
});
