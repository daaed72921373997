import type { KubernetesSettings } from "../../components/kubernetes/settings.ts";

/** A stack's settings with all defaults. */
export function settings(change: Partial<KubernetesSettings> = {}): KubernetesSettings {
  return {
    namespace: "clawfleet-dev",
    storageSize: "1Gi",
    registry: "registry.example.com/claws",
    imagePullSecrets: [],
    quota: {},
    trial: true,
    ...change,
  };
}
