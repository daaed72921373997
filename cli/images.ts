#!/usr/bin/env node
/**
 * Builds the images of all runtimes, says how large they are, and compares with what was recorded. `make images`.
 *
 *   node cli/images.ts [RUNTIME...] [--record] [--json]
 */
import { parseArgs } from "node:util";
import type Docker from "dockerode";
import { loadRuntimes, runtimeNames } from "../runtimes/index.ts";
import type { Descriptor } from "../runtimes/runtime.ts";
import { connect } from "./docker.ts";
import { messageOf, UserError } from "./errors.ts";
import { type BasesKind, basesKind, buildRuntime, tagOf, unavailable } from "./images/build.ts";
import { type Measured, measure, type Sizes } from "./images/measure.ts";
import { ALLOWED_GROWTH, growth, type ImageFacts, readFacts, record } from "./images/record.ts";
import { note, say, styled, table } from "./terminal.ts";

const usage = `node cli/images.ts [RUNTIME...] [--record] [--json]

  RUNTIME    only these; default all
  --record   write the sizes down in runtimes/<name>/image.json
  --json     the sizes in bytes, on stdout

Exit codes: 0 built, and none grew more than ${ALLOWED_GROWTH} %; 1 otherwise; 2 wrong input. What cannot be built here is named and left out.`;

interface Row {
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

// Not at once: the build that is under way ends by the same signal, and removes what it was made from.
let interrupted = false;
process.once("SIGINT", () => {
  interrupted = true;
});

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const percent = (value: number) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(1)} %`;

async function build(runtime: Descriptor, docker: Docker): Promise<Row> {
  const kind = basesKind(runtime);
  const started = performance.now();
  // Quick steps and those that were there would only hide what takes the time.
  await buildRuntime(runtime, {
    onStep: ({ name, cached, seconds }) => {
      if (!cached && seconds >= 2) note(`  ${runtime.name}: ${name.replace(/(?:--\S+\s+)+/, "").slice(0, 90)} (${seconds.toFixed(0)} s)`);
    },
  });
  note(`  ${runtime.name}: built in ${((performance.now() - started) / 1000).toFixed(1)} s, measuring ...`);
  const sizes = await measure(docker, tagOf(runtime));
  const facts = readFacts(runtime);
  const recorded = facts.sizes[kind]?.[sizes.architecture] ?? null;
  return {
    runtime: runtime.name,
    version: runtime.version,
    image: tagOf(runtime),
    bases: kind,
    sizes,
    recorded,
    growth: recorded === null ? null : growth(sizes, recorded),
    upstream: facts.upstream ?? null,
  };
}

const upstreamSize = ({ upstream }: Row) => {
  if (upstream?.compressed !== undefined) return `${megabytes(upstream.compressed)} compressed`;
  return upstream?.unpacked === undefined ? "-" : `${megabytes(upstream.unpacked)} unpacked`;
};
const grew = (row: Row) => row.growth !== null && row.growth > ALLOWED_GROWTH;

/** Lines for a person's terminal. */
function tableOf(rows: readonly Row[]): string[] {
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

/** A line for programs and logs. */
function lineOf(row: Row): string {
  const { compressed, unpacked, layers } = row.sizes;
  const recorded = row.recorded === null ? "not recorded" : `recorded ${megabytes(row.recorded.compressed)}, ${percent(row.growth ?? 0)}`;
  return `${row.runtime} ${row.version}: ${megabytes(compressed)} compressed, ${megabytes(unpacked)} unpacked, ${layers} layers; ${recorded}; upstream's ${upstreamSize(row)}`;
}

async function main(args: string[]): Promise<number> {
  const options = {
    record: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  if (values.help) {
    say(usage);
    return 0;
  }
  const names = runtimeNames();
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new UserError(`no runtime "${unknown[0]}"; there are ${names.join(", ")}`, 2);
  const chosen = names.filter((name) => positionals.length === 0 || positionals.includes(name));
  const runtimes = [...(await loadRuntimes(chosen)).values()].map(({ descriptor }) => descriptor);
  const docker = await connect();

  const rows: Row[] = [];
  const left: { readonly runtime: string; readonly why: string }[] = [];
  const failed: string[] = [];
  for (const [i, runtime] of runtimes.entries()) {
    if (interrupted) return 130;
    const why = await unavailable(runtime);
    if (why !== undefined) {
      note(styled("yellow", `${runtime.name} (${i + 1}/${runtimes.length}) cannot be built here: ${why}`));
      left.push({ runtime: runtime.name, why });
      continue;
    }
    note(`${runtime.name} (${i + 1}/${runtimes.length}) ...`);
    try {
      rows.push(await build(runtime, docker));
    } catch (error) {
      if (interrupted) return 130;
      if (error instanceof UserError) throw error;
      note(messageOf(error));
      failed.push(runtime.name);
    }
  }

  if (values.json) say(JSON.stringify({ images: rows, unavailable: left, failed }, null, 2));
  else if (process.stdout.isTTY) for (const line of tableOf(rows)) say(line);
  else for (const row of rows) say(lineOf(row));
  if (values.record) {
    for (const { runtime, bases, sizes } of rows) {
      const descriptor = runtimes.find(({ name }) => name === runtime);
      if (descriptor !== undefined) record(descriptor, bases, sizes.architecture, sizes);
    }
    note(`recorded: ${rows.map(({ runtime }) => `runtimes/${runtime}/image.json`).join(", ")}`);
  }
  for (const name of failed) note(`${styled("red", "images:")} ${name} was not built; what went wrong stands above`);
  const larger = values.record ? [] : rows.filter(grew);
  for (const row of larger) {
    note(
      `${styled("red", "images:")} ${row.runtime} grew by ${percent(row.growth ?? 0)} over what is recorded in runtimes/${row.runtime}/image.json (${ALLOWED_GROWTH} % are allowed): make it smaller, or record it: make images ARGS=--record`,
    );
  }
  return failed.length + larger.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const wrongOption = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  note(`${styled("red", "images:")} ${messageOf(error)}${wrongOption ? `\n\n${usage}` : ""}`);
  process.exitCode = error instanceof UserError ? error.code : wrongOption ? 2 : 1;
}
