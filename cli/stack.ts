import type Docker from "dockerode";
import { environment } from "../components/environment.ts";
import { inventoryOf, makeStack, readConfig, readState, type State } from "./pulumi.ts";
import { root } from "./root.ts";
import { note } from "./terminal.ts";

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
  async docker(): Promise<Docker> {
    // The client is large; not every command needs it.
    const { connect } = await import("./docker.ts");
    return await connect(this.#config.get("clawfleet:host") ?? this.#config.get("docker:host"));
  }

  /** Whether the state has a resource of this kind (`container:Container`) with this id on the daemon. */
  knows(kind: string, id: string): boolean {
    return (this.state?.resources ?? []).some((resource) => resource.type === `docker:index/${kind}` && resource.id === id);
  }
}
