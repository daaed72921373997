/** What the engines say of a claw's container: Docker's inspection and Kubernetes' pod in the same words. */
import { z } from "zod";
import type { Descriptor } from "../../runtimes/runtime.ts";
import type { TestStack } from "../docker/stack.ts";
import type { Facts } from "./parity-facts.ts";
import type { KubernetesStack } from "./stack.ts";

/** A digest of the image in the registry that both have it from. */
const digestOf = (reference: string | undefined) => reference?.slice(reference.lastIndexOf("@") + 1) ?? "none";

/** Labels that are Clawfleet's own, with a word for what differs between any two stacks; without those that Docker takes over from the image. */
function labelFacts(labels: { readonly [name: string]: string }, stack: string): [string, string][] {
  const own = Object.entries(labels).filter(([name]) => name.startsWith("dev.clawfleet.") && name !== "dev.clawfleet.inputs");
  return own.map(([name, value]) => [`label ${name}`, value === stack ? "(the stack's name)" : value]);
}

const State = z.object({
  deployment: z.object({
    resources: z.array(z.object({ inputs: z.object({ name: z.unknown(), destroyGraceSeconds: z.unknown() }).partial().optional() })),
  }),
});

/** @param registry Where the image was pushed to: an image has a digest for each registry. */
export async function dockerFacts(stack: TestStack, runtime: Descriptor, claw: string, registry: string): Promise<Facts> {
  const name = stack.container(claw);
  const { Config, HostConfig, Mounts } = await stack.docker.getContainer(name).inspect();
  const { RepoDigests } = await stack.docker.getImage(Config.Image).inspect();
  const { resources } = State.parse(JSON.parse(await stack.state())).deployment;
  const ports: { [port: string]: { HostIp?: string }[] } = HostConfig.PortBindings ?? {};
  return new Map([
    ["memory limit", `${(HostConfig.Memory ?? 0) / 2 ** 20} MiB`],
    ["processor limit", String((HostConfig.NanoCpus ?? 0) / 1e9)],
    ["user", Config.User ?? ""],
    ["read-only root", String(HostConfig.ReadonlyRootfs)],
    ["capabilities dropped", (HostConfig.CapDrop ?? []).join(" ")],
    ["capabilities added", (HostConfig.CapAdd ?? []).join(" ")],
    ["new privileges", HostConfig.SecurityOpt?.some((option: string) => /^no-new-privileges(:true)?$/.test(option)) ? "no" : "yes"],
    ["privileged", String(HostConfig.Privileged)],
    ["health check", (Config.Healthcheck?.Test ?? []).slice(1).join(" ")],
    ["restart", HostConfig.RestartPolicy?.Name ?? ""],
    [
      "stop grace",
      `${resources.find(({ inputs }) => inputs?.name === name && "destroyGraceSeconds" in inputs)?.inputs?.destroyGraceSeconds} s`,
    ],
    ["port", Object.keys(ports).join(" ")],
    [
      "published on",
      Object.values(ports)
        .flatMap((bindings) => bindings.map(({ HostIp }) => HostIp ?? "every address"))
        .join(" "),
    ],
    ["state", Mounts.filter(({ Destination }) => Destination === runtime.stateDir).map(({ Type }) => Type)[0] ?? "none"],
    ["image", digestOf(RepoDigests?.find((digest) => digest.startsWith(`${registry}/`)))],
    ...labelFacts(Config.Labels, stack.name),
  ]);
}

const Probe = z.object({ exec: z.object({ command: z.array(z.string()) }) });
const Context = z
  .object({ runAsUser: z.number(), runAsGroup: z.number(), privileged: z.boolean(), allowPrivilegeEscalation: z.boolean() })
  .extend({
    readOnlyRootFilesystem: z.boolean(),
    capabilities: z.object({ drop: z.array(z.string()), add: z.array(z.string()) }).partial(),
  })
  .partial();
const Pod = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    restartPolicy: z.string(),
    terminationGracePeriodSeconds: z.number(),
    securityContext: Context.optional(),
    containers: z
      .array(
        z.object({
          securityContext: Context.optional(),
          ports: z.array(z.object({ containerPort: z.number(), protocol: z.string(), hostPort: z.number().optional() })).default([]),
          resources: z.object({ limits: z.object({ memory: z.string(), cpu: z.string() }) }),
          startupProbe: Probe,
          livenessProbe: Probe,
          readinessProbe: Probe,
          volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
        }),
      )
      .length(1),
    volumes: z.array(z.looseObject({ name: z.string() })),
  }),
  status: z.object({ containerStatuses: z.array(z.object({ imageID: z.string() })).length(1) }),
});

export async function kubernetesFacts(stack: KubernetesStack, runtime: Descriptor, claw: string): Promise<Facts> {
  const { metadata, spec, status } = Pod.parse(JSON.parse(await stack.kubectl("get", "pod", stack.container(claw), "--output", "json")));
  const [container] = spec.containers;
  if (container === undefined) throw new Error("a pod without a container");
  const context = { ...spec.securityContext, ...container.securityContext };
  const { limits } = container.resources;
  const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe].map(({ exec }) => exec.command.join(" "));
  const mounted = container.volumeMounts.find(({ mountPath }) => mountPath === runtime.stateDir)?.name;
  return new Map([
    ["memory limit", `${mebibytes(limits.memory)} MiB`],
    ["processor limit", String(limits.cpu.endsWith("m") ? Number(limits.cpu.slice(0, -1)) / 1000 : Number(limits.cpu))],
    ["user", `${context.runAsUser}:${context.runAsGroup}`],
    ["read-only root", String(context.readOnlyRootFilesystem)],
    ["capabilities dropped", (context.capabilities?.drop ?? []).join(" ")],
    ["capabilities added", (context.capabilities?.add ?? []).join(" ")],
    ["new privileges", context.allowPrivilegeEscalation === false ? "no" : "yes"],
    ["privileged", String(context.privileged ?? false)],
    ["health check", [...new Set(probes)].join(", ")],
    ["restart", spec.restartPolicy],
    ["stop grace", `${spec.terminationGracePeriodSeconds} s`],
    ["port", container.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol.toLowerCase()}`).join(" ")],
    ["published on", container.ports.flatMap(({ hostPort }) => hostPort ?? []).join(" ")],
    ["state", Object.keys(spec.volumes.find(({ name }) => name === mounted) ?? {}).find((key) => key !== "name") ?? "none"],
    ["image", digestOf(status.containerStatuses[0]?.imageID)],
    ...labelFacts(metadata.labels, stack.name),
  ]);
}

/** Of a quantity such as `1500Mi` or `2Gi`. */
function mebibytes(quantity: string): number {
  const [, number, unit = ""] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity) ?? [];
  const sizes: { readonly [unit: string]: number } = { "": 2 ** -20, Ki: 2 ** -10, Mi: 1, Gi: 2 ** 10 };
  return Number(number) * (sizes[unit] ?? Number.NaN);
}
