import type { LimitRangeArgs } from "@pulumi/kubernetes/core/v1/limitRange.js";
import type { NamespaceArgs } from "@pulumi/kubernetes/core/v1/namespace.js";
import type { ResourceQuotaArgs } from "@pulumi/kubernetes/core/v1/resourceQuota.js";
import type { SecretArgs } from "@pulumi/kubernetes/core/v1/secret.js";
import type { Input } from "@pulumi/pulumi";
import type { Launch } from "../../../runtimes/runtime.ts";
import { FLEET, labelValue, stackLabels } from "../names.ts";
import type { KubernetesSettings } from "../settings.ts";
import { defaultDeny } from "./network.ts";
import { quantities, resourcesOf } from "./pod.ts";

/** The Secret with the registry's login. */
export interface PullSecret {
  readonly name: Input<string>;
  /** Base64 of a Docker configuration. Without it, the Secret is not among the objects. */
  readonly dockerConfig?: Input<string>;
}

export interface NamespaceArgsOf {
  readonly launches: readonly Launch[];
  readonly stack: string;
  readonly settings: KubernetesSettings;
  readonly pullSecret?: PullSecret | undefined;
}

/** Trials that run at once, and the MiB that the state of each may have on the node's disk: it has no claim. */
export const TRIALS = { atOnce: 4, stateMiB: 1024 } as const;

/** A fleet's namespace and what holds for all in it. */
export function namespaceObjects({ launches, stack, settings, pullSecret }: NamespaceArgsOf) {
  const { namespace } = settings;
  const labels = stackLabels(stack);
  const metadata = { name: FLEET, namespace, labels };
  const restricted = ["enforce", "audit", "warn"].flatMap((mode) => [
    [`pod-security.kubernetes.io/${mode}`, "restricted"],
    [`pod-security.kubernetes.io/${mode}-version`, "latest"],
  ]);
  return {
    namespace: {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name: namespace,
        labels: { ...labels, ...Object.fromEntries(restricted) },
        // The same owner of these fields each time: the namespace outlives the stack, for the state that is in it.
        annotations: { "pulumi.com/patchFieldManager": `clawfleet-${labelValue(stack)}` },
      },
    } satisfies NamespaceArgs,
    quota: {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata,
      spec: { hard: { ...quota(launches), ...settings.quota } },
    } satisfies ResourceQuotaArgs,
    limits: {
      apiVersion: "v1",
      kind: "LimitRange",
      metadata,
      spec: { limits: [{ type: "Container", default: SMALL, defaultRequest: SMALL }] },
    } satisfies LimitRangeArgs,
    defaultDeny: defaultDeny(stack, namespace),
    pullSecret:
      pullSecret?.dockerConfig === undefined
        ? undefined
        : ({
            apiVersion: "v1",
            kind: "Secret",
            metadata: { name: pullSecret.name, namespace, labels },
            type: "kubernetes.io/dockerconfigjson",
            immutable: true,
            data: { ".dockerconfigjson": pullSecret.dockerConfig },
          } satisfies SecretArgs),
  };
}

/**
 * Twice what the fleet asks for: a claw of a new name starts before the one that it takes the place of is gone, and a trial of a
 * claw's next version runs beside the claw. Claims are not counted: those of claws that have left the fleet stay.
 */
function quota(launches: readonly Launch[]): Record<string, string> {
  const of = launches.map(resourcesOf);
  const twice = (kind: "requests" | "limits", trial: number) => {
    const sum = (which: "cpu" | "memory" | "ephemeral") => 2 * of.reduce((total, claw) => total + claw[kind][which], 0);
    const all = quantities({ cpu: sum("cpu"), memory: sum("memory"), ephemeral: sum("ephemeral") + trial });
    return Object.entries(all).map(([resource, quantity]) => [`${kind}.${resource}`, quantity]);
  };
  return {
    pods: String(2 * launches.length),
    ...Object.fromEntries([...twice("requests", 0), ...twice("limits", Math.min(TRIALS.atOnce, launches.length) * TRIALS.stateMiB)]),
    // Nothing in a fleet is reachable from outside the cluster by itself.
    "services.loadbalancers": "0",
    "services.nodeports": "0",
  };
}

/** What a container in the namespace gets that says nothing of itself: no claw. */
const SMALL = quantities({ cpu: 0.1, memory: 64, ephemeral: 64 });
