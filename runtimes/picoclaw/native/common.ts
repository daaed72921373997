import { z } from "zod";

export const text = z.string();
export const flag = z.boolean();
export const count = z.int().min(0);
export const list = z.array(z.string());

/** What PicoClaw keeps out of its logs and saved files. A fleet file may not hold one in clear. */
export const secret = z.string().meta({ writeOnly: true });
export const secrets = z.array(secret).meta({ writeOnly: true });

/** All members optional: PicoClaw starts from its defaults and lays the file over them. */
export function partial<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).partial();
}
