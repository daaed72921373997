import { runtime as engine, type Inputs, type ResourceOptions } from "@pulumi/pulumi";

/** A resource that a program has registered. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Inputs;
  readonly provider: string | undefined;
}

/** Of the last `register`, in order. */
export const registered: Registered[] = [];
/** By the resource's name. */
export const options = new Map<string, ResourceOptions & { readonly deleteBeforeReplace?: boolean }>();

/** Registers what `construct` makes, against a monitor that answers as the providers do; in a preview, nothing that is made has an id. */
export async function register<T>(construct: () => T, preview = false): Promise<T> {
  registered.length = 0;
  options.clear();
  await engine.setMocks(
    {
      newResource: ({ type, name, inputs, provider }) => {
        registered.push({ type, name, inputs, provider });
        const computed = type.endsWith("RemoteImage")
          ? { imageId: "sha256:built", repoDigest: `registry.example.net/somebody/else@sha256:${"ab".repeat(32)}` }
          : type.endsWith("RegistryImage")
            ? { sha256Digest: "sha256:pushed" }
            : {};
        return { id: preview ? undefined : `${name}-id`, state: preview ? { ...inputs } : { ...inputs, ...computed } };
      },
      call: () => ({}),
    },
    "clawfleet",
    "dev",
    preview,
  );
  let made: T | undefined;
  await engine.runInPulumiStack(async () => {
    engine.registerStackTransformation(({ name, opts }) => {
      options.set(name, opts);
      return undefined;
    });
    made = construct();
  });
  await engine.disconnect();
  if (made === undefined) throw new Error("nothing was made");
  return made;
}

export const found = (name: string) => registered.find((one) => one.name === name);
export const inputsOf = (name: string) => found(name)?.inputs;
