import { type KubernetesSettings, kubernetesSettings, SettingsError } from "../../components/kubernetes/settings.ts";
import { UserError } from "../errors.ts";
import type { Stack } from "../stack.ts";

/** A stack's settings for Kubernetes, as the program reads them. @throws UserError when its config is wrong */
export function settingsOf(stack: Stack): KubernetesSettings {
  try {
    return kubernetesSettings(stack.name, (key) => stack.setting(key));
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new UserError(error.message, 2);
  }
}
