import { keyKind } from "./keys.ts";
import type { Fleet, Path } from "./types.ts";

/** One thing that is wrong in a fleet file. `line` and `column` count from 1, columns in UTF-16 units as editors do. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** More than this is a wrong file rather than a file with mistakes: the rest is left out. */
const SHOWN = 200;

/**
 * All that is wrong with a fleet file, sorted by position, each problem once.
 * `message` has one line per problem: `file:line:column: what is wrong; what to do`. It never holds a secret's value.
 */
export class FleetError extends Error {
  readonly problems: readonly Problem[];

  constructor(found: readonly Problem[]) {
    const problems = tidy(found);
    super(problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`).join("\n"));
    this.name = "FleetError";
    this.problems = problems;
  }
}

function tidy(found: readonly Problem[]): Problem[] {
  const sorted = [...found].sort(
    (a, b) => a.line - b.line || a.column - b.column || (a.message < b.message ? -1 : a.message > b.message ? 1 : 0),
  );
  const once = sorted.filter((p, i) => {
    const before = sorted[i - 1];
    return !before || before.line !== p.line || before.column !== p.column || before.message !== p.message;
  });
  const next = once[SHOWN];
  return next ? [...once.slice(0, SHOWN), { ...next, message: "and more problems from here on" }] : once;
}

/** A fleet and the way back to the places in its file. */
export interface LoadedFleet {
  readonly fleet: Fleet;
  /**
   * Where a path stands in the file. A setting that a claw has from `[defaults]` is found there;
   * for one that stands nowhere, the answer is the header of the table it would be in.
   */
  locate(path: Path): { readonly line: number; readonly column: number };
}

/** Turns problems found by path (by a runtime's translation, say) into the error that the fleet file's own problems make. */
export function problemsToError(loaded: LoadedFleet, problems: readonly { readonly path: Path; readonly message: string }[]): FleetError {
  return new FleetError(problems.map(({ path, message }) => ({ file: loaded.fleet.file, ...loaded.locate(path), message })));
}

/** A value as an error may show it: quoted on one line, cut to 60 characters, and `<redacted>` if it looks like a key. */
export function quote(value: string): string {
  if (keyKind(value)) return '"<redacted>"';
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60).toWellFormed()}...` : value.toWellFormed());
}

/**
 * The candidate that `word` was probably meant to be, or undefined when none is close: at most a third of the word's letters
 * differ (one swap of neighbours counts as one), or the word is the beginning of the candidate (`api_key` for `api_key_ref`).
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 100) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue;
    const d = distance(wanted, candidate.toLowerCase());
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best ?? (wanted.length > 2 ? candidates.find((c) => c.startsWith(wanted)) : undefined);
}

/** The end of a sentence that says that a name is unknown: the nearest of those that are known, or all of them. */
export function suggestion(word: string, known: readonly string[]): string {
  const hint = nearest(word, known);
  return hint ? `; did you mean "${hint}"?` : `; it has ${known.join(", ")}`;
}

const at = (row: readonly number[], i: number) => row[i] ?? Number.POSITIVE_INFINITY;

/** Edit distance: insert, delete, replace, or swap two neighbours. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, at(beforeLast, j - 2) + 1);
      row.push(d);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
