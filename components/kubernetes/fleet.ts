import { ComponentResource, type ComponentResourceOptions, type ProviderResource } from "@pulumi/pulumi";
import type { Launch } from "../../runtimes/runtime.ts";
import type { Bases, BuildArgs } from "../environment.ts";
import { type ImageSource, type RegistryLogin, RuntimeImage } from "../image.ts";
import type { ClawRecord } from "../inventory.ts";
import type { Secrets } from "../secrets.ts";
import { KubernetesClaw } from "./claw.ts";
import { namespaceObjects, pullSecretsOf } from "./objects/index.ts";
import { KubernetesObject } from "./resources.ts";
import type { Rollout } from "./rollout.ts";
import { pullSecret } from "./secret.ts";
import type { KubernetesSettings } from "./settings.ts";

export interface KubernetesFleetArgs {
  readonly launches: readonly Launch[];
  /** The stack's name: a label on all objects. */
  readonly stack: string;
  readonly settings: KubernetesSettings;
  readonly secrets: Secrets;
  /** The cluster. It refuses objects that it has not made. @default the default provider */
  readonly provider?: ProviderResource | undefined;
  /** The same cluster by a provider that takes over what is there: the namespace, which outlives the fleet. @default `provider` */
  readonly namespaceProvider?: ProviderResource | undefined;
  /** Login for the settings' registry: to push images, and for the cluster to pull them. @default none */
  readonly login?: RegistryLogin | undefined;
  /** See RuntimeImageArgs. @default none */
  readonly bases?: Bases;
  /** Build arguments by runtime; see RuntimeImageArgs. @default none */
  readonly buildArgs?: BuildArgs;
  /** See RuntimeImageArgs. @default build */
  readonly images?: ImageSource;
  /** Set the quota when the claws are as they are to be, because it allows less than before. @default false: before they change */
  readonly quotaLast?: boolean;
  /** See KubernetesClawArgs. @default none */
  readonly rollout?: Rollout | undefined;
}

/**
 * All claws of a fleet in a namespace of their own, with limits for all of it and a policy that lets nobody in or out: one image
 * per runtime in use, one KubernetesClaw each.
 */
export class KubernetesFleet extends ComponentResource {
  /** In the fleet file's order. */
  readonly claws: readonly ClawRecord[];

  constructor(name: string, args: KubernetesFleetArgs, opts?: ComponentResourceOptions) {
    const { launches, stack, settings, secrets, provider, login, bases = {}, buildArgs = {}, images: source = "build" } = args;
    const { rollout, quotaLast = false } = args;
    const { registry, namespace } = settings;
    const puller = login && pullSecret(registry, login, secrets);
    super("clawfleet:kubernetes:Fleet", name, {}, { ...opts, ...(provider && { providers: { kubernetes: provider } }) });

    const shared = namespaceObjects({ launches, stack, settings, pullSecret: puller });
    const owner = args.namespaceProvider ?? provider;
    const home = new KubernetesObject(`${name}-namespace`, shared.namespace, {
      parent: this,
      ...(owner && { provider: owner }),
      // With it would go the claims, and with them what the claws know.
      retainOnDelete: true,
    });
    const inside = { parent: this, dependsOn: [home] };
    const after = [
      home,
      ...(quotaLast ? [] : [new KubernetesObject(`${name}-quota`, shared.quota, inside)]),
      new KubernetesObject(`${name}-limits`, shared.limits, inside),
      new KubernetesObject(`${name}-default-deny`, shared.defaultDeny, inside),
      ...(shared.pullSecret ? [new KubernetesObject(`${name}-registry`, shared.pullSecret, inside)] : []),
    ];
    const pullSecrets = pullSecretsOf({ settings, pullSecret: puller });

    const images = new Map<string, RuntimeImage>();
    const made: KubernetesClaw[] = [];
    this.claws = launches.map((launch) => {
      const { runtime, claw } = launch;
      const image =
        images.get(runtime.name) ??
        new RuntimeImage(
          runtime.name,
          { runtime, registry, login, remote: true, bases, buildArgs: buildArgs[runtime.name] ?? {}, images: source },
          { parent: this },
        );
      images.set(runtime.name, image);
      const one = new KubernetesClaw(
        claw,
        { launch, launches, stack, settings, image: image.image, secrets, pullSecrets, after, rollout },
        { parent: this },
      );
      made.push(one);
      const { pod, claim, url } = one;
      return {
        name: claw,
        target: "kubernetes",
        runtime: runtime.name,
        version: runtime.version,
        url,
        healthUrl: `${url}${runtime.health.path}`,
        imageDigest: image.digest,
        container: pod,
        volume: claim,
        uid: runtime.uid,
        namespace,
      };
    });
    if (quotaLast) new KubernetesObject(`${name}-quota`, shared.quota, { parent: this, dependsOn: [home, ...made] });
    this.registerOutputs({ claws: this.claws });
  }
}
