/** Durations as Go writes them: `1m30s`, `500ms`, `0s`. The Docker API counts nanoseconds. */

const NANOS: { readonly [unit: string]: number } = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/gy;

/** Nanoseconds of a Go duration, or undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const sign = text.startsWith("-") ? -1 : 1;
  const rest = text.replace(/^[+-]/, "");
  if (rest === "") return undefined;
  let nanos = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < rest.length) {
    const part = PART.exec(rest);
    const unit = NANOS[part?.[2] ?? ""];
    if (!part || unit === undefined) return undefined;
    nanos += Number(part[1]) * unit;
  }
  return sign * Math.round(nanos);
}

/** A check for inputs: a duration that is not negative. */
export function checkDuration(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const nanos = parseDuration(value);
  if (nanos === undefined) return `'${value}' is not a valid duration`;
  return nanos < 0 ? "duration must not be negative" : undefined;
}
