import type { StatefulSetArgs } from "@pulumi/kubernetes/apps/v1/statefulSet.js";
import type { SecretArgs } from "@pulumi/kubernetes/core/v1/secret.js";
import type { ServiceArgs } from "@pulumi/kubernetes/core/v1/service.js";
import type { ServiceAccountArgs } from "@pulumi/kubernetes/core/v1/serviceAccount.js";
import type { Input } from "@pulumi/pulumi";
import type { Launch } from "../../../runtimes/runtime.ts";
import { headlessName, labelsOf, STATE, selectorOf } from "../names.ts";
import { clawPolicy } from "./network.ts";
import { type ClawSecret, type PodArgs, podTemplate } from "./pod.ts";

export interface ClawArgs extends PodArgs {
  /** All claws of the fleet, see clawPolicy. */
  readonly launches: readonly Launch[];
  /** Secrets with logins of registries. */
  readonly pullSecrets: readonly Input<string>[];
}

/** The objects of one claw: one pod that is never two, since every runtime is the only writer of its state. */
export function clawObjects(args: ClawArgs) {
  const { launch, launches, stack, settings, secret, pullSecrets } = args;
  const { namespace } = settings;
  const labels = labelsOf(stack, launch);
  const at = (name: Input<string>) => ({ name, namespace, labels });
  return {
    serviceAccount: {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: at(launch.claw),
      automountServiceAccountToken: false,
      // Here and not in the pod: a new login is no reason to start the claw anew.
      ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    } satisfies ServiceAccountArgs,
    service: service(args, launch.claw),
    headless: service(args, headlessName(launch.claw), { clusterIP: "None" }),
    networkPolicy: clawPolicy(launch, launches, stack, namespace),
    secret: secret?.data === undefined ? undefined : secretObject(at(secret.name), secret.data),
    statefulSet: {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: at(launch.claw),
      spec: {
        replicas: 1,
        serviceName: headlessName(launch.claw),
        selector: { matchLabels: selectorOf(launch.claw) },
        // With OrderedReady, a version that never got ready is in the way of its successor.
        podManagementPolicy: "Parallel",
        updateStrategy: { type: "RollingUpdate" },
        revisionHistoryLimit: 3,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
        template: podTemplate(args),
        volumeClaimTemplates: [
          {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            // Without the version: these cannot be changed later.
            metadata: { name: STATE, labels: selectorOf(launch.claw) },
            spec: {
              accessModes: ["ReadWriteOnce"],
              ...(settings.storageClass !== undefined && { storageClassName: settings.storageClass }),
              resources: { requests: { storage: settings.storageSize } },
            },
          },
        ],
      },
    } satisfies StatefulSetArgs,
  };
}

function secretObject(metadata: { name: Input<string>; namespace: string; labels: Record<string, string> }, data: ClawSecret["data"]) {
  return { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", immutable: true, data } satisfies SecretArgs;
}

function service({ launch, stack, settings }: ClawArgs, name: string, spec: { clusterIP?: string } = {}) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: settings.namespace,
      labels: labelsOf(stack, launch),
      // It has no endpoint before the pod, which comes after it.
      annotations: { "pulumi.com/skipAwait": "true" },
    },
    spec: {
      type: "ClusterIP",
      ...spec,
      selector: selectorOf(launch.claw),
      ports: [{ name: "http", port: launch.runtime.port, targetPort: "http", protocol: "TCP" }],
    },
  } satisfies ServiceArgs;
}
