import type { Json, Path } from "../../fleet/types.ts";
import type { SecretSource, Translation } from "../runtime.ts";

/** The one alias under which Clawfleet puts everything that ZeroClaw keeps in maps: the agent, its provider, its profiles, its channels. */
export const ALIAS = "claw";

/** Where a setting stands in ZeroClaw's configuration, e.g. `["gateway", "port"]`. No lists: ZeroClaw takes a list as one value. */
export type NativePath = readonly string[];

interface Setting {
  readonly path: NativePath;
  readonly value: { readonly plain: Json } | { readonly secret: SecretSource };
  /** The place in the fleet file that it comes from. */
  readonly from: Path;
}

/** What a claw's settings are natively, each with where it comes from, and from there the environment that says so. */
export class Settings {
  private readonly prefix: string;
  private readonly settings = new Map<string, Setting>();

  /** @param prefix of the override variables: `ZEROCLAW_` */
  constructor(prefix: string) {
    this.prefix = prefix;
  }

  set(path: NativePath, value: Json, from: Path): void {
    this.settings.set(this.variable(path), { path, value: { plain: value }, from });
  }

  setSecret(path: NativePath, source: SecretSource, from: Path): void {
    this.settings.set(this.variable(path), { path, value: { secret: source }, from });
  }

  /** Where what has been set already at this path comes from; undefined when nothing has. */
  origin(path: NativePath): Path | undefined {
    return this.settings.get(this.variable(path))?.from;
  }

  /** Whether anything below this path has been set. */
  hasBelow(path: NativePath): boolean {
    return [...this.settings.values()].some((setting) => path.every((part, i) => setting.path[i] === part));
  }

  translation(): Translation {
    const env: Record<string, string> = {};
    const secretEnv: Record<string, SecretSource> = {};
    for (const [variable, { value }] of this.settings) {
      if ("secret" in value) secretEnv[variable] = value.secret;
      else env[variable] = typeof value.plain === "string" ? value.plain : JSON.stringify(value.plain);
    }
    return { env, secretEnv };
  }

  private variable(path: NativePath): string {
    return this.prefix + path.join("__");
  }
}
