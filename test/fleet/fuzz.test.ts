import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { expect, test } from "vitest";
import { loadFleet, parseFleet } from "../../fleet/load.ts";
import { FleetError } from "../../fleet/problems.ts";
import { ACKNOWLEDGE } from "../../fleet/schema.ts";
import type { Claw, Egress, Fleet, Ingress } from "../../fleet/types.ts";
import { random } from "./random.ts";

const runtimes = ["openclaw", "picoclaw", "zeroclaw"];
const seeds = ["full.toml", "../../fleets/starter.toml", "../../fleets/trio.toml", "bad/69-everything-at-once.toml"].map((name) =>
  readFileSync(new URL(name, import.meta.url)),
);

const VALUES = [
  '""',
  '"ada"',
  '"*"',
  '"\\u0000"',
  '"""\n\n"""',
  "0",
  "-1",
  "65536",
  "1e400",
  "nan",
  "9007199254740993",
  "true",
  "[]",
  '[["*"]]',
  "{}",
  "{ a = { b = 1 } }",
  "2026-11-22",
  "07:30:00",
  "''",
];
const LINES = [
  "[agent]",
  "[[agent]]",
  "[defaults]",
  "[[defaults]]",
  "[agent.model]",
  "[[agent.channels]]",
  "[[agent.tools]]",
  "[agent.docker]",
  "[agent.extras]",
];
const KEYS = [
  "name",
  "runtime",
  "port",
  "model",
  "tools",
  "channels",
  "enabled",
  "token_ref",
  "access",
  "acknowledge",
  "cron",
  "extras",
  "__proto__",
  "a.b.c",
  '""',
];

type Random = ReturnType<typeof random>;

/** One change to the bytes: flip, cut, insert, repeat, or take from elsewhere. */
function mutateBytes(bytes: Buffer, { int, pick }: Random): Buffer {
  const at = int(bytes.length + 1);
  const length = pick([1, 1, 2, 5, 20, 200]);
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  const other = pick(seeds);
  const from = int(other.length);
  switch (int(6)) {
    case 0:
      return Buffer.concat([before, Buffer.from([int(256)]), after]);
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([
        before,
        Buffer.from(pick(['"', "'", "[", "]", "{", "}", "=", ".", "#", ",", "\n", "\r", "\\", "\0", "🦞", "\ufeff"])),
        part,
        after,
      ]);
    case 3:
      return Buffer.concat([before, part, part, after]);
    case 4:
      return Buffer.concat([before, other.subarray(from, from + length), after]);
    default:
      return before;
  }
}

/** One change to the lines: drop, repeat, swap, another key, another value, a header, an unknown setting. */
function mutateLines(bytes: Buffer, { int, pick }: Random): Buffer {
  const lines = bytes.toString("utf8").split("\n");
  const at = int(lines.length);
  const line = lines[at] ?? "";
  switch (int(7)) {
    case 0:
      lines.splice(at, 1);
      break;
    case 1:
      lines.splice(int(lines.length), 0, line);
      break;
    case 2: {
      const to = int(lines.length);
      lines[at] = lines[to] ?? "";
      lines[to] = line;
      break;
    }
    case 3:
      lines[at] = line.replace(/^[\w.]+/, pick(KEYS));
      break;
    case 4:
      lines[at] = line.replace(/=.*$/, `= ${pick(VALUES)}`);
      break;
    case 5:
      lines.splice(at, 0, pick(LINES));
      break;
    default:
      lines.splice(at, 0, `${pick(KEYS)} = ${pick(VALUES)}`);
  }
  return Buffer.from(lines.join("\n"));
}

/** The claw as a fleet file that says everything. */
function written(claw: Claw) {
  const { model, security, schedule } = claw;
  const { heartbeatMinutes } = schedule;
  return {
    name: claw.name,
    runtime: claw.runtime,
    port: claw.port,
    ...(model && {
      model: {
        provider: model.provider,
        name: model.name,
        ...(model.apiKeyRef !== undefined && { api_key_ref: model.apiKeyRef }),
        ...(model.baseUrl !== undefined && { base_url: model.baseUrl }),
      },
    }),
    tools: claw.tools,
    channels: claw.channels.map(({ tokenRef, appTokenRef, ...channel }) => ({
      ...channel,
      ...(tokenRef !== undefined && { token_ref: tokenRef }),
      ...(appTokenRef !== undefined && { app_token_ref: appTokenRef }),
    })),
    memory: { enabled: claw.memory.enabled, ...(claw.memory.maxHistory !== undefined && { max_history: claw.memory.maxHistory }) },
    security: {
      allowlist: security.allowlist,
      sandboxed: security.sandboxed,
      profile: security.profile,
      memory_limit: `${security.memoryMiB}m`,
      cpus: security.cpus,
      max_open_files: security.maxOpenFiles,
    },
    docker: { access: claw.docker.access, ...(claw.docker.access === "shared" && { acknowledge: ACKNOWLEDGE }) },
    network: { egress: claw.network.egress.map(egressText), ingress: claw.network.ingress.map(ingressText) },
    schedule: { heartbeat: heartbeatMinutes === undefined ? "off" : `${heartbeatMinutes}m`, cron: schedule.cron },
    extras: claw.extras,
  };
}

function egressText(to: Egress): string {
  if (to.kind === "internet") return to.kind;
  const { cidr, port } = to;
  if (port === undefined) return cidr;
  return cidr.includes(":") ? `[${cidr}]:${port}` : `${cidr}:${port}`;
}

const ingressText = (from: Ingress) => (from.kind === "range" ? from.cidr : `${from.kind}:${from.name}`);

/** What every fleet that loads must be, whatever its file was: loading what it says gives it again. */
function checkFleet(fleet: Fleet): void {
  const { claws } = fleet;
  expect(claws.length).toBeGreaterThan(0);
  expect(new Set(claws.map((claw) => claw.name)).size).toBe(claws.length);
  expect(new Set(claws.map((claw) => claw.port)).size).toBe(claws.length);
  for (const { name, runtime, port } of claws) {
    expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/);
    expect(runtimes).toContain(runtime);
    expect(port >= 1024 && port <= 65_535).toBe(true);
  }
  const again = parseFleet(stringify({ agent: claws.map(written) }), fleet.file, { runtimes }).fleet;
  expect(again).toStrictEqual(fleet);
}

/** Every line of the error stands for a place that the file has. */
function checkError(error: FleetError, file: string, bytes: Buffer): void {
  const lines = bytes.toString("utf8").split("\n");
  const said = error.message.split("\n");
  expect(said).toHaveLength(error.problems.length);
  for (const line of said) {
    const [, row, column, message] = line.startsWith(file) ? (/^:(\d+):(\d+): (.+)$/.exec(line.slice(file.length)) ?? []) : [];
    expect(message, line).toBeTruthy();
    const text = lines[Number(row) - 1];
    expect(text, line).toBeDefined();
    expect(Number(column), line).toBeGreaterThan(0);
    expect(Number(column), line).toBeLessThanOrEqual((text ?? "").length + 1);
  }
}

test("10,000 mutated files: a fleet that holds its promises, or an error that says where", { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "fleet-fuzz-"));
  const file = join(folder, "f.toml");
  const source = random(20_261_122);
  let [good, bad, slowest] = [0, 0, 0];
  try {
    for (let i = 0; i < 10_000; i++) {
      let bytes: Buffer = source.pick(seeds);
      const mutate = source.int(3) === 0 ? mutateBytes : mutateLines;
      for (let times = source.pick([1, 1, 1, 2, 4]); times > 0; times--) bytes = mutate(bytes, source);
      writeFileSync(file, bytes);
      const start = performance.now();
      try {
        const { fleet } = loadFleet(file, { runtimes });
        slowest = Math.max(slowest, performance.now() - start);
        checkFleet(fleet);
        good++;
      } catch (error) {
        slowest = Math.max(slowest, performance.now() - start);
        if (!(error instanceof FleetError)) throw new Error(`case ${i}: ${bytes.toString("utf8")}`, { cause: error });
        checkError(error, file, bytes);
        bad++;
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  // Both kinds must really occur, or the mutations test nothing.
  expect(good).toBeGreaterThan(1000);
  expect(bad).toBeGreaterThan(4000);
  expect(slowest).toBeLessThan(5000);
});
