import type { Claw } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

/**
 * `model` becomes that of Claude Code, the only provider in NanoClaw's trunk. Its key stays in the claw: agents ask the claw's gateway, which adds the key
 * and asks `base_url`.
 */
export function addModel(claw: Claw, settings: Settings, report: Report): void {
  const { model } = claw;
  if (model === undefined) return;
  const from = [...claw.path, "model"];
  const { provider, name, apiKeyRef, baseUrl } = model;
  if (provider !== "anthropic") {
    report(
      [...from, "provider"],
      `NanoClaw's agents are Claude Code, so its only provider is anthropic, not "${provider}"; use provider = "anthropic", with base_url for another service that has an API like Anthropic's`,
    );
    return;
  }
  settings.set(["agent", "model"], name, [...from, "name"]);
  if (baseUrl !== undefined) settings.set(["anthropic", "baseUrl"], baseUrl, [...from, "base_url"]);
  if (!usesOneCli(claw)) {
    if (apiKeyRef !== undefined) {
      settings.secretEnv("ANTHROPIC_API_KEY", { kind: "ref", name: apiKeyRef, required: false, path: [...from, "api_key_ref"] });
    }
    return;
  }
  if (baseUrl !== undefined)
    report([...from, "base_url"], "with extras.onecli.url NanoClaw's model is asked by OneCLI; set the address there, and remove it here");
  if (apiKeyRef !== undefined) {
    settings.secretEnv("ONECLI_API_KEY", { kind: "ref", name: apiKeyRef, required: true, path: [...from, "api_key_ref"] });
  }
}

/** Whether a OneCLI gateway takes the place of the claw's own; `api_key_ref` is then its key, as that of the model is kept there. */
function usesOneCli(claw: Claw): boolean {
  const { onecli } = claw.extras;
  return typeof onecli === "object" && onecli !== null && "url" in onecli && onecli.url !== "";
}
