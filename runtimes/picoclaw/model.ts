import { suggestion } from "../../fleet/problems.ts";
import type { Claw } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/**
 * What each provider needs before PicoClaw starts with it (pkg/providers/factory_provider.go): a `key`; a `key or url`; `nothing`, where PicoClaw
 * knows a local address without a key; or `both`. Providers that need a login or a program on the host are not for a container.
 */
const PROVIDERS: { readonly [id: string]: "key" | "key or url" | "nothing" | "both" } = {
  "alibaba-coding": "key or url",
  "alibaba-coding-anthropic": "key",
  anthropic: "key",
  "anthropic-messages": "key",
  avian: "key or url",
  azure: "both",
  cerebras: "key or url",
  deepseek: "key or url",
  gemini: "key or url",
  gpt4free: "nothing",
  groq: "key or url",
  litellm: "key or url",
  lmstudio: "nothing",
  longcat: "key or url",
  mimo: "key or url",
  minimax: "key or url",
  mistral: "key or url",
  modelscope: "key or url",
  moonshot: "key or url",
  novita: "key or url",
  nvidia: "key or url",
  ollama: "nothing",
  openai: "key or url",
  openrouter: "key or url",
  "qwen-intl": "key or url",
  "qwen-portal": "key or url",
  "qwen-us": "key or url",
  shengsuanyun: "key or url",
  siliconflow: "key or url",
  venice: "key or url",
  vivgrid: "key or url",
  vllm: "nothing",
  volcengine: "key or url",
  zai: "key or url",
  zhipu: "key or url",
};

/** PicoClaw's own aliases (pkg/providers/provider_metadata.go). */
const ALIASES: { readonly [alias: string]: string } = {
  "azure-openai": "azure",
  claude: "anthropic",
  glm: "zhipu",
  google: "gemini",
  gpt: "openai",
  qwen: "qwen-portal",
  "z-ai": "zai",
  "z.ai": "zai",
};

/**
 * The claw's one model: entry 0 of PicoClaw's `model_list` and the default of its agents. The key is optional: PicoClaw does not start with a model
 * that has none, so the image's default config holds a stand-in for it, which stays when the secret has no value.
 */
export function addModel(claw: Claw, settings: Settings, report: Report): void {
  const { model } = claw;
  if (model === undefined) return;
  const from = [...claw.path, "model"];
  const provider = ALIASES[model.provider.toLowerCase()] ?? model.provider.toLowerCase();
  const needs = PROVIDERS[provider];
  if (needs === undefined) {
    report([...from, "provider"], `PicoClaw has no provider "${model.provider}"${suggestion(provider, Object.keys(PROVIDERS))}`);
    return;
  }
  const noKey = model.apiKeyRef === undefined;
  const noUrl = model.baseUrl === undefined;
  if (noKey && (needs === "key" || needs === "both" || (needs === "key or url" && noUrl))) {
    const orUrl = needs === "key or url" ? " or base_url" : "";
    report(from, `PicoClaw does not start with a model of ${provider} without a key; add api_key_ref = "${provider}"${orUrl}`);
  }
  if (noUrl && needs === "both") report(from, `PicoClaw needs base_url for ${provider}, such as "https://<resource>.openai.azure.com"`);
  if (/\s|^\/|\/\//.test(model.name)) {
    report(
      [...from, "name"],
      "PicoClaw takes no model name with white space, a leading slash or a double slash; write it as the provider does",
    );
  }

  // PicoClaw looks models up by model_name and by the provider's name for it in turn: the two must be the same.
  settings.set(["agents", "defaults", "model_name"], model.name, [...from, "name"]);
  settings.set(["model_list", 0, "model_name"], model.name, [...from, "name"]);
  settings.set(["model_list", 0, "provider"], provider, [...from, "provider"]);
  settings.set(["model_list", 0, "model"], model.name, [...from, "name"]);
  if (model.baseUrl !== undefined) settings.set(["model_list", 0, "api_base"], model.baseUrl, [...from, "base_url"]);
  if (model.apiKeyRef === undefined) {
    settings.set(["model_list", 0, "api_keys"], [], from);
  } else {
    const path = [...from, "api_key_ref"];
    settings.setSecret(["model_list", 0, "api_keys", 0], { kind: "ref", name: model.apiKeyRef, required: false, path }, path);
  }
}
