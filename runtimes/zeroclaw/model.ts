import { nearest } from "../../fleet/problems.ts";
import type { Claw } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";
import { ALIAS } from "./conventions.ts";
import { PROVIDERS } from "./native/providers.ts";

/** Names under which other runtimes and the providers themselves know ZeroClaw's families. */
const ALIASES: { readonly [name: string]: string } = {
  claude: "anthropic",
  google: "gemini",
  grok: "xai",
  kimi: "moonshot",
  "z.ai": "zai",
  z_ai: "zai",
  zhipu: "glm",
};

/** The claw's one model. Without a key ZeroClaw comes up all the same, and says so when it is asked something. */
export function addModel(claw: Claw, settings: Settings, report: Report): void {
  const { model } = claw;
  if (model === undefined) return;
  const from = [...claw.path, "model"];
  const wanted = model.provider.toLowerCase().replaceAll("-", "_");
  const family = ALIASES[wanted] ?? wanted;
  if (!PROVIDERS.some((known) => known === family)) {
    const hint = nearest(family, PROVIDERS);
    const rest = hint ? `; did you mean "${hint}"?` : '; for an API that is like OpenAI\'s, write provider = "custom" with its base_url';
    report([...from, "provider"], `ZeroClaw has no provider "${model.provider}"${rest}`);
    return;
  }
  if (family === "custom" && model.baseUrl === undefined) report(from, 'provider "custom" needs base_url, the address of its API');
  const at = ["providers", "models", family, ALIAS];
  settings.set([...at, "model"], model.name, [...from, "name"]);
  if (model.baseUrl !== undefined) settings.set([...at, "uri"], model.baseUrl, [...from, "base_url"]);
  if (model.apiKeyRef !== undefined) {
    const path = [...from, "api_key_ref"];
    settings.setSecret([...at, "api_key"], { kind: "ref", name: model.apiKeyRef, required: false, path }, path);
  }
  settings.set(["agents", ALIAS, "model_provider"], `${family}.${ALIAS}`, [...from, "provider"]);
}
