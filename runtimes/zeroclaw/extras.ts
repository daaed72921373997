import { z } from "zod";
import { nearest } from "../../fleet/problems.ts";
import type { Claw, Json, Path } from "../../fleet/types.ts";
import type { Report } from "../runtime.ts";
import { schema } from "./native.ts";
import { ALIAS, type NativePath, type Settings } from "./settings.ts";

/** What is decided elsewhere even where nothing has been set; `*` is any name. */
const OWNED: readonly (readonly [NativePath, string])[] = [
  [["schema_version"], "Clawfleet's to set"],
  [["agents", ALIAS, "enabled"], "Clawfleet's to set"],
  [["agents", ALIAS, "risk_profile"], "Clawfleet's to set"],
  [["agents", ALIAS, "runtime_profile"], "Clawfleet's to set"],
  [["agents", ALIAS, "model_provider"], "the model's provider; write it as [agent.model] provider"],
  [["gateway", "paired_tokens"], "kept by ZeroClaw itself, on the claw's volume"],
  [["providers", "models", "*", ALIAS, "model"], "the model's name; write it as [agent.model] name"],
  [["providers", "models", "*", ALIAS, "uri"], "the model's address; write it as [agent.model] base_url"],
  [["providers", "models", "*", ALIAS, "api_key"], "the model's key; write its name as [agent.model] api_key_ref"],
  [["channels", "*", ALIAS, "enabled"], "a channel; write it as [[agent.channels]]"],
  [["channels", "*", ALIAS, "bot_token"], "a channel's token; write its name as token_ref in [[agent.channels]]"],
  [["channels", "*", ALIAS, "app_token"], "a channel's token; write its name as app_token_ref in [[agent.channels]]"],
  [["runtime_profiles", ALIAS, "max_history_messages"], "the history; write it as [agent.memory] max_history"],
];

/** How `extras` names a secret where ZeroClaw has one: `"secret:brave"`, looked up as `api_key_ref = "brave"` is. */
const SECRET = /^secret:(.+)$/;

/**
 * ZeroClaw's own keys, checked against its schema. What the rest of the fleet file or Clawfleet decides cannot be decided here a second time, and
 * keys cannot be written down in clear.
 *
 * @param fixed variables that are the same for every claw
 */
export function addExtras(claw: Claw, settings: Settings, fixed: readonly NativePath[], report: Report): void {
  const root: Path = [...claw.path, "extras"];
  const checked = schema.safeParse(claw.extras);
  for (const issue of checked.error?.issues ?? []) reportIssue(issue, root, report);
  if (!checked.success) return;

  for (const [path, value] of [...leaves(claw.extras, [])]) {
    const from = [...root, ...path];
    const key = path.join(".");
    const owned =
      OWNED.find(([pattern]) => matches(pattern, path))?.[1] ??
      (fixed.some((one) => matches(one, path)) ? "Clawfleet's to set" : undefined);
    const origin = settings.origin(path);
    if (owned !== undefined) report(from, `${key} is ${owned}; remove it here`);
    else if (origin !== undefined) report(from, `${dotted(origin, claw.path)} decides ${key} already; remove it here`);
    else if (schemaAt(path)?.meta()?.writeOnly !== true) settings.set(path, value, from);
    else addSecret(path, value, from, settings, report);
  }
}

function addSecret(path: NativePath, value: Json, from: Path, settings: Settings, report: Report): void {
  const name = typeof value === "string" ? SECRET.exec(value)?.[1] : undefined;
  if (name !== undefined) settings.setSecret(path, { kind: "ref", name, required: true, path: from }, from);
  else report(from, `a key does not belong in a fleet file; write the name of a secret: ${path.at(-1)} = "secret:<name>"`);
}

function matches(pattern: NativePath, path: NativePath): boolean {
  return pattern.length === path.length && pattern.every((part, i) => part === "*" || part === path[i]);
}

function dotted(path: Path, claw: Path): string {
  return path.slice(claw.length).reduce<string>((all, part) => all + (typeof part === "number" ? `[${part}]` : `${all && "."}${part}`), "");
}

/** What can be said in one variable each: everything but tables. */
function* leaves(value: Json, path: NativePath): Generator<[NativePath, Json]> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, member] of Object.entries(value)) yield* leaves(member, [...path, key]);
  } else {
    yield [path, value];
  }
}

/** The schema of what stands at a path; undefined where the schema knows nothing of it. */
function schemaAt(path: readonly PropertyKey[]): z.ZodType | undefined {
  let at: unknown = schema;
  for (const part of path) {
    at = unwrap(at);
    if (at instanceof z.ZodObject) at = at.shape[String(part)];
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else return undefined;
  }
  const found = unwrap(at);
  return found instanceof z.ZodType ? found : undefined;
}

function unwrap(at: unknown): unknown {
  return at instanceof z.ZodOptional ? unwrap(at.unwrap()) : at;
}

/** One problem for each thing that is wrong; unknown keys one by one, with the nearest that can be set there. */
function reportIssue(issue: z.core.$ZodIssue, root: Path, report: Report): void {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code !== "unrecognized_keys") {
    const message = issue.code === "invalid_key" ? issue.issues[0]?.message : issue.message;
    report([...root, ...path], `${path.join(".")} ${message?.replace(/^Invalid (?:input|option): /, "")}`);
    return;
  }
  const object = schemaAt(path);
  const known = object instanceof z.ZodObject ? Object.keys(object.shape).sort() : [];
  for (const key of issue.keys) {
    const hint = nearest(key, known);
    const where = path.length > 0 ? ` in ${path.join(".")}` : "";
    const rest = hint ? `; did you mean "${hint}"?` : `; it has ${known.join(", ")}`;
    report([...root, ...path, key], `ZeroClaw has no setting "${key}"${where} that a claw can be given${rest}`);
  }
}
