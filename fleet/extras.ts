import { isTable, type Table } from "./merge.ts";
import { quote } from "./problems.ts";
import { LIMITS } from "./schema.ts";
import type { Json, Path } from "./types.ts";

/** Keys with a meaning of their own to JavaScript; no runtime has settings of these names. */
const RESERVED = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Turns a claw's extras into plain JSON and reports what cannot be passed on: dates, NaN and infinities, NUL characters, reserved names,
 * and more nesting or keys than any runtime's configuration has. Reported parts are left out of the answer.
 */
export function readExtras(extras: Table, path: Path, report: (path: Path, message: string) => void): { [key: string]: Json } {
  let keys = 0;

  const table = (value: Table, at: Path, depth: number): { [key: string]: Json } => {
    const result: { [key: string]: Json } = {};
    for (const [key, part] of Object.entries(value)) {
      if (++keys > LIMITS.extrasKeys) {
        if (keys === LIMITS.extrasKeys + 1) report(path, `extras must have at most ${LIMITS.extrasKeys} keys`);
        break;
      }
      const here = [...at, key];
      if (RESERVED.has(key)) report(here, `extras cannot have a key ${quote(key)}`);
      else if (key.includes("\0")) report(at, "extras: a key must not hold a NUL character");
      else {
        const json = convert(part, here, depth);
        if (json !== undefined) result[key] = json;
      }
    }
    return result;
  };

  const convert = (value: unknown, at: Path, depth: number): Json | undefined => {
    const wrong = (what: string) => {
      report(at, `extras: ${quote(String(at.findLast((part) => typeof part === "string")))} ${what}`);
      return undefined;
    };
    if (depth >= LIMITS.extrasDepth && typeof value === "object") return wrong(`is nested deeper than ${LIMITS.extrasDepth} levels`);
    if (isTable(value)) return table(value, at, depth + 1);
    if (Array.isArray(value)) return value.map((item, i) => convert(item, [...at, i], depth + 1)).filter((item) => item !== undefined);
    if (value instanceof Date) return wrong("is a date, which the runtimes' settings do not have; put it in quotes");
    if (typeof value === "number") return Number.isFinite(value) ? value : wrong("must be a finite number");
    if (typeof value === "boolean") return value;
    if (typeof value === "string") return value.includes("\0") ? wrong("must not hold a NUL character") : value;
    return wrong("cannot be passed on");
  };

  return table(extras, path, 1);
}
