import type { input } from "@pulumi/kubernetes/types/index.js";
import type { Input } from "@pulumi/pulumi";
import type { Descriptor, Launch } from "../../../runtimes/runtime.ts";
import { annotation, CONTAINER, component, label, labelsOf, labelValue, publicHash, STATE } from "../names.ts";
import type { KubernetesSettings } from "../settings.ts";
import { mebibytes, processors } from "./quantity.ts";

/** Least processor time of a claw, which mostly waits for its model. */
const CPU_REQUEST = 0.05;

/** MiB on the node's disk, asked for and limited to: the container's log is all that a claw writes there. */
const EPHEMERAL = 256;

/** A claw's Secret, without what is in it. */
export interface ClawSecret {
  readonly name: Input<string>;
  /** Changes when a value does, and tells nothing of it. */
  readonly hash: Input<string>;
  /** The environment variables that it holds. */
  readonly keys: readonly string[];
  /** Base64 by variable. Without it, the Secret is not among the objects. */
  readonly data?: Input<Record<string, Input<string>>>;
}

export interface PodArgs {
  readonly launch: Launch;
  readonly stack: string;
  readonly settings: KubernetesSettings;
  /** `repository@sha256:...` */
  readonly image: Input<string>;
  readonly secret: ClawSecret | undefined;
}

/** What a claw asks for, in processors and MiB. */
export function resourcesOf({ runtime, memoryMiB, cpus }: Launch) {
  return {
    requests: { cpu: Math.min(CPU_REQUEST, cpus), memory: Math.min(runtime.minMemoryMiB, memoryMiB), ephemeral: EPHEMERAL },
    limits: { cpu: cpus, memory: memoryMiB, ephemeral: EPHEMERAL },
  };
}

/** `pod.spec.containers[].resources` and a quota have the same three. */
export const quantities = ({ cpu, memory, ephemeral }: { cpu: number; memory: number; ephemeral: number }) => ({
  cpu: processors(cpu),
  memory: mebibytes(memory),
  "ephemeral-storage": mebibytes(ephemeral),
});

/** What `podTemplate` gives. */
export type PodTemplate = ReturnType<typeof podTemplate>;

/** The pod of a claw, unprivileged by the strictest of Kubernetes' own standards (`restricted`). */
export function podTemplate({ launch, stack, settings, image, secret }: PodArgs) {
  const { runtime } = launch;
  const { requests, limits } = resourcesOf(launch);
  const memory = memoryVolumes(runtime);
  return {
    metadata: {
      labels: labelsOf(stack, launch),
      annotations: {
        [annotation.config]: publicHash(Object.entries(launch.env).sort(([a], [b]) => (a < b ? -1 : 1))),
        ...(secret && { [annotation.secret]: secret.hash }),
      },
    },
    spec: {
      serviceAccountName: launch.claw,
      automountServiceAccountToken: false,
      // Addresses of the namespace's other Services are nothing that a claw needs in its environment.
      enableServiceLinks: false,
      // The pause container is process 1 then, and reaps what the runtime leaves behind.
      shareProcessNamespace: true,
      ...(settings.hostUsers !== undefined && { hostUsers: settings.hostUsers }),
      ...(settings.runtimeClass !== undefined && { runtimeClassName: settings.runtimeClass }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: runtime.uid,
        runAsGroup: runtime.uid,
        fsGroup: runtime.uid,
        // Else every start walks through all of the state.
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
      terminationGracePeriodSeconds: runtime.stopGraceSeconds,
      restartPolicy: "Always",
      // With Kubernetes' own 5, each look-up of a provider's name first asks the cluster for some names that do not exist.
      dnsConfig: { options: [{ name: "ndots", value: "2" }] },
      // The cluster's own rule spreads the pods of one Service, which is one pod here: spread the fleet.
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: { [label.component]: component.claw, [label.stack]: labelValue(stack) } },
        },
      ],
      containers: [
        {
          name: CONTAINER,
          image,
          imagePullPolicy: "IfNotPresent",
          env: environmentOf(launch, secret),
          ports: [{ name: "http", containerPort: runtime.port, protocol: "TCP" }],
          resources: { requests: quantities(requests), limits: quantities(limits) },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            privileged: false,
            readOnlyRootFilesystem: true,
            runAsNonRoot: true,
          },
          ...probes(runtime),
          volumeMounts: [{ name: STATE, mountPath: runtime.stateDir }, ...memory.map(({ name, mountPath }) => ({ name, mountPath }))],
        },
      ],
      volumes: memory.map(({ name, sizeMiB }) => ({ name, emptyDir: { medium: "Memory", sizeLimit: mebibytes(sizeMiB) } })),
    },
  } satisfies input.core.v1.PodTemplateSpec;
}

/** Writable places in memory: what the image needs, and /run/claw, which holds the effective configuration, secrets included. */
function memoryVolumes({ tmpfs }: Descriptor) {
  return [{ path: "/run/claw", sizeMiB: 4 }, ...tmpfs].map(({ path, sizeMiB }) => ({
    name: path
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, ""),
    mountPath: path,
    sizeMiB,
  }));
}

/** Sorted by name, so that the order in which they were found is no change. */
function environmentOf({ env, maxOpenFiles }: Launch, secret: ClawSecret | undefined) {
  const entries: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: Input<string>; key: string } } }[] = [];
  const keys = secret?.keys ?? [];
  // Kubernetes limits no files; the image's entrypoint does it, from this.
  for (const [name, value] of Object.entries({ ...env, CLAWFLEET_NOFILE: String(maxOpenFiles) })) {
    if (!keys.includes(name)) entries.push({ name, value: literal(value) });
  }
  if (secret !== undefined) {
    for (const key of keys) entries.push({ name: key, valueFrom: { secretKeyRef: { name: secret.name, key } } });
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Kubernetes puts variables in where a value says `$(NAME)`, and reads `$$` as `$`. */
function literal(value: string): string {
  return /\$[($]/.test(value) ? value.replaceAll("$", "$$$$") : value;
}

/**
 * The image's own check, which asks the runtime's health answer. Often until the first good one, seldom afterwards: each costs a process.
 * It gives up by itself after 5 s; the time here is for a node that is slow to start it.
 */
function probes({ health }: Descriptor) {
  const exec = { command: ["/usr/local/bin/entrypoint", "health"] };
  return {
    startupProbe: { exec, periodSeconds: 1, failureThreshold: health.startupSeconds, timeoutSeconds: 10 },
    livenessProbe: { exec, periodSeconds: 30, failureThreshold: 3, timeoutSeconds: 10 },
    readinessProbe: { exec, periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 10 },
  };
}
