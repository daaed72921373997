import { stripVTControlCharacters, styleText } from "node:util";

/** Colours only for a person: stdout is a terminal, and neither NO_COLOR nor TERM=dumb says otherwise. */
export function colourful(env: NodeJS.ProcessEnv = process.env, isTTY: boolean = process.stdout.isTTY): boolean {
  return isTTY && !env.NO_COLOR && env.TERM !== "dumb";
}

type Style = "bold" | "dim" | "green" | "red" | "yellow";

/** The text in a style, or as it is where colours are not wanted. */
export function styled(style: Style, text: string): string {
  return colourful() ? styleText(style, text, { validateStream: false }) : text;
}

/** Lines of a table, columns two spaces apart, nothing at the ends of lines. The first row is the header. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const width = (cell: string) => stripVTControlCharacters(cell).length;
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ""))));
  return rows.map((row, i) => {
    const line = row.map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell)))).join("  ");
    return i === 0 ? styled("bold", line.trimEnd()) : line.trimEnd();
  });
}

/** Bytes as people write image sizes: `87 MB`, `1.2 GB`. */
export function size(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** A line on stdout. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** A line on stderr: progress and warnings, so that stdout holds data only. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
