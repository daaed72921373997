import type { Json, Path } from "../../fleet/types.ts";
import type { SecretSource, Translation } from "../runtime.ts";

/** Keys from the root of openclaw.json. */
export type NativePath = readonly string[];

/** A claw's settings in OpenClaw's terms, each with the place in the fleet file that it comes from. */
export class Settings {
  readonly #env = new Map<string, string>();
  readonly #secretEnv = new Map<string, SecretSource>();
  readonly #origins = new Map<string, { readonly native: NativePath; readonly from: Path }>();
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Sets one key of the configuration; `from` is where the fleet file says so. */
  set(native: NativePath, value: Json, from: Path): void {
    this.#env.set(this.#variable(native, from), typeof value === "string" ? value : JSON.stringify(value));
  }

  /** As `set`, with a secret's value. */
  setSecret(native: NativePath, source: SecretSource, from: Path): void {
    this.#secretEnv.set(this.#variable(native, from), source);
  }

  /** A variable that OpenClaw itself reads. */
  env(name: string, value: string): void {
    this.#env.set(name, value);
  }

  secretEnv(name: string, source: SecretSource): void {
    this.#secretEnv.set(name, source);
  }

  /** Where the fleet file decides about a key, about a part of it, or about what it is part of; undefined when it does not. */
  origin(native: NativePath): Path | undefined {
    for (const { native: other, from } of this.#origins.values()) {
      if (overlaps(native, other)) return from;
    }
    return undefined;
  }

  translation(): Translation {
    return { env: Object.fromEntries(this.#env), secretEnv: Object.fromEntries(this.#secretEnv) };
  }

  #variable(native: NativePath, from: Path): string {
    const name = this.#prefix + native.join("__");
    this.#origins.set(name, { native, from });
    return name;
  }
}

/** Whether one path is the other or leads to it. */
export function overlaps(a: NativePath, b: NativePath): boolean {
  return a.slice(0, b.length).every((part, i) => part === b[i]);
}
