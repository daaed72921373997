import type Docker from "dockerode";
import { environment } from "../components/environment.ts";
import { removeUnfinished, restoreState } from "./backend.ts";
import { UserError } from "./errors.ts";
import { inventoryOf, makeStack, readConfig, readSetting, readState, type State } from "./pulumi.ts";
import { root } from "./root.ts";
import { type Target, type TargetKind, targetKinds } from "./target.ts";
import { note } from "./terminal.ts";

/** A stack as the commands need it. */
export class Stack {
  readonly name: string;
  /** Undefined while there is no such stack. */
  readonly state: State | undefined;
  /** When the state was written, if the one after it was cut off: what is newer on the daemon, it cannot know. */
  readonly restored: Date | undefined;
  readonly #config: ReadonlyMap<string, string | undefined>;

  private constructor(name: string, state: State | undefined, config: ReadonlyMap<string, string | undefined>, restored?: Date) {
    this.name = name;
    this.state = state;
    this.restored = restored;
    this.#config = config;
  }

  /** Reads a stack; `make` says whether to make it when there is none. */
  static async read(name: string, make = false, restored?: Date): Promise<Stack> {
    if ((await removeUnfinished(name)) > 0) note("removes files of the stack's backend that were never written to their end");
    // Together: each is a start of Pulumi.
    const [state, config] = await Promise.allSettled([readState(name), readConfig(name)]);
    if (state.status === "rejected") {
      const time = restored === undefined ? restoreState(name) : undefined;
      if (time === undefined) throw state.reason;
      note(`the stack's state is cut off, by a full disk perhaps: goes back to the one of ${time.toISOString()}`);
      return await Stack.read(name, make, time);
    }
    if (state.value === undefined) {
      if (!make) return new Stack(name, undefined, new Map());
      note(`makes the stack "${name}"`);
      await makeStack(name);
      return await Stack.read(name);
    }
    if (config.status === "rejected") throw config.reason;
    return new Stack(name, state.value, config.value, restored);
  }

  /** The claws of the last `up`. */
  get inventory() {
    return inventoryOf(this.state);
  }

  /** The fleet file, as the program finds it; relative to the repository where it is inside. */
  get fleetFile(): string {
    return environment(root).CLAWFLEET_FLEET || this.#config.get("clawfleet:fleet") || "fleets/starter.toml";
  }

  /** The seed of the claws' gateway tokens, as the program finds it; undefined when there is none. */
  async tokenSeed(): Promise<string | undefined> {
    const key = "clawfleet:tokenSeed";
    if (this.#config.has(key)) return await readSetting(this.name, key);
    return environment(root).CLAWFLEET_TOKEN_SEED || undefined;
  }

  /** Address of the stack's Docker daemon, as the program finds it; undefined = where Docker's clients look. */
  get dockerHost(): string | undefined {
    return this.#config.get("clawfleet:host") ?? this.#config.get("docker:host") ?? (process.env.DOCKER_HOST || undefined);
  }

  /** The stack's Docker daemon. */
  async docker(): Promise<Docker> {
    // The client is large; not every command needs it.
    const { connect } = await import("./docker.ts");
    return await connect(this.dockerHost);
  }

  /** One key of the stack's config, namespace `clawfleet`; undefined when it is not set, or a secret. */
  setting(key: string): string | undefined {
    return this.#config.get(`clawfleet:${key}`);
  }

  /** Where the stack's claws run. @throws UserError when its config says what is none */
  get targetKind(): TargetKind {
    const text = this.setting("target") ?? "docker";
    const kind = targetKinds.find((one) => one === text);
    if (kind === undefined) {
      throw new UserError(`clawfleet:target of stack "${this.name}" is "${text}"; it can be ${targetKinds.join(" or ")}`, 2);
    }
    return kind;
  }

  /** The stack's target, once it has answered. @throws UserError when it does not */
  async target(): Promise<Target> {
    // Their clients are large; not every command needs one.
    switch (this.targetKind) {
      case "docker":
        return new (await import("./docker-target.ts")).DockerTarget(this, await this.docker());
      case "kubernetes":
        return await (await import("./kubernetes/target.ts")).KubernetesTarget.of(this);
    }
  }

  /** Whether the state has a resource of this type (`docker:index/container:Container`) with this id. */
  knows(type: string, id: string): boolean {
    return (this.state?.resources ?? []).some((resource) => resource.type === type && resource.id === id);
  }
}
