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

/** The one way Go writes so many nanoseconds, e.g. 60e9 as `1m0s`. */
export function formatDuration(nanos: number): string {
  if (nanos === 0) return "0s";
  if (nanos < 0) return `-${formatDuration(-nanos)}`;
  if (nanos < 1e3) return `${nanos}ns`;
  if (nanos < 1e6) return `${nanos / 1e3}µs`;
  if (nanos < 1e9) return `${nanos / 1e6}ms`;
  const hours = Math.floor(nanos / 3600e9);
  const minutes = Math.floor((nanos % 3600e9) / 60e9);
  const seconds = (nanos % 60e9) / 1e9;
  return `${hours ? `${hours}h` : ""}${hours || minutes ? `${minutes}m` : ""}${seconds}s`;
}

/** A check for inputs: a duration that is not negative. */
export function checkDuration(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const nanos = parseDuration(value);
  if (nanos === undefined) return `'${value}' is not a valid duration`;
  return nanos < 0 ? "duration must not be negative" : undefined;
}
