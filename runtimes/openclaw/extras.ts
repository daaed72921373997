import { z } from "zod";
import { nearest } from "../../fleet/problems.ts";
import type { Claw, Json, Path } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import { schema } from "./native.ts";
import { type NativePath, overlaps, type Settings } from "./settings.ts";

/** Not for a fleet file, and why. */
const OWNED: readonly { readonly native: NativePath; readonly why: string }[] = [
  ...["mode", "port", "bind", "customBindHost", "auth", "tls", "tailscale", "remote"].map((key) => ["gateway", key]),
  ["gateway", "controlUi", "root"],
  ["gateway", "controlUi", "allowedOrigins"],
  ["agents", "defaults", "workspace"],
  ["plugins", "load"],
  ["update"],
  ["discovery"],
]
  .map((native) => ({ native, why: "is Clawfleet's to set; remove it" }))
  .concat([
    { native: ["env"], why: 'would put secrets into the configuration; name them with api_key_ref, token_ref or "secret:<name>"' },
    { native: ["secrets"], why: 'is not needed: secrets come by environment; name them with api_key_ref, token_ref or "secret:<name>"' },
  ]);

/** How `extras` names a secret where OpenClaw has one: `"secret:brave"`, looked up as `api_key_ref = "brave"` is. */
const REFERENCE = /^secret:(.+)$/;

/** Names of settings that hold secrets also where the schema leaves the rest to OpenClaw. */
const SECRET_NAME = /(^|[a-z_-])(token|secret|password|api_?key)$/i;

/**
 * OpenClaw's own keys, checked against its schema. What the rest of the fleet file or Clawfleet decides cannot be decided here a second
 * time, and a secret is named here, never written down.
 */
export function addExtras(claw: Claw, settings: Settings, report: Report): void {
  const root: Path = [...claw.path, "extras"];
  const checked = schema.safeParse(claw.extras);
  for (const issue of checked.error?.issues ?? []) reportIssue(issue, [], root, report);
  if (!checked.success) return;

  const found: [NativePath, Json][] = [];
  for (const [native, value] of leaves(claw.extras, [])) {
    const owned = OWNED.find((entry) => overlaps(entry.native, native));
    const origin = settings.origin(native);
    const path = [...root, ...native];
    if (owned !== undefined) report(path, `${owned.native.join(".")} ${owned.why}`);
    else if (origin !== undefined) report(path, `${dotted(origin.slice(claw.path.length))} decides this already; remove it here`);
    else found.push([native, value]);
  }
  for (const [native, value] of found) {
    const from = [...root, ...native];
    const name = typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
    if (name !== undefined && isSecret(native)) {
      settings.setSecret(native, { kind: "ref", name, required: true, path: from }, from);
    } else if (holdsSecret(native, value)) {
      report(from, 'a secret does not belong in a fleet file; write the name of one instead: "secret:<name>"');
    } else {
      settings.set(native, value, from);
    }
  }
}

/** What can be said in one variable each: a list is one value, and so is an object with a key that cannot be part of a variable's name. */
function* leaves(value: Json, native: NativePath): Generator<[NativePath, Json]> {
  const members = isObject(value) ? Object.entries(value) : [];
  if (members.length > 0 && members.every(([key]) => /^[A-Za-z0-9.-]+(_[A-Za-z0-9.-]+)*$/.test(key))) {
    for (const [key, member] of members) yield* leaves(member, [...native, key]);
  } else if (native.length > 0) {
    yield [native, value];
  }
}

function isObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A non-empty text anywhere in a value where OpenClaw has a secret. */
function holdsSecret(native: NativePath, value: Json): boolean {
  if (typeof value === "string") return value !== "" && isSecret(native);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, member]) => holdsSecret([...native, key], member));
}

function isSecret(native: NativePath): boolean {
  return SECRET_NAME.test(native.at(-1) ?? "") || schemasAt(native).some((found) => found.meta()?.writeOnly === true);
}

/** The schemas of what may stand at a path; none where the schema knows nothing of it. */
function schemasAt(native: NativePath): z.ZodType[] {
  let at = alternatives(schema);
  for (const part of native) {
    at = at.flatMap((parent) => alternatives(memberOf(parent, part)));
  }
  return at;
}

function memberOf(parent: z.ZodType, part: string): unknown {
  if (parent instanceof z.ZodObject) return Object.hasOwn(parent.shape, part) ? parent.shape[part] : undefined;
  if (parent instanceof z.ZodRecord) return parent.valueType;
  if (parent instanceof z.ZodArray) return parent.element;
  return undefined;
}

/** A schema without its wrappers, its union's choices one by one (and the union itself, which may carry a mark). */
function alternatives(found: unknown): z.ZodType[] {
  if (found instanceof z.ZodOptional) return alternatives(found.unwrap());
  if (found instanceof z.ZodUnion) return [found, ...found.options.flatMap(alternatives)];
  return found instanceof z.ZodType ? [found] : [];
}

/** One problem for each thing that is wrong; unknown keys one by one, with the nearest that OpenClaw has there. */
function reportIssue(issue: z.core.$ZodIssue, before: NativePath, root: Path, report: Report): void {
  const native = [...before, ...issue.path.map(String)];
  if (issue.code === "unrecognized_keys") {
    const known = schemasAt(native).flatMap((found) => (found instanceof z.ZodObject ? Object.keys(found.shape) : []));
    const where = native.length > 0 ? ` in ${native.join(".")}` : " of a claw";
    for (const key of issue.keys) {
      const hint = nearest(key, known);
      const rest = hint ? `; did you mean "${hint}"?` : `; it has ${[...new Set(known)].sort().join(", ")}`;
      report([...root, ...native, key], `OpenClaw has no setting "${key}"${where}${rest}`);
    }
    return;
  }
  const nested = issue.code === "invalid_union" ? closest(issue.errors) : [];
  if (nested.length > 0) {
    for (const inner of nested) reportIssue(inner, native, root, report);
    return;
  }
  const expected = issue.code === "invalid_union" ? expectations(issue.errors) : "";
  const message = expected ? `expected ${expected}` : issue.message.replace(/^Invalid (input|option): /, "");
  report([...root, ...native], `${native.join(".")}: ${message}`);
}

/** The choice of a union that was meant: the one whose problems lie within the value, not with its type. */
function closest(choices: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  return choices.find((issues) => issues.every((issue) => issue.path.length > 0 || issue.code === "unrecognized_keys")) ?? [];
}

function expectations(choices: readonly (readonly z.core.$ZodIssue[])[]): string {
  const texts = choices.flat().map((issue) => {
    if (issue.code === "invalid_type") return issue.expected;
    return issue.code === "invalid_value" ? issue.values.map((value) => JSON.stringify(value)).join(" or ") : issue.message;
  });
  return [...new Set(texts)].join(" or ");
}

function dotted(path: Path): string {
  return path.reduce<string>((text, part) => text + (typeof part === "number" ? `[${part}]` : `${text && "."}${part}`), "");
}
