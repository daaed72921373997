import type { Json, Path } from "../fleet/types.ts";
import type { SecretSource, Translation } from "./runtime.ts";

/** Where a setting stands in a runtime's own configuration, e.g. `["gateway", "port"]` or `["model_list", 0, "model"]`. */
export type NativePath = readonly (string | number)[];

/** A claw's settings in its runtime's own terms, each with the place in the fleet file that decides it. */
export class Settings {
  readonly #prefix: string;
  readonly #env = new Map<string, string>();
  readonly #secretEnv = new Map<string, SecretSource>();
  readonly #origins: { readonly native: NativePath; readonly from: Path }[] = [];

  /** @param prefix of the override variables: `OPENCLAW_` */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Sets a key by an override variable; `from` is where the fleet file says so. */
  set(native: NativePath, value: Json, from: Path): void {
    this.#env.set(this.#variable(native, from), typeof value === "string" ? value : JSON.stringify(value));
  }

  /** As `set`, with a secret's value. */
  setSecret(native: NativePath, source: SecretSource, from: Path): void {
    this.#secretEnv.set(this.#variable(native, from), source);
  }

  /** A variable of the runtime's own, beside its configuration. */
  env(name: string, value: string): void {
    this.#env.set(name, value);
  }

  /** As `env`, with a secret's value. */
  secretEnv(name: string, source: SecretSource): void {
    this.#secretEnv.set(name, source);
  }

  /** Where that comes from which has been set at this path, within it or around it; undefined when nothing has. */
  origin(native: NativePath): Path | undefined {
    return this.#origins.find((other) => overlaps(other.native, native))?.from;
  }

  translation(): Translation {
    return { env: Object.fromEntries(this.#env), secretEnv: Object.fromEntries(this.#secretEnv) };
  }

  #variable(native: NativePath, from: Path): string {
    this.#origins.push({ native, from });
    return this.#prefix + native.join("__");
  }
}

/** Whether one path is the other or leads to it; `*` in the first stands for any part. */
export function overlaps(pattern: NativePath, native: NativePath): boolean {
  return pattern.slice(0, native.length).every((part, i) => part === "*" || String(part) === String(native[i]));
}
