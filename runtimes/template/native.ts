/**
 * The runtime's own configuration, as its program reads it. Every object is strict: a key that is misspelt in a fleet file, or in a variable, is refused
 * before the program sees it. A string marked `writeOnly` is a secret. Write here what the program really has, then `node runtimes/generate.ts`.
 */
import { z } from "zod";

const text = z.string().optional();
const secret = z.string().meta({ writeOnly: true }).optional();

export const schema = z.strictObject({
  host: text,
  port: z.int().min(1).max(65_535).optional(),
  /** Whoever sends it as a bearer token may ask for more than the health. */
  token: secret,
  greeting: text,
  model: z.strictObject({ provider: text, name: text, base_url: text, api_key: secret }).optional(),
});
