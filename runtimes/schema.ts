import { z } from "zod";
import { suggestion } from "../fleet/problems.ts";
import type { NativePath } from "./settings.ts";

/** The schemas of what may stand at a path, one for each choice of a union; none where the schema knows nothing of it. */
export function schemasAt(schema: z.ZodType, native: NativePath): z.ZodType[] {
  return native.reduce<z.ZodType[]>(
    (at, part) => at.flatMap((parent) => alternatives(memberOf(parent, String(part)))),
    alternatives(schema),
  );
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

/**
 * One problem for each thing that an issue says is wrong, with its path in the runtime's configuration; unknown keys one by one, with the
 * nearest that the schema has there.
 *
 * @param title the runtime's, as upstream writes it
 */
export function explain(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  title: string,
  before: NativePath = [],
): { native: NativePath; message: string }[] {
  const native = [...before, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
  if (issue.code === "unrecognized_keys") {
    const shapes = schemasAt(schema, native).flatMap((found) => (found instanceof z.ZodObject ? Object.keys(found.shape) : []));
    const known = [...new Set(shapes)].sort();
    const where = native.length > 0 ? ` in ${native.join(".")}` : "";
    return issue.keys.map((key) => ({
      native: [...native, key],
      message: `${title} has no setting "${key}"${where} that a claw can be given${suggestion(key, known)}`,
    }));
  }
  if (issue.code === "invalid_union") {
    const meant = issue.errors.find((choice) => choice.every(isWithin)) ?? [];
    if (meant.length > 0) return meant.flatMap((inner) => explain(inner, schema, title, native));
  }
  return [{ native, message: `${native.join(".")}: ${sentence(issue)}` }];
}

/** The choice of a union that was meant is the one whose problems lie within the value, not with its type. */
function isWithin(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code === "unrecognized_keys";
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    return `expected ${[...new Set(issue.errors.flat().map(expectation))].join(" or ")}`;
  }
  const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return message.replace(/^Invalid (input|option): /, "");
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return issue.expected;
  return issue.code === "invalid_value" ? issue.values.map((value) => JSON.stringify(value)).join(" or ") : issue.message;
}
