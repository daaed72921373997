import type { Config } from "@pulumi/pulumi";
import type { LoadedFleet } from "../fleet/problems.ts";
import type { Launch } from "../runtimes/runtime.ts";
import type { Bases, BuildArgs, Environment } from "./environment.ts";
import type { ImageSource } from "./image.ts";
import type { ClawRecord } from "./inventory.ts";
import type { Secrets } from "./secrets.ts";

/** What the program has found out when a target's part of it begins. */
export interface ProgramArgs {
  readonly loaded: LoadedFleet;
  readonly launches: readonly Launch[];
  readonly stack: string;
  /** Namespace `clawfleet` of the stack's config. */
  readonly config: Config;
  readonly env: Environment;
  readonly secrets: Secrets;
  readonly bases: Bases;
  readonly buildArgs: BuildArgs;
  readonly images: ImageSource;
}

/**
 * A target's part of the program. It checks all that can be checked before anything is registered.
 *
 * @returns what registers the fleet
 * @throws FleetError or RunError for what the user can mend
 */
export type Program = (args: ProgramArgs) => Promise<() => { readonly claws: readonly ClawRecord[] }>;
