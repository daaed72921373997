import { suggestion } from "../../fleet/problems.ts";
import type { Claw } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";
import { KEY_ENV } from "./conventions.ts";
import { looksSecret } from "./native.ts";

/**
 * What each provider of IronClaw's catalogue (providers.json of its crate ironclaw_llm) needs: a `key`; a `url`; or `nothing`. Those that need a login in
 * a browser or credentials of a cloud are not for a fleet file: gemini_oauth, openai_codex, bedrock.
 */
export const PROVIDERS: { readonly [id: string]: "key" | "url" | "nothing" } = {
  anthropic: "key",
  cerebras: "key",
  cloudflare: "key",
  deepseek: "key",
  fireworks: "key",
  gemini: "key",
  github_copilot: "key",
  groq: "key",
  ionet: "key",
  minimax: "key",
  mistral: "key",
  nearai: "nothing",
  nvidia: "key",
  ollama: "nothing",
  openai: "key",
  openai_compatible: "url",
  openrouter: "key",
  sambanova: "key",
  tinfoil: "key",
  together: "key",
  venice: "key",
  yandex: "key",
  zai: "key",
};

/** IronClaw's own aliases, and names under which other runtimes and the providers themselves know these. */
const ALIASES: { readonly [alias: string]: string } = {
  claude: "anthropic",
  compatible: "openai_compatible",
  custom: "openai_compatible",
  glm: "zai",
  google: "gemini",
  "io.net": "ionet",
  near: "nearai",
  near_ai: "nearai",
  "z.ai": "zai",
  zhipu: "zai",
};

/** The claw's one model. IronClaw does not start without a key where the provider wants one, so the image has a stand-in for a secret without a value. */
export function addModel(claw: Claw, settings: Settings, report: Report): void {
  const { model } = claw;
  if (model === undefined) return;
  const from = [...claw.path, "model"];
  const wanted = model.provider.toLowerCase().replaceAll("-", "_");
  const provider = ALIASES[wanted] ?? wanted;
  const needs = PROVIDERS[provider];
  if (needs === undefined) {
    report([...from, "provider"], `IronClaw has no provider "${model.provider}" here${suggestion(provider, Object.keys(PROVIDERS))}`);
    return;
  }
  if (needs === "key" && model.apiKeyRef === undefined) {
    report(from, `IronClaw does not start with a model of ${provider} without a key; add api_key_ref = "${provider}"`);
  }
  if (needs === "url" && model.baseUrl === undefined) report(from, `provider "${model.provider}" needs base_url, the address of its API`);
  for (const [key, value] of Object.entries({ name: model.name, base_url: model.baseUrl })) {
    if (value !== undefined && looksSecret(value)) {
      report(
        [...from, key],
        "this looks like a secret, and IronClaw does not start with one in its configuration; a key's name goes to api_key_ref",
      );
    }
  }
  const at = ["llm", "default"];
  settings.set([...at, "provider_id"], provider, [...from, "provider"]);
  settings.set([...at, "model"], model.name, [...from, "name"]);
  if (model.baseUrl !== undefined) settings.set([...at, "base_url"], model.baseUrl, [...from, "base_url"]);
  if (model.apiKeyRef !== undefined) {
    const path = [...from, "api_key_ref"];
    settings.set([...at, "api_key_env"], KEY_ENV, path);
    settings.secretEnv(KEY_ENV, { kind: "ref", name: model.apiKeyRef, required: false, path });
  }
}
