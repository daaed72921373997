import { all, ComponentResource, type ComponentResourceOptions, type Input, type Output, output, type Resource } from "@pulumi/pulumi";
import type { Launch } from "../../runtimes/runtime.ts";
import type { Secrets } from "../secrets.ts";
import { claimName, podName, serviceUrl } from "./names.ts";
import { clawObjects } from "./objects/index.ts";
import { KubernetesObject } from "./resources.ts";
import type { Rollout } from "./rollout.ts";
import { clawSecret } from "./secret.ts";
import { type KubernetesSettings, readySeconds } from "./settings.ts";

export interface KubernetesClawArgs {
  readonly launch: Launch;
  /** All claws of the fleet: policies name one another. @default this one alone */
  readonly launches?: readonly Launch[];
  /** The stack's name: a label on all objects. */
  readonly stack: string;
  readonly settings: KubernetesSettings;
  /** The image by digest, `repository@sha256:...`. */
  readonly image: Input<string>;
  readonly secrets: Secrets;
  /** Secrets with logins of registries. @default the settings' own */
  readonly pullSecrets?: readonly Input<string>[];
  /** What must be in the namespace before the claw, the namespace first. @default nothing */
  readonly after?: readonly Resource[];
  /** What tries a next version before it takes the place of the one that runs. @default none: it is not tried */
  readonly rollout?: Rollout | undefined;
}

/**
 * A claw on Kubernetes: a StatefulSet of one pod with a claim for its state, what the pod is given (account, Secret), and how
 * it is reached (Services, policy). The claim outlives the claw, and no edit replaces it.
 *
 * `up` waits until the pod is ready, which is the runtime's own health answer.
 */
export class KubernetesClaw extends ComponentResource {
  readonly pod: string;
  /** Name of the claim with the claw's state. */
  readonly claim: string;
  /** The claw's address in the cluster. */
  readonly url: string;

  constructor(name: string, args: KubernetesClawArgs, opts?: ComponentResourceOptions) {
    const { launch, launches = [launch], stack, settings, image, secrets, after = [], rollout } = args;
    const { claw } = launch;
    const secret = clawSecret(launch, secrets);
    super("clawfleet:kubernetes:Claw", name, {}, opts);
    this.pod = podName(claw);
    this.claim = claimName(claw);
    this.url = serviceUrl(launch, settings.namespace);

    const pullSecrets = args.pullSecrets ?? settings.imagePullSecrets;
    const objects = clawObjects({ launch, launches, stack, settings, image, secret, pullSecrets });
    const inside = { parent: this, dependsOn: after.slice(0, 1) };
    const needed: Resource[] = [
      ...after,
      new KubernetesObject(`${name}-account`, objects.serviceAccount, inside),
      new KubernetesObject(`${name}-policy`, objects.networkPolicy, inside),
      new KubernetesObject(`${name}-service`, objects.service, inside),
      new KubernetesObject(`${name}-headless`, objects.headless, inside),
      ...(objects.secret ? [new KubernetesObject(`${name}-secret`, objects.secret, inside)] : []),
    ];
    const next = rollout && {
      launch,
      claw: this,
      // All that the trial needs is there by then.
      template: made(needed).apply(() => output(objects.statefulSet.spec.template)),
      secrets: output(secret?.values ?? {}).apply((values) => Object.values(values)),
    };
    const limit = `${readySeconds(settings, launch.runtime.health.startupSeconds)}s`;
    const tried: Promise<Resource[]> | undefined = next && rollout.tried(next).then(() => needed);
    const set = new KubernetesObject(`${name}-statefulset`, objects.statefulSet, {
      parent: this,
      dependsOn: tried ?? needed,
      // A claim keeps its size, class and labels: Kubernetes would have the StatefulSet replaced for them.
      ignoreChanges: ["spec.volumeClaimTemplates"],
      customTimeouts: { create: limit, update: limit },
    });
    if (next) rollout.watch(next, set);
    this.registerOutputs({ pod: this.pod, claim: this.claim, url: this.url });
  }
}

/** Known when all of these exist. */
function made(resources: readonly Resource[]): Output<unknown> {
  return all(resources.map((resource) => ("id" in resource ? output(resource.id) : resource.urn)));
}
