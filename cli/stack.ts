import { join, relative } from "node:path";
import type Docker from "dockerode";
import { environment } from "../components/secrets.ts";
import { connect } from "./docker.ts";
import { inventoryOf, makeStack, readConfig, readState, root, type State } from "./pulumi.ts";
import { note } from "./terminal.ts";

/** The stack that a command works on: `--stack`, else PULUMI_STACK, else dev. */
export function stackName(option: string | undefined): string {
  return option ?? (process.env.PULUMI_STACK || "dev");
}

/** A stack as the commands need it. */
export class Stack {
  readonly name: string;
  /** Undefined while there is no such stack. */
  readonly state: State | undefined;
  readonly #config: ReadonlyMap<string, string>;

  private constructor(name: string, state: State | undefined, config: ReadonlyMap<string, string>) {
    this.name = name;
    this.state = state;
    this.#config = config;
  }

  /** Reads a stack; `make` says what to do when there is none. */
  static async read(name: string, make = false): Promise<Stack> {
    let state = await readState(name);
    if (state === undefined && make) {
      note(`makes the stack "${name}"`);
      await makeStack(name);
      state = await readState(name);
    }
    return new Stack(name, state, state === undefined ? new Map() : await readConfig(name));
  }

  /** The claws of the last `up`. */
  get inventory() {
    return inventoryOf(this.state);
  }

  /** The fleet file, as the program finds it; relative to the repository where it is inside. */
  get fleetFile(): string {
    return environment(root).CLAWFLEET_FLEET ?? this.#config.get("clawfleet:fleet") ?? "fleets/starter.toml";
  }

  /** The stack's Docker daemon. */
  docker(): Promise<Docker> {
    return connect(this.#config.get("clawfleet:host") ?? this.#config.get("docker:host"));
  }

  /** Whether the state knows a resource of this kind (`container:Container`) by this name on the daemon. */
  knows(kind: string, name: string): boolean {
    const resources = this.state?.resources ?? [];
    return resources.some(({ type, outputs, inputs }) => type === `docker:index/${kind}` && (outputs?.name ?? inputs?.name) === name);
  }
}

/** A path as a user at the repository's root would write it. */
export function shown(file: string): string {
  const path = relative(root, join(root, file));
  return path.startsWith("..") ? file : path;
}
