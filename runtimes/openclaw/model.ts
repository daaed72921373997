import { suggestion } from "../../fleet/problems.ts";
import type { Claw } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/** Providers whose plugin the package holds, and the variable in which each looks for its key. */
const BUNDLED: { readonly [provider: string]: string } = {
  anthropic: "ANTHROPIC_API_KEY",
  clawrouter: "CLAWROUTER_API_KEY",
  "github-copilot": "COPILOT_GITHUB_TOKEN",
  google: "GEMINI_API_KEY",
  "google-vertex": "GOOGLE_CLOUD_API_KEY",
  huggingface: "HF_TOKEN",
  litellm: "LITELLM_API_KEY",
  lmstudio: "LM_API_TOKEN",
  "microsoft-foundry": "AZURE_OPENAI_API_KEY",
  minimax: "MINIMAX_API_KEY",
  nvidia: "NVIDIA_API_KEY",
  ollama: "OLLAMA_API_KEY",
  "ollama-cloud": "OLLAMA_API_KEY",
  openai: "OPENAI_API_KEY",
  "opencode-go": "OPENCODE_API_KEY",
  openrouter: "OPENROUTER_API_KEY",
  sglang: "SGLANG_API_KEY",
  together: "TOGETHER_API_KEY",
  vllm: "VLLM_API_KEY",
  xai: "XAI_API_KEY",
};

/** Well-known providers that OpenClaw takes as a custom one: their APIs are compatible with OpenAI's. */
const COMPATIBLE: { readonly [provider: string]: string } = {
  deepseek: "https://api.deepseek.com/v1",
  groq: "https://api.groq.com/openai/v1",
  mistral: "https://api.mistral.ai/v1",
};

/** `model` becomes the primary model of all agents; a provider that OpenClaw does not hold becomes a custom one at its base URL. */
export function addModel(claw: Claw, settings: Settings, report: Report): void {
  const { model } = claw;
  if (model === undefined) return;
  const from = [...claw.path, "model"];
  const { provider, apiKeyRef } = model;
  const variable = Object.hasOwn(BUNDLED, provider) ? BUNDLED[provider] : undefined;
  const baseUrl = model.baseUrl ?? (Object.hasOwn(COMPATIBLE, provider) ? COMPATIBLE[provider] : undefined);
  const custom = ["models", "providers", provider];
  if (provider.includes("__")) {
    report([...from, "provider"], `OpenClaw's provider cannot have two underscores in a row here; rename "${provider}"`);
    return;
  }
  if (variable === undefined && baseUrl === undefined) {
    const known = [...Object.keys(BUNDLED), ...Object.keys(COMPATIBLE)].sort();
    report(
      [...from, "provider"],
      `OpenClaw has no provider "${provider}"${suggestion(provider, known)} (another one with an API like OpenAI's needs base_url)`,
    );
    return;
  }

  if (model.name !== model.name.trim()) {
    report([...from, "name"], "OpenClaw takes no white space around a model's name; write it as the provider does");
  }
  settings.set(["agents", "defaults", "model", "primary"], `${provider}/${model.name}`, [...from, "name"]);
  if (baseUrl !== undefined) settings.set([...custom, "baseUrl"], baseUrl, [...from, "base_url"]);
  if (variable === undefined) {
    settings.set([...custom, "api"], "openai-completions", [...from, "provider"]);
    settings.set([...custom, "models"], [{ id: model.name, name: model.name }], [...from, "name"]);
  } else if (baseUrl !== undefined) {
    // Without a list of models OpenClaw refuses the entry; an empty one leaves the provider's own.
    settings.set([...custom, "models"], [], [...from, "base_url"]);
  }
  if (apiKeyRef !== undefined) {
    const source = { kind: "ref", name: apiKeyRef, required: false, path: [...from, "api_key_ref"] } as const;
    if (variable !== undefined) settings.secretEnv(variable, source);
    else settings.setSecret([...custom, "apiKey"], source, source.path);
  } else if (provider === "ollama") {
    // Any value makes OpenClaw use a server without a key; this is the one its documentation names.
    settings.env("OLLAMA_API_KEY", "ollama-local");
  }
}
