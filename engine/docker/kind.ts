import type { Severity } from "../plugin/engine-log.ts";
import type { Props } from "../plugin/value.ts";
import type { Daemon } from "./daemon.ts";
import type { Fields } from "./schema.ts";

/** What an operation on one resource may use. */
export interface Context {
  readonly daemon: Daemon;
  /** Aborted when the engine cancels, the call's connection closes or this process is told to end. */
  readonly signal: AbortSignal;
  /** Whether anyone still waits for the answer: no = undo what was half made. */
  readonly abandoned: () => boolean;
  /** A line for the user; resolves when it has been handed over. */
  readonly log: (severity: Severity, message: string) => Promise<void>;
  /** Credentials for a registry, from the provider's `registryAuth`. */
  readonly credentials: (registry: string) => Credentials | undefined;
}

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

export interface Made {
  readonly id: string;
  readonly state: Props;
}

/** One kind of resource. Inputs are checked and known; errors carry what a user should read. */
export interface Kind {
  readonly token: string;
  readonly fields: Fields;
  /** Gets a name made from the logical one when the program gives none. */
  readonly autonamed: boolean;
  /** A replacement deletes first. */
  readonly deleteBeforeReplace: boolean;
  /** Further failures of known inputs that no single field shows. */
  readonly checkAll?: (inputs: Props) => readonly string[];
  /** Computed outputs that a failed creation left null make the next update replace the resource. */
  readonly nullMeansReplace?: readonly string[];
  create(context: Context, inputs: Props): Promise<Made>;
  /** The resource as it is now; undefined = gone. `inputs` and `state` are empty in an import. */
  read(context: Context, id: string, inputs: Props, state: Props): Promise<Made | undefined>;
  /** Why a change in place of these cannot be; asked in previews too. */
  readonly refuseUpdate?: (inputs: Props, changed: readonly string[]) => string | undefined;
  /** Changes in place what can be; `changed` are the top-level names that differ. Absent: a change in place is one of the state only. */
  update?(context: Context, id: string, state: Props, inputs: Props, changed: readonly string[]): Promise<Props>;
  delete(context: Context, id: string, state: Props): Promise<void>;
}
