import { join } from "node:path";
import type { Descriptor } from "../runtimes/runtime.ts";
import type { Bases } from "./environment.ts";

/** The build context of every runtime's image, so that all share entrypoint/. */
export const buildContext = join(import.meta.dirname, "../runtimes");

/** The runtime's Dockerfile, from the build context. */
export const dockerfileOf = (runtime: Descriptor): string => `${runtime.name}/Dockerfile`;

/** Where the published images are. */
export const DEFAULT_REGISTRY = "ghcr.io/codervisor";

/**
 * Where the runtime's image is published.
 *
 * @param registry Registry and namespace. @default DEFAULT_REGISTRY
 */
export const repositoryOf = (runtime: Descriptor, registry = DEFAULT_REGISTRY): string => `${registry}/${runtime.name}`;

/** All build arguments of the runtime's image: its own, under those of `bases` that it has, under `buildArgs`. */
export function buildArguments(
  runtime: Descriptor,
  bases: Bases = {},
  buildArgs: { readonly [arg: string]: string } = {},
): Record<string, string> {
  const ownBases = Object.fromEntries(Object.entries(bases).filter(([arg]) => arg in runtime.bases));
  return { ...runtime.bases, ...ownBases, ...runtime.buildArgs, ...buildArgs };
}
