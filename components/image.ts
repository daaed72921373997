import { relative } from "node:path";
import { ComponentResource, type ComponentResourceOptions, interpolate, type Output, RunError } from "@pulumi/pulumi";
import { buildSecrets } from "../runtimes/container.ts";
import type { Descriptor } from "../runtimes/runtime.ts";
import { buildArguments, buildContext, dockerfileOf, repositoryOf } from "./build.ts";
import { contextHash } from "./context.ts";
import { RegistryImage, RemoteImage } from "./docker/resources.ts";
import type { Bases } from "./environment.ts";

export interface RuntimeImageArgs {
  readonly runtime: Descriptor;
  /** Registry and namespace to push to, e.g. `registry.example.com/claws`. @default not pushed, the image stays on the daemon */
  readonly registry?: string | undefined;
  /** Who may push to the registry. @default what the Docker client's own configuration says */
  readonly login?: RegistryLogin | undefined;
  /** Whether other machines run the image, and so take it from its registry. @default false: the daemon that has it runs it */
  readonly remote?: boolean;
  /** Base images other than the runtime's own. @default none */
  readonly bases?: Bases;
  /** Build arguments other than the runtime's own, e.g. where its source is. @default none */
  readonly buildArgs?: { readonly [arg: string]: string };
  /** build = from this repository; pull = the published image, or the one that is on the daemon under its name. @default build */
  readonly images?: ImageSource;
}

/** A user of a registry. */
export interface RegistryLogin {
  readonly username: string;
  /** A Pulumi secret. */
  readonly password: Output<string>;
}

/** Where a runtime's image comes from. */
export type ImageSource = "build" | "pull";

/** `registry.example.com:5000` of `registry.example.com:5000/claws`. */
export const registryHost = (registry: string): string => registry.split("/")[0] ?? registry;

/** `sha256:...` of `repository@sha256:...`. An image that was only built on the daemon has none. */
function digestIn(known: string, image: string): string {
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(known)?.[1];
  if (digest !== undefined) return digest;
  throw new RunError(
    `${image} is on the Docker daemon, but from no registry: docker pull ${image}, or have it built (clawfleet:images build)`,
  );
}

/** @throws RunError when the text is none of the two. */
export function imageSource(text: string | undefined): ImageSource {
  if (text === undefined || text === "build" || text === "pull") return text ?? "build";
  throw new RunError(`clawfleet:images is "${text}"; it can be build or pull`);
}

/**
 * The next image comes before the last one goes, whatever the provider says: else Pulumi removes first what runs the last one. Neither is
 * deleted in truth.
 */
const successor = { deleteBeforeReplace: false } as const;

/**
 * A runtime's image: built on the daemon from this repository and, with a registry, pushed; rebuilt when a file it is made of
 * changes. Or, when `images` is pull, taken as it was published.
 */
export class RuntimeImage extends ComponentResource {
  /** What a container runs: `sha256:...` on the daemon, `repository@sha256:...` when pushed. Never a tag, which can move. */
  readonly image: Output<string>;
  /** `sha256:...` */
  readonly digest: Output<string>;

  constructor(name: string, args: RuntimeImageArgs, opts?: ComponentResourceOptions) {
    super("clawfleet:image:RuntimeImage", name, {}, opts);
    const { runtime, registry, login, remote = false, bases = {}, buildArgs = {}, images = "build" } = args;
    const repository = repositoryOf(runtime, registry);
    const dockerfile = dockerfileOf(runtime);
    const built = new RemoteImage(
      `${name}-image`,
      {
        name: `${repository}:${runtime.version}`,
        // Another stack, or the last version to go back to, may need it.
        keepLocally: true,
        ...(images === "build" && {
          build: {
            // Relative, so that the state is the same on every machine.
            context: relative(process.cwd(), buildContext) || ".",
            dockerfile,
            buildArgs: buildArguments(runtime, bases, buildArgs),
            networkMode: "host",
            // The plugin reads the variables, so neither state nor preview ever holds their values.
            secrets: [...buildSecrets],
          },
          triggers: { content: contextHash(buildContext, dockerfile) },
        }),
      },
      { parent: this, ...successor },
    );
    if (images === "pull" && remote) {
      this.digest = built.repoDigest.apply((known) => digestIn(known, `${repository}:${runtime.version}`));
      // The daemon names any repository that it knows the image from, and the cluster may have the login of this one only.
      this.image = interpolate`${repository}@${this.digest}`;
    } else if (registry === undefined || images === "pull") {
      this.digest = built.imageId;
      this.image = built.imageId;
    } else {
      const pushed = new RegistryImage(
        `${name}-push`,
        {
          name: built.name,
          keepRemotely: true,
          triggers: { image: built.imageId },
          // Here and not in the provider, which keeps its logins in the state as they are.
          ...(login && { authConfig: { address: registryHost(registry), ...login } }),
        },
        { parent: this, ...successor },
      );
      this.digest = pushed.sha256Digest;
      this.image = interpolate`${repository}@${pushed.sha256Digest}`;
    }
    this.registerOutputs({ image: this.image, digest: this.digest });
  }
}
