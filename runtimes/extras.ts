import { z } from "zod";
import type { Claw, Json, Path } from "../fleet/types.ts";
import type { Report } from "./runtime.ts";
import { explain, schemasAt } from "./schema.ts";
import { type NativePath, overlaps, type Settings } from "./settings.ts";

/** What of a runtime's own keys a fleet file can set, and how they are put into variables. */
export interface Rules {
  /** The runtime's title, for errors. */
  readonly title: string;
  /** Of the runtime's configuration, every member optional. A string marked `writeOnly` is a secret. */
  readonly schema: z.ZodType;
  /** Keys that are not the user's, with all below them (`*` is any name), and the rest of the sentence that begins with the key. */
  readonly owned: readonly { readonly native: NativePath; readonly why: string }[];
  /** Whether a variable can hold a table (as JSON). */
  readonly tables: boolean;
  /** Whether a list of tables or of secrets has variables for each of its entries, by index; any other list is one value. */
  readonly entries: boolean;
  /** Where a key of `extras` goes when not to the same place. */
  readonly place?: (native: NativePath) => NativePath;
}

/** The most common reason why a key is not the user's. */
export const CLAWFLEETS = "is Clawfleet's to set; remove it";

/** How `extras` names a secret where the runtime has one: `"secret:brave"`, looked up as `api_key_ref = "brave"` is. */
const REFERENCE = /^secret:(.+)$/;

/** Names of settings that hold secrets also where the schema leaves the rest to the runtime. */
const SECRET_NAME = /(^|[a-z_-])(token|secret|password|api_?key)$/i;

/**
 * Adds the runtime's own keys, checked against its schema. What the rest of the fleet file or Clawfleet decides cannot be decided here a
 * second time, and a secret is named here, never written down.
 *
 * @param settings With all that the rest of the fleet file decides.
 */
export function addExtras(claw: Claw, settings: Settings, rules: Rules, report: Report): void {
  const root: Path = [...claw.path, "extras"];
  const { error } = rules.schema.safeParse(claw.extras);
  if (error !== undefined) {
    for (const issue of error.issues) {
      for (const { native, message } of explain(issue, rules.schema, rules.title)) report([...root, ...native], message);
    }
    return;
  }
  for (const [native, value] of leaves(claw.extras, [], rules)) {
    const from = [...root, ...native];
    const place = rules.place?.(native) ?? native;
    const owned = rules.owned.find((entry) => overlaps(entry.native, native));
    const origin = settings.origin(place);
    const name = typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
    if (owned !== undefined) report(from, `${native.slice(0, owned.native.length).join(".")} ${owned.why}`);
    else if (origin !== undefined) {
      report(from, `${dotted(origin.slice(claw.path.length))} decides ${native.join(".")} already; remove it here`);
    } else if (!holdsSecret(rules.schema, native, value)) settings.set(place, value, from);
    else if (name !== undefined) settings.setSecret(place, { kind: "ref", name, required: true, path: from }, from);
    else report(from, misplaced(value));
  }
}

/** What can be said in one variable each. An empty table says nothing, unless it is an entry of a map or a list. */
function* leaves(value: Json, native: NativePath, rules: Rules): Generator<[NativePath, Json]> {
  if (typeof value !== "object" || value === null || !isSplit(value, native, rules)) yield [native, value];
  else for (const [key, member] of members(value)) yield* leaves(member, [...native, key], rules);
}

function isSplit(value: Json[] | { [key: string]: Json }, native: NativePath, rules: Rules): boolean {
  if (Array.isArray(value)) {
    return rules.entries && value.length > 0 && (isSecret(rules.schema, native) || value.every((entry) => typeof entry === "object"));
  }
  if (!rules.tables) return true;
  const names = Object.keys(value);
  if (names.length > 0) return names.every((name) => /^[A-Za-z0-9.-]+(_[A-Za-z0-9.-]+)*$/.test(name));
  const parents = schemasAt(rules.schema, native.slice(0, -1));
  return !parents.some((parent) => parent instanceof z.ZodRecord || parent instanceof z.ZodArray);
}

function members(value: Json[] | { [key: string]: Json }): [string | number, Json][] {
  return Array.isArray(value) ? [...value.entries()] : Object.entries(value);
}

/** Whether there is a non-empty text anywhere in a value where the runtime has a secret. */
function holdsSecret(schema: z.ZodType, native: NativePath, value: Json): boolean {
  if (typeof value === "string") return value !== "" && isSecret(schema, native);
  if (typeof value !== "object" || value === null) return false;
  return members(value).some(([key, member]) => holdsSecret(schema, [...native, key], member));
}

function isSecret(schema: z.ZodType, native: NativePath): boolean {
  const name = native.findLast((part) => typeof part === "string") ?? "";
  return SECRET_NAME.test(String(name)) || schemasAt(schema, native).some((found) => found.meta()?.writeOnly === true);
}

function misplaced(value: Json): string {
  if (typeof value === "string") return 'a secret does not belong in a fleet file; write the name of one instead: "secret:<name>"';
  if (Array.isArray(value)) return "a secret cannot stand in this list, which is one value; leave it out";
  return "a secret cannot stand under a name like this; use letters, digits, hyphens and single underscores in it";
}

function dotted(path: Path): string {
  return path.reduce<string>((text, part) => text + (typeof part === "number" ? `[${part}]` : `${text && "."}${part}`), "");
}
