import { styled, table } from "../terminal.ts";
import type { BasesKind } from "./build.ts";
import type { Measured, Sizes } from "./measure.ts";
import { ALLOWED_GROWTH, type ImageFacts } from "./record.ts";

/** One image, as `make images` shows it. */
export interface Row {
  readonly runtime: string;
  readonly version: string;
  readonly image: string;
  readonly bases: BasesKind;
  readonly sizes: Measured;
  readonly recorded: Sizes | null;
  /** Percent, or null without a record. */
  readonly growth: number | null;
  readonly upstream: NonNullable<ImageFacts["upstream"]> | null;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const percent = (value: number) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(1)} %`;
const grew = ({ growth }: Row) => growth !== null && growth > ALLOWED_GROWTH;

function upstreamSize({ upstream }: Row): string {
  if (upstream === null) return "-";
  const { compressed, unpacked = 0, asOf } = upstream;
  return `${compressed === undefined ? `${megabytes(unpacked)} unpacked` : `${megabytes(compressed)} compressed`} (${asOf})`;
}

/** The images' sizes: a table for a person, a line each for programs and logs. */
export function reportLines(rows: readonly Row[], person: boolean): string[] {
  if (!person) return rows.map(lineOf);
  const cells = rows.map((row) => [
    row.runtime,
    row.version,
    megabytes(row.sizes.compressed),
    megabytes(row.sizes.unpacked),
    `${row.sizes.layers}`,
    row.recorded === null ? "-" : megabytes(row.recorded.compressed),
    row.growth === null ? "-" : styled(grew(row) ? "red" : "green", percent(row.growth)),
    upstreamSize(row),
  ]);
  return table([["RUNTIME", "VERSION", "COMPRESSED", "UNPACKED", "LAYERS", "RECORDED", "GROWTH", "UPSTREAM'S"], ...cells]);
}

function lineOf(row: Row): string {
  const { compressed, unpacked, layers } = row.sizes;
  const recorded = row.recorded === null ? "not recorded" : `recorded ${megabytes(row.recorded.compressed)}, ${percent(row.growth ?? 0)}`;
  return `${row.runtime} ${row.version}: ${megabytes(compressed)} compressed, ${megabytes(unpacked)} unpacked, ${layers} layers; ${recorded}; upstream's ${upstreamSize(row)}`;
}

/** What to say of the images that grew more than is allowed, a line each. */
export function tooLarge(rows: readonly Row[]): string[] {
  return rows
    .filter(grew)
    .map(
      ({ runtime, growth }) =>
        `${runtime} grew by ${percent(growth ?? 0)} over what runtimes/${runtime}/image.json records (${ALLOWED_GROWTH} % are allowed): make it smaller, or record it with make images ARGS=--record`,
    );
}
