import { ComponentResource, type ComponentResourceOptions, type ProviderResource } from "@pulumi/pulumi";
import type { Launch } from "../../runtimes/runtime.ts";
import type { Bases, BuildArgs } from "../environment.ts";
import { type ImageSource, RuntimeImage } from "../image.ts";
import type { ClawRecord } from "../inventory.ts";
import type { Secrets } from "../secrets.ts";
import { DockerClaw } from "./claw.ts";
import type { DockerSocket } from "./socket.ts";

export interface DockerFleetArgs {
  readonly launches: readonly Launch[];
  /** The stack's name: part of all names on the daemon. */
  readonly stack: string;
  readonly secrets: Secrets;
  /** The Docker daemon. @default the default provider: `docker:host` of the stack's config, else DOCKER_HOST */
  readonly provider?: ProviderResource | undefined;
  /** See RuntimeImageArgs. @default not pushed */
  readonly registry?: string | undefined;
  /** See RuntimeImageArgs. @default none */
  readonly bases?: Bases;
  /** Build arguments by runtime; see RuntimeImageArgs. @default none */
  readonly buildArgs?: BuildArgs;
  /** The daemon's socket, for the claws that have access to Docker. @default none has */
  readonly socket?: DockerSocket | undefined;
  /** See RuntimeImageArgs. @default build */
  readonly images?: ImageSource;
}

/** All claws of a fleet on one Docker daemon: one image per runtime in use, one DockerClaw each. */
export class DockerFleet extends ComponentResource {
  /** In the fleet file's order. */
  readonly claws: readonly ClawRecord[];

  constructor(name: string, args: DockerFleetArgs, opts?: ComponentResourceOptions) {
    const { launches, stack, secrets, provider, registry, bases = {}, buildArgs = {}, socket, images: source = "build" } = args;
    super("clawfleet:docker:Fleet", name, {}, { ...opts, ...(provider && { providers: { docker: provider } }) });
    const images = new Map<string, RuntimeImage>();
    this.claws = launches.map((launch) => {
      const { runtime, claw } = launch;
      const image =
        images.get(runtime.name) ??
        new RuntimeImage(
          runtime.name,
          { runtime, registry, bases, buildArgs: buildArgs[runtime.name] ?? {}, images: source },
          { parent: this },
        );
      images.set(runtime.name, image);
      const { container, volume } = new DockerClaw(claw, { launch, stack, image: image.image, secrets, socket }, { parent: this });
      const url = `http://127.0.0.1:${launch.hostPort}`;
      return {
        name: claw,
        target: "docker",
        runtime: runtime.name,
        version: runtime.version,
        url,
        healthUrl: `${url}${runtime.health.path}`,
        imageDigest: image.digest,
        container,
        volume,
        uid: runtime.uid,
      };
    });
    this.registerOutputs({ claws: this.claws });
  }
}
