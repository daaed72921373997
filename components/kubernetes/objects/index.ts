import type { Input } from "@pulumi/pulumi";
import type { Descriptor, Launch } from "../../../runtimes/runtime.ts";
import { clawObjects } from "./claw.ts";
import { type NamespaceArgsOf, namespaceObjects } from "./namespace.ts";
import type { ClawSecret } from "./pod.ts";

export { type ClawArgs, clawObjects } from "./claw.ts";
export { namespaceObjects, type PullSecret } from "./namespace.ts";
export type { ClawSecret, PodTemplate } from "./pod.ts";

export interface FleetObjectsArgs extends NamespaceArgsOf {
  /** The image of a runtime by digest, `repository@sha256:...`. */
  readonly image: (runtime: Descriptor) => Input<string>;
  /** The Secret of a claw; undefined when it has none. Without its `data`, the Secret itself is left out. */
  readonly secretOf: (launch: Launch) => ClawSecret | undefined;
}

/**
 * All objects of a fleet in the order in which they can be applied. They are what `pulumi up` registers: with plain strings for
 * images and secrets' names, nothing in them is an output.
 */
export function fleetObjects(args: FleetObjectsArgs) {
  const { launches, stack, settings, image, secretOf } = args;
  const { namespace, quota, limits, defaultDeny, pullSecret } = namespaceObjects(args);
  const pullSecrets = pullSecretsOf(args);
  const claws = launches.flatMap((launch) => {
    const one = clawObjects({ launch, launches, stack, settings, image: image(launch.runtime), secret: secretOf(launch), pullSecrets });
    return [one.serviceAccount, one.networkPolicy, one.service, one.headless, one.secret, one.statefulSet];
  });
  return [namespace, quota, limits, defaultDeny, pullSecret, ...claws].filter((object) => object !== undefined);
}

/** Names of the Secrets that images are pulled with. */
export function pullSecretsOf({ settings, pullSecret }: Pick<NamespaceArgsOf, "settings" | "pullSecret">): Input<string>[] {
  return [...settings.imagePullSecrets, ...(pullSecret === undefined ? [] : [pullSecret.name])];
}

/** One of a fleet's objects. */
export type FleetObject = ReturnType<typeof fleetObjects>[number];
