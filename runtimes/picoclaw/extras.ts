import { z } from "zod";
import { nearest } from "../../fleet/problems.ts";
import type { Claw, Json, Path } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import { schema } from "./native.ts";
import type { NativePath, Settings } from "./settings.ts";

/** Not for a fleet file: Clawfleet's own conventions. */
const OWNED: readonly NativePath[] = [["version"], ["gateway", "host"], ["gateway", "port"], ["agents", "defaults", "workspace"]];

/** How `extras` names a secret where PicoClaw has one: `"secret:brave"`, looked up as `api_key_ref = "brave"` is. */
const SECRET = /^secret:(.+)$/;

/**
 * PicoClaw's own keys, checked against its schema. What the rest of the fleet file decides cannot be decided here a second time, keys cannot be
 * written down in clear, and a channel cannot be opened to everybody by leaving out `allow_from`.
 */
export function addExtras(claw: Claw, settings: Settings, report: Report): void {
  const root: Path = [...claw.path, "extras"];
  const canonical = (path: NativePath) => settings.origin(path);
  const checked = schema.partial().safeParse(claw.extras);
  for (const issue of checked.error?.issues ?? []) reportIssue(issue, root, report);
  if (!checked.success) return;

  for (const [type, channel] of Object.entries(checked.data.channel_list ?? {})) {
    if (channel?.enabled && canonical(["channel_list", type]) === undefined && !channel.allow_from?.some((entry) => entry.trim() !== "")) {
      report(
        [...root, "channel_list", type, "enabled"],
        'to PicoClaw a channel without allow_from is open to everybody; say who may talk to the claw, or allow_from = ["*"]',
      );
    }
  }

  const found: { path: NativePath; native: NativePath; value: Json }[] = [];
  for (const [path, value] of leaves(claw.extras, [])) {
    // `model` is the first of PicoClaw's models; those in extras follow it.
    const native = path[0] === "model_list" && claw.model !== undefined ? after(path) : path;
    const owned = OWNED.find((other) => other.every((part, i) => i >= path.length || path[i] === part));
    const origin = canonical(native);
    if (owned !== undefined) report([...root, ...path], `${owned.join(".")} is Clawfleet's to set; remove it`);
    else if (origin !== undefined) report([...root, ...path], `${dotted(origin, claw.path)} decides this already; remove it here`);
    else found.push({ path, native, value });
  }
  for (const { path, native, value } of found) {
    const from = [...root, ...path];
    const name = typeof value === "string" ? SECRET.exec(value)?.[1] : undefined;
    if (!holdsSecret(path, value)) settings.set(native, value, from);
    else if (name !== undefined) settings.setSecret(native, { kind: "ref", name, required: true, path: from }, from);
    else if (typeof value === "string") report(from, 'a key does not belong in a fleet file; write the name of a secret: "secret:<name>"');
    else report(from, "a secret cannot stand under a name like this; use letters, digits, hyphens and single underscores in it");
  }
}

/** The place of an entry of `model_list` when another comes before all of them. */
function after(path: NativePath): NativePath {
  return path.map((part, i) => (i === 1 && typeof part === "number" ? part + 1 : part));
}

function dotted(path: Path, claw: Path): string {
  return path
    .slice(claw.length)
    .reduce<string>((text, part) => text + (typeof part === "number" ? `[${part}]` : `${text && "."}${part}`), "");
}

/** What can be said in one variable each. An object with a key that cannot be part of a variable's name is one value, and so is a list of plain values. */
function* leaves(value: Json, path: NativePath): Generator<[NativePath, Json]> {
  if (typeof value === "object" && value !== null && isSplit(value, path)) {
    const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    for (const [key, member] of entries) yield* leaves(member, [...path, key]);
  } else {
    yield [path, value];
  }
}

function isSplit(value: Json[] | { [key: string]: Json }, path: NativePath): boolean {
  if (Array.isArray(value)) return value.length > 0 && (isSecret(path) || value.every((entry) => typeof entry === "object"));
  const keys = Object.keys(value);
  return keys.every((key) => /^[A-Za-z0-9.-]+(_[A-Za-z0-9.-]+)*$/.test(key));
}

/** A non-empty text anywhere in a value where PicoClaw's schema has a secret. */
function holdsSecret(path: NativePath, value: Json): boolean {
  if (typeof value === "string") return value !== "" && isSecret(path);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, member]) => holdsSecret([...path, key], member));
}

function isSecret(path: NativePath): boolean {
  return schemaAt(path)?.meta()?.writeOnly === true;
}

/** The schema of what stands at a path; undefined where the schema knows nothing of it. */
function schemaAt(path: NativePath): z.ZodType | undefined {
  let at: unknown = schema;
  for (const part of path) {
    at = unwrap(at);
    if (at instanceof z.ZodObject) at = at.shape[String(part)];
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else if (at instanceof z.ZodArray) at = at.element;
    else return undefined;
  }
  const found = unwrap(at);
  return found instanceof z.ZodType ? found : undefined;
}

function unwrap(at: unknown): unknown {
  return at instanceof z.ZodOptional ? unwrap(at.unwrap()) : at;
}

/** One problem for each thing that is wrong; unknown keys one by one, with the nearest that PicoClaw has there. */
function reportIssue(issue: z.core.$ZodIssue, root: Path, report: Report): void {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code !== "unrecognized_keys") {
    const at = path.join(".");
    report([...root, ...path], `${at ? `${at}: ` : ""}${issue.message.replace(/^Invalid input: /, "")}`);
    return;
  }
  const object = schemaAt(path);
  const known = object instanceof z.ZodObject ? Object.keys(object.shape) : [];
  for (const key of issue.keys) {
    const hint = nearest(key, known);
    const where = path.length > 0 ? ` in ${path.join(".")}` : "";
    report(
      [...root, ...path, key],
      `PicoClaw has no setting "${key}"${where}${hint ? `; did you mean "${hint}"?` : `; it has ${known.sort().join(", ")}`}`,
    );
  }
}
