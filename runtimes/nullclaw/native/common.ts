import { z } from "zod";

export const text = z.string();
export const flag = z.boolean();
export const list = z.array(z.string());
export const rate = z.number();

/** NullClaw narrows numbers unchecked: one that does not fit would be another number, or the end of the program. */
export const count = z.int().min(0).max(0xffff_ffff);
export const long = z.int().min(0);
export const port = z.int().min(1).max(0xffff);

/** A fleet file may not hold one in clear. */
export const secret = z.string().meta({ writeOnly: true });
export const secrets = z.array(secret).meta({ writeOnly: true });

/** All members optional: NullClaw starts from its defaults and lays the file over them. */
export function partial<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).partial();
}
