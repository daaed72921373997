import sdk from "@pulumi/kubernetes/package.json" with { type: "json" };
import { CustomResource, type CustomResourceOptions, type Inputs, ProviderResource } from "@pulumi/pulumi";

/*
 * The kubernetes provider's resources with the SDK's version, without its classes: those set every property that a resource
 * could have to undefined, load all API groups, and Pulumi makes an output, several promises each, of every property.
 */

/** How a cluster is reached. Without either: KUBECONFIG, else ~/.kube/config, and the context that is current there. */
export interface ClusterArgs {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** A Kubernetes cluster. */
export class Provider extends ProviderResource {
  /** @param upsert Take objects over that are there already, instead of refusing to make them. */
  constructor(name: string, { kubeconfig, context }: ClusterArgs, upsert = false) {
    const inputs = {
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
      // What somebody has changed by hand is put right, instead of being in the way for ever. The provider wants its flags as JSON.
      enablePatchForce: "true",
      ...(upsert && { upsertExistingObjects: "true" }),
    };
    super("kubernetes", name, inputs, { version: sdk.version });
  }
}

/** An object of an API group, as the functions in objects/ make them. */
export interface ObjectArgs extends Inputs {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Any object in a cluster. */
export class KubernetesObject extends CustomResource {
  constructor(name: string, args: ObjectArgs, opts: CustomResourceOptions) {
    const { apiVersion, kind } = args;
    const group = apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`;
    super(`kubernetes:${group}:${kind}`, name, args, { version: sdk.version, ...opts });
  }
}
