import { readFileSync, writeFileSync } from "node:fs";

export const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

export const inSeconds = (value: number): string => `${value.toFixed(2)} s`;

/** The rows of one part's table in bench/results.md. */
export class Report {
  readonly #rows: string[] = [];

  /** @param reached Whether the goal is. @default there is none */
  row(what: string, ours: string, other: string, result: string, goal = "", reached?: boolean): void {
    const verdict = reached === undefined ? "" : reached ? "yes" : "**no**";
    this.#rows.push(`| ${what} | ${ours} | ${other} | ${result} | ${goal} | ${verdict} |`);
    say(`  ${what}: ${result}${reached === undefined ? "" : reached ? " (goal reached)" : " (goal NOT reached)"}`);
  }

  lines(): string[] {
    return ["| what | Clawfleet | the other | result | goal | reached |", "|---|---|---|---|---|---|", ...this.#rows];
  }
}

const intro = [
  "# What it costs",
  "",
  "Written by `make bench`: rounds of each comparison in turn, medians. Seconds are of the machine that each part names; ratios carry over.",
  "What the time goes on: [README.md](README.md).",
];

/** Writes parts into the file of results, each under a heading; a part that was not measured this time stays as it is. */
export function writeResults(file: string, parts: ReadonlyMap<string, readonly string[]>): string {
  const sections = new Map(
    readFileSync(file, "utf8")
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [title = "", ...lines] = section.trimEnd().split("\n");
        return [title, lines];
      }),
  );
  for (const [title, lines] of parts) sections.set(title, ["", ...lines]);
  const text = [...intro, ...[...sections].flatMap(([title, lines]) => ["", `## ${title}`, ...lines]), ""].join("\n");
  writeFileSync(file, text);
  return text;
}
