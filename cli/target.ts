import type { LoadedFleet } from "../fleet/problems.ts";
import type { Target as TargetKind } from "../runtimes/launch.ts";
import type { Launch } from "../runtimes/runtime.ts";
import type { ClawStatus } from "./claws.ts";
import type { Inventory } from "./pulumi.ts";

/** Where a stack's claws run, from its config `clawfleet:target`. */
export const targetKinds: readonly TargetKind[] = ["docker", "kubernetes"];
export type { TargetKind };

/** How many log lines of a claw that did not come up are shown. */
export const logLines = 20;

/** Tells what the last run may have made and not noted: `kind` is the end of a resource's name, after the claw's. */
export type Unnoted = (claw: string, kind: string, created: Date) => boolean;

/** What is there to read of a claw that is not well; secrets' values are replaced. */
export interface LastWords {
  /** Its last log lines. */
  readonly log: readonly string[];
  /** Why there are none, where it is not that it has logged nothing. */
  readonly noLog?: string;
  /** What the target says of it, a line each, newest last; absent where the target keeps no such record. */
  readonly events?: readonly string[];
}

/** A claw that did not come up. */
export interface Trouble {
  readonly claw: string;
  /** In a few words. */
  readonly what: string;
  /** Absent when there is nothing that could have said something. */
  readonly words?: LastWords;
}

/**
 * What commands do where the claws are, beside Pulumi. One is made per command, for one stack, once its daemon or cluster has answered.
 * Whatever is done can be done again: what is gone already is no error.
 */
export interface Target {
  readonly kind: TargetKind;
  /** For a sentence: "Docker", `the namespace "x"`. */
  readonly place: string;

  /**
   * Checks and repairs before `up`, so that nothing stops it half-way that could be known.
   *
   * @returns whether `up` must compare the state with the target first (`--refresh`)
   * @throws UserError, FleetError before anything is changed
   */
  prepare(loaded: LoadedFleet, launches: readonly Launch[]): Promise<boolean>;

  /**
   * Removes what the last run made but did not note. Data is never touched.
   *
   * @param claws Those that are to come up.
   * @throws UserError when something of theirs is in the way that may not be ours.
   */
  removeUnnoted(unnoted: Unnoted, claws: readonly string[]): Promise<void>;

  /**
   * Asks the target, and each claw itself.
   *
   * @param patient true = a claw may use up its startup time before its answer counts.
   */
  statuses(inventory: Inventory, patient: boolean): Promise<ClawStatus[]>;

  /** The claws that are not well, after an `up` that failed. */
  troubles(launches: readonly Launch[]): Promise<Trouble[]>;

  lastWords(launch: Launch): Promise<LastWords>;

  /**
   * Copies a claw's log to stdout and stderr, until it ends where it is followed.
   *
   * @throws UserError when there is no such claw.
   */
  logs(claw: string, tail: number, follow: boolean): Promise<void>;

  /** What keeps a `down` from going on, a line each with what to do. */
  hindrances(): Promise<string[]>;

  /** Names of what holds the claws' data, sorted. */
  data(): Promise<string[]>;

  /** What else `down` keeps, for a sentence; absent = nothing. */
  readonly keeps?: string;

  /** Removes, after `down`, all that is left of the stack, with all data, and says what. */
  removeRest(): Promise<void>;
}
