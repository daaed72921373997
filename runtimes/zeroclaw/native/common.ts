import { z } from "zod";
import { ALIAS } from "../conventions.ts";

/** ZeroClaw takes these two for "no value" when it reads an override. */
const unset = ["", "<unset>", "****"];
export const text = z.string().refine((value) => !unset.includes(value), 'must not be empty, "<unset>" or "****"');
export const flag = z.boolean();
export const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
export const number = z.number();
export const list = z.array(text);
/** What ZeroClaw keeps out of its answers and encrypts in its file. A fleet file may not hold one in clear. */
export const secret = text.meta({ writeOnly: true });

/** All members optional: ZeroClaw has a default for each. */
export function partial<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).partial();
}

/** A map of ZeroClaw's in which Clawfleet uses one name. */
export const named = <Value extends z.ZodType>(value: Value) => partial({ [ALIAS]: value });
