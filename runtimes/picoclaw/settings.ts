import type { Json, Path } from "../../fleet/types.ts";
import type { SecretSource, Translation } from "../runtime.ts";

/** Where a setting stands in PicoClaw's config.json, e.g. `["model_list", 0, "model"]`. */
export type NativePath = readonly (string | number)[];

interface Setting<Value> {
  readonly path: NativePath;
  readonly value: Value;
  /** The place in the fleet file that it comes from. */
  readonly from: Path;
}

/** A claw's settings in PicoClaw's own terms, each with where it comes from, and the environment that states them. */
export class Settings {
  private readonly prefix: string;
  private readonly plain: Setting<Json>[] = [];
  private readonly secret: Setting<SecretSource>[] = [];

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  set(path: NativePath, value: Json, from: Path): void {
    this.plain.push({ path, value, from });
  }

  setSecret(path: NativePath, value: SecretSource, from: Path): void {
    this.secret.push({ path, value, from });
  }

  /** Where that comes from which has been set at this path, within it or around it; undefined when nothing has. */
  origin(path: NativePath): Path | undefined {
    const overlaps = (other: NativePath) => path.every((part, i) => i >= other.length || String(other[i]) === String(part));
    return [...this.plain, ...this.secret].find((setting) => overlaps(setting.path))?.from;
  }

  translation(): Translation {
    const name = (path: NativePath) => this.prefix + path.join("__");
    return {
      env: Object.fromEntries(this.plain.map(({ path, value }) => [name(path), typeof value === "string" ? value : JSON.stringify(value)])),
      secretEnv: Object.fromEntries(this.secret.map(({ path, value }) => [name(path), value])),
    };
  }
}
