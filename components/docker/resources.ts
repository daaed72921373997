import type { ContainerArgs } from "@pulumi/docker/container.js";
import type { NetworkArgs } from "@pulumi/docker/network.js";
import sdk from "@pulumi/docker/package.json" with { type: "json" };
import type { RegistryImageArgs } from "@pulumi/docker/registryImage.js";
import type { RemoteImageArgs } from "@pulumi/docker/remoteImage.js";
import type { VolumeArgs } from "@pulumi/docker/volume.js";
import { CustomResource, type CustomResourceOptions, type Input, type Inputs, type Output, ProviderResource } from "@pulumi/pulumi";

/*
 * The docker provider's resources with the SDK's types and version, without its classes: those set every property a
 * resource could have (Container: 80) to undefined, and Pulumi makes an output, several promises each, of every one.
 * For a fleet of 300 claws that is 40 % of the program's time and memory.
 */

/** A resource of the docker provider; only the given inputs become properties. */
class DockerResource extends CustomResource {
  constructor(kind: string, name: string, args: Inputs, opts: CustomResourceOptions) {
    super(`docker:index/${kind}`, name, args, { version: sdk.version, ...opts });
  }
}

/** A Docker daemon, by an address such as `unix:///run/user/1000/docker.sock` or `ssh://user@host`. */
export class Provider extends ProviderResource {
  constructor(name: string, args: { readonly host: Input<string> }) {
    super("docker", name, { host: args.host }, { version: sdk.version });
  }
}

export class Container extends DockerResource {
  constructor(name: string, args: ContainerArgs, opts: CustomResourceOptions) {
    super("container:Container", name, { ...args }, opts);
  }
}

export class Network extends DockerResource {
  declare readonly name: Output<string>;
  constructor(name: string, args: NetworkArgs, opts: CustomResourceOptions) {
    super("network:Network", name, { ...args }, opts);
  }
}

export class Volume extends DockerResource {
  declare readonly name: Output<string>;
  constructor(name: string, args: VolumeArgs, opts: CustomResourceOptions) {
    super("volume:Volume", name, { ...args }, opts);
  }
}

export class RemoteImage extends DockerResource {
  declare readonly name: Output<string>;
  /** `sha256:...`: the image's id on the daemon. */
  declare readonly imageId: Output<string>;
  /** `repository@sha256:...`: what the image is in the registry that it was pulled from. */
  declare readonly repoDigest: Output<string>;
  constructor(name: string, args: RemoteImageArgs, opts: CustomResourceOptions) {
    super("remoteImage:RemoteImage", name, { ...args, imageId: undefined, repoDigest: undefined }, opts);
  }
}

export class RegistryImage extends DockerResource {
  /** `sha256:...`: the manifest's digest in the registry. */
  declare readonly sha256Digest: Output<string>;
  constructor(name: string, args: RegistryImageArgs, opts: CustomResourceOptions) {
    super("registryImage:RegistryImage", name, { ...args, sha256Digest: undefined }, opts);
  }
}
