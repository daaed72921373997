import { suggestion } from "../../fleet/problems.ts";
import type { Claw, Model } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/** Providers whose address NullClaw knows (src/providers/factory.zig). Any other name it would take for OpenRouter, without a word. */
const REMOTE = [
  ...["aihubmix", "anthropic", "astrai", "bigmodel", "byteplus", "byteplus-plan", "cerebras", "chutes", "cohere", "copilot", "dashscope"],
  ...["dashscope-intl", "dashscope-us", "deepseek", "doubao", "fireworks", "gemini", "glm", "glm-cn", "glm-global", "grok", "groq"],
  ...["huggingface", "kimi", "kimi-cn", "kimi-code", "kimi-intl", "minimax", "minimax-cn", "minimax-intl", "mistral", "moonshot"],
  ...["moonshot-cn", "moonshot-intl", "nvidia", "openai", "opencode", "openrouter", "ovhcloud", "perplexity", "poe", "qianfan", "qwen"],
  ...["qwen-intl", "qwen-portal", "qwen-us", "shengsuanyun", "siliconflow", "synthetic", "together", "venice", "vercel", "volcengine"],
  ...["volcengine-plan", "xai", "z.ai", "zai", "zai-cn", "zai-global", "zhipu", "zhipu-cn", "zhipu-global"],
];

/** Servers that NullClaw would look for in its own container: where they are must be said. */
const LOCAL = ["litellm", "llamacpp", "lmstudio", "ollama", "osaurus", "sglang", "vllm"];

/** Those that it only reaches at their own address, and what stands in for one where another address is given: a name unknown to NullClaw. */
const FIXED: { readonly [provider: string]: string | undefined } = {
  openai: "openai-compatible",
  openrouter: "openrouter-compatible",
  gemini: undefined,
};

const ALIASES: { readonly [alias: string]: string } = { claude: "anthropic", google: "gemini", "llama.cpp": "llamacpp" };

/**
 * The claw's one model: `provider/name`, as all that agents are given. Without a key NullClaw comes up all the same, and says so when it is asked
 * something.
 */
export function addModel(claw: Claw, settings: Settings, report: Report): void {
  const { model } = claw;
  if (model === undefined) return;
  const from = [...claw.path, "model"];
  if (/["\\\p{Cc}]/u.test(model.name)) {
    report(
      [...from, "name"],
      "NullClaw writes the model's name into its requests as it is; write one without quotation marks, backslashes and control characters",
    );
  }
  const provider = providerOf(model, from, report);
  if (provider === undefined) return;

  settings.set(["agents", "defaults", "model", "primary"], `${provider}/${model.name}`, [...from, "name"]);
  if (model.baseUrl !== undefined) settings.set(["models", "providers", provider, "base_url"], model.baseUrl, [...from, "base_url"]);
  if (model.apiKeyRef !== undefined) {
    const path = [...from, "api_key_ref"];
    if (provider === "ollama") report(path, "NullClaw sends ollama no key; remove api_key_ref");
    settings.setSecret(["models", "providers", provider, "api_key"], { kind: "ref", name: model.apiKeyRef, required: false, path }, path);
  }
}

/** NullClaw's name for the provider; undefined when it has none. */
function providerOf({ provider, baseUrl }: Model, from: readonly (string | number)[], report: Report): string | undefined {
  const name = ALIASES[provider.toLowerCase()] ?? provider.toLowerCase();
  if (LOCAL.includes(name)) {
    if (baseUrl === undefined) report(from, `NullClaw needs base_url for ${name}, the address of its API as a container reaches it`);
    return name;
  }
  if (!REMOTE.includes(name)) {
    // With an address NullClaw takes any name for one of an API that is like OpenAI's.
    if (name === "custom" && baseUrl !== undefined) return name;
    const hint = suggestion(name, [...REMOTE, ...LOCAL]);
    const rest = hint.startsWith("; did you mean")
      ? hint
      : '; for an API that is like OpenAI\'s, write provider = "custom" with its base_url';
    report([...from, "provider"], `NullClaw has no provider "${provider}"${rest}`);
    return undefined;
  }
  if (baseUrl === undefined || !Object.hasOwn(FIXED, name)) return name;
  const other = FIXED[name];
  if (other === undefined) {
    report(
      [...from, "base_url"],
      `NullClaw asks ${name} at its own address only; remove base_url, or write provider = "custom" for an API like OpenAI's`,
    );
  }
  return other;
}
