import { z } from "zod";

/*
 * Words for writing the native schema down briefly. Every member is optional: what must be there, the runtime itself says at start.
 */
export const text = z.string();
export const flag = z.boolean();
export const id = z.union([z.string(), z.number()]);
export const amount = z.number();
export const positive = z.int().min(1);
export const above0 = z.number().gt(0);
/** Any object: parts of the configuration that Clawfleet leaves to the runtime's own check. */
export const open = z.record(z.string(), z.unknown());

type Shape = { readonly [key: string]: z.ZodType };

/** These keys and no others. */
export const keys = (shape: Shape): z.ZodType => z.strictObject(shape).partial();
/** These keys, and others that a plugin may add. */
export const someKeys = (shape: Shape): z.ZodType => z.looseObject(shape).partial();
export const list = (item: z.ZodType): z.ZodType => z.array(item);
export const mapOf = (value: z.ZodType): z.ZodType => z.record(z.string(), value);
export const either = (...choices: readonly z.ZodType[]): z.ZodType => z.union(choices);
export const oneOf = (...words: readonly string[]): z.ZodType => z.enum(words);
export const wholeFrom = (least: number, most?: number): z.ZodType =>
  most === undefined ? z.int().min(least) : z.int().min(least).max(most);
export const numberFrom = (least: number, most?: number): z.ZodType =>
  most === undefined ? z.number().min(least) : z.number().min(least).max(most);

/** A secret's text, or where the runtime finds it. */
export const secret = either(text, keys({ source: oneOf("env", "file", "exec", "store"), provider: text, id: text })).meta({
  writeOnly: true,
});

export const toolPolicy = keys({ allow: list(text), alsoAllow: list(text), deny: list(text) });
export const chunking = keys({ minChars: positive, maxChars: positive, breakPreference: oneOf("paragraph", "newline", "sentence") });
export const coalescing = keys({ minChars: positive, maxChars: positive, idleMs: wholeFrom(0) });
export const ssrfPolicy = keys({
  dangerouslyAllowPrivateNetwork: flag,
  allowRfc2544BenchmarkRange: flag,
  allowIpv6UniqueLocalRange: flag,
  allowedHostnames: list(text),
  blockedHostnames: list(text),
});
export const sendScope = keys({
  default: oneOf("allow", "deny"),
  rules: list(
    keys({
      action: oneOf("allow", "deny"),
      match: keys({ channel: text, chatType: oneOf("direct", "group", "channel"), keyPrefix: text, rawKeyPrefix: text }),
    }),
  ),
});
export const threadBindings = keys({
  enabled: flag,
  idleHours: numberFrom(0),
  maxAgeHours: numberFrom(0),
  spawnSessions: flag,
  defaultSpawnContext: oneOf("isolated", "fork"),
});
/** Limits on what is fetched; made anew for each use, as the generated schema tells one object from another. */
export const fetched = () => ({
  allowUrl: flag,
  urlAllowlist: list(text),
  allowedMimes: list(text),
  maxBytes: positive,
  maxRedirects: wholeFrom(0),
  timeoutMs: positive,
});
export const images = keys(fetched());
export const mediaModel = either(text, keys({ primary: text, fallbacks: list(text), timeoutMs: positive }));
export const resetRule = keys({ mode: oneOf("none", "daily", "idle"), atHour: wholeFrom(0, 23), idleMinutes: positive });
export const logLevel = oneOf("silent", "fatal", "error", "warn", "info", "debug", "trace");
