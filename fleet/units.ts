/** Reads "512m" or "1g" as MiB; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^([1-9]\d{0,6})([mg])$/.exec(text) ?? [];
  return digits ? Number(digits) * (unit === "g" ? 1024 : 1) : undefined;
}

/** Reads "30m", "2h" or "1d" as minutes, at least 1; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? [];
  return digits ? Number(digits) * (unit === "d" ? 1440 : unit === "h" ? 60 : 1) : undefined;
}

const CRON: readonly (readonly [string, number, number])[] = [
  ["minute", 0, 59],
  ["hour", 0, 23],
  ["day of month", 1, 31],
  ["month", 1, 12],
  ["day of week", 0, 6],
];

/**
 * What is wrong with a five-field cron expression, or undefined if nothing is. The subset that every runtime reads alike:
 * numbers, `*`, ranges `a-b`, steps `/n` and lists with commas.
 */
export function cronProblem(text: string): string | undefined {
  const fields = text.split(" ");
  if (fields.length !== CRON.length)
    return `must have five fields with one space between (minute hour day month weekday), like "0 9 * * 1-5"`;
  for (const [i, [field, from, to]] of CRON.entries()) {
    for (const item of (fields[i] ?? "").split(",")) {
      const [, start, end, step] = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(item) ?? ["", "x"];
      const [first, last] = [Number(start ?? from), Number(end ?? start ?? to)];
      const good = first >= from && last <= to && first <= last && Number(step ?? 1) > 0 && (!step || !start || end);
      if (!good) return `has a bad ${field}: use numbers from ${from} to ${to}, *, a-b, */n or lists with commas`;
    }
  }
  return undefined;
}
