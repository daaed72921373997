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
import { basesKind, buildRuntime, tagOf, unavailable } from "./images/build.ts";
import { measure } from "./images/measure.ts";
import { ALLOWED_GROWTH, growth, readFacts, record } from "./images/record.ts";
import { type Row, reportLines, tooLarge } from "./images/report.ts";
import { note, say, styled } from "./terminal.ts";

const usage = `node cli/images.ts [RUNTIME...] [--record] [--json]

  RUNTIME    only these; default all
  --record   write the sizes down in runtimes/<name>/image.json
  --json     the sizes in bytes, on stdout

Exit codes: 0 built, and none grew more than ${ALLOWED_GROWTH} %; 1 otherwise; 2 wrong input. What cannot be built here is named and left out.`;

// Not at once: the build that is under way ends by the same signal, and removes what it was made from.
let interrupted = false;
process.once("SIGINT", () => {
  interrupted = true;
});

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
  else for (const line of reportLines(rows, process.stdout.isTTY)) say(line);
  if (values.record) {
    for (const { runtime, bases, sizes } of rows) {
      const descriptor = runtimes.find(({ name }) => name === runtime);
      if (descriptor !== undefined) record(descriptor, bases, sizes.architecture, sizes);
    }
    note(`recorded: ${rows.map(({ runtime }) => `runtimes/${runtime}/image.json`).join(", ")}`);
  }
  for (const name of failed) note(`${styled("red", "images:")} ${name} was not built; what went wrong stands above`);
  const larger = values.record ? [] : tooLarge(rows);
  for (const line of larger) note(`${styled("red", "images:")} ${line}`);
  return failed.length + larger.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const wrongOption = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  note(`${styled("red", "images:")} ${messageOf(error)}${wrongOption ? `\n\n${usage}` : ""}`);
  process.exitCode = error instanceof UserError ? error.code : wrongOption ? 2 : 1;
}
