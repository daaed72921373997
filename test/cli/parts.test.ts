import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer as httpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeUnfinished, restoreState } from "../../cli/backend.ts";
import { type ClawStatus, statusTable } from "../../cli/claws.ts";
import { demultiplexed } from "../../cli/docker.ts";
import { askHealth } from "../../cli/health.ts";
import { alive, killedRun, locksOf } from "../../cli/locks.ts";
import { findPlugin } from "../../cli/plugins.ts";
import { listener, listening, taken } from "../../cli/ports.ts";
import { judge } from "../../cli/preflight.ts";
import { colourful, size } from "../../cli/terminal.ts";
import { launch } from "../components/sample.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "clawfleet-cli-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A server on a port of its own for as long as `use` runs. */
async function serving<T>(server: ReturnType<typeof createServer>, use: (port: number) => Promise<T>): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await use(isAddress(address) ? address.port : 0);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === "object" && address !== null;
}

describe("ports", () => {
  test("a port is taken while something listens, and the process is named", async () => {
    const free = await serving(createServer(), async (port) => {
      expect(await taken(port)).toBe(true);
      expect(listener(port)).toMatch(new RegExp(`^\\S.* \\(process ${process.pid}\\)$`));
      return port;
    });
    expect(await taken(free)).toBe(false);
    expect(listener(free)).toBeUndefined();
  });

  test("only listening sockets of that port count", () => {
    const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:0BB8 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 30 10 -1
   2: 00000000:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
`;
    expect(listening(text, 3000)).toEqual(["111"]);
    expect(listening(text, 3001)).toEqual(["333"]);
    expect(listening(text, 1)).toEqual([]);
  });

  test("a claw's own port is fine, a moving claw of the stack is stopped, anybody else is an error that says who", () => {
    const ada = launch();
    const message = (holder: Parameters<typeof judge>[2]) => {
      const verdict = judge("dev", ada, holder);
      return verdict.do === "fail" ? verdict.message : verdict.do;
    };
    expect(message(undefined)).toBe("nothing");
    expect(message({ kind: "claw", id: "1", stack: "dev", claw: "ada" })).toBe("nothing");
    expect(judge("dev", ada, { kind: "claw", id: "1", stack: "dev", claw: "bob" })).toEqual({ do: "stop", id: "1", claw: "bob" });
    expect(message({ kind: "claw", id: "1", stack: "other", claw: "ada" })).toContain(
      'port 3000 of claw "ada" is taken by claw "ada" of stack "other"',
    );
    expect(message({ kind: "container", name: "web" })).toContain("is taken by the container web");
    expect(message({ kind: "process", name: "node (process 7)" })).toContain("is taken by node (process 7)");
    expect(message({ kind: "process", name: undefined })).toContain("is taken by a process that cannot be named");
  });
});

describe("locks", () => {
  const lock = (over: object) => {
    const folder = join(dir, ".pulumi/locks/organization/clawfleet/dev");
    mkdirSync(folder, { recursive: true });
    const text = { pid: 2 ** 22 + 1, username: "ann", hostname: hostname(), timestamp: "2026-11-22T04:00:00.123456789Z", ...over };
    writeFileSync(join(folder, `${Math.random()}.json`), JSON.stringify(text));
  };

  test("none without a file backend, a folder or a lock", () => {
    expect(locksOf("dev", undefined)).toEqual([]);
    expect(locksOf("dev", "s3://bucket")).toEqual([]);
    expect(locksOf("dev", `file://${dir}`)).toEqual([]);
  });

  test("a process that is gone, or whose number another program has now, was killed", () => {
    lock({});
    lock({ pid: process.pid, timestamp: "2026-11-22T03:00:00Z" });
    const locks = locksOf("dev", `file://${dir}`);
    expect(locks.map(alive)).toEqual([false, false]);
    expect(killedRun("dev", `file://${dir}`)).toEqual(new Date("2026-11-22T03:00:00Z"));
    expect(killedRun("other", `file://${dir}`)).toBeUndefined();
  });

  test("a file that was never written to its end is no lock, and goes unless it is being written", async () => {
    lock({});
    const [locks, stacks] = ["locks/organization/clawfleet/dev", "stacks/clawfleet"].map((name) => join(dir, ".pulumi", name));
    mkdirSync(stacks ?? "", { recursive: true });
    for (const [file, text] of [
      [`${locks}/a.json.1.tmp`, ""],
      [`${locks}/b.json`, '{"pid": 12, "user'],
      [`${locks}/b.json.attrs`, ""],
      [`${stacks}/dev.json`, ""],
      [`${stacks}/dev.json.attrs`, ""],
      [`${stacks}/dev.json.bak.attrs`, '{"user.cache_control":""}\n'],
    ] as const)
      writeFileSync(file, text);
    expect(locksOf("dev", `file://${dir}`)).toHaveLength(1);
    const busy = setInterval(() => writeFileSync(`${locks}/c.json.2.tmp`, "{"), 50);
    try {
      expect(await removeUnfinished("dev", `file://${dir}`)).toBe(4);
    } finally {
      clearInterval(busy);
    }
    expect(readdirSync(locks ?? "").sort()).toEqual([expect.stringMatching(/^0\.\d+\.json$/), "c.json.2.tmp"]);
    expect(readdirSync(stacks ?? "").sort()).toEqual(["dev.json", "dev.json.bak.attrs"]);
    expect(await removeUnfinished("dev", "s3://bucket")).toBe(0);
  });

  test("a state that was cut off is replaced by the newest whole one, and kept", () => {
    const paths = ["stacks/clawfleet", "history/clawfleet/dev", "backups/clawfleet/dev"].map((name) => join(dir, ".pulumi", name));
    for (const path of paths) mkdirSync(path, { recursive: true });
    const [stacks, history, backups] = paths;
    const put = (file: string, text: string, time: number) => {
      writeFileSync(file, text);
      utimesSync(file, time, time);
    };
    put(`${stacks}/dev.json`, '{"is": 4}', 50);
    expect(restoreState("dev", `file://${dir}`)).toBeUndefined();
    put(`${stacks}/dev.json`, '{"is": {}', 50);
    expect(restoreState("dev", `file://${dir}`)).toBeUndefined();
    put(`${stacks}/dev.json.bak`, '{"is": ', 40);
    put(`${history}/dev-3.history.json`, '{"no": "state"}', 35);
    put(`${history}/dev-3.checkpoint.json`, '{"is": 3}', 30);
    put(`${backups}/dev.2.json`, '{"is": 2}', 20);
    expect(restoreState("dev", `file://${dir}`)).toEqual(new Date(30_000));
    expect(readFileSync(`${stacks}/dev.json`, "utf8")).toBe('{"is": 3}');
    expect(readFileSync(`${stacks}/dev.json.broken`, "utf8")).toBe('{"is": {}');
  });

  test("another machine's lock is respected", () => {
    lock({ hostname: "elsewhere.example", pid: 77 });
    expect(() => killedRun("dev", `file://${dir}`)).toThrow(
      'stack "dev" is being changed by pulumi, process 77 of ann on elsewhere.example since 2026-11-22',
    );
  });
});

describe("a claw's health", () => {
  const expected = { path: "/health", expect: { ok: true, deep: { a: 1 } }, startupSeconds: 1 };
  const answering = (status: number, body: string) =>
    serving(
      httpServer((_, response) => response.writeHead(status).end(body)),
      (port) => askHealth(`http://127.0.0.1:${port}/health`, expected),
    );

  test("is good only with status 200 and every expected member", async () => {
    expect(await answering(200, '{"ok":true,"deep":{"a":1},\n "more":1}')).toEqual({
      healthy: true,
      answer: '{"ok":true,"deep":{"a":1}, "more":1}',
    });
    expect(await answering(200, '{"ok":true}')).toEqual({ healthy: false, answer: '200 {"ok":true}' });
    expect(await answering(503, '{"ok":true,"deep":{"a":1}}')).toMatchObject({ healthy: false });
    expect(await answering(200, "<html>")).toEqual({ healthy: false, answer: "200 <html>" });
    expect(await answering(200, "[]")).toMatchObject({ healthy: false });
  });

  test("no answer is said as such", async () => {
    const port = await serving(createServer(), async (free) => free);
    expect(await askHealth(`http://127.0.0.1:${port}/health`, expected)).toMatchObject({
      healthy: false,
      answer: expect.stringContaining("ECONNREFUSED"),
    });
  });
});

describe("what is printed", () => {
  const claw: ClawStatus = {
    name: "ada",
    runtime: "openclaw",
    version: "2026.9.6",
    url: "http://127.0.0.1:3000",
    state: "running",
    healthy: true,
    answer: '{"ok":true}',
    uid: 10002,
    image: { digest: "sha256:0123456789abcdef0123", bytes: 1_234_000_000 },
    container: "clawfleet-dev.ada",
    volume: "clawfleet-dev.ada-state",
  };

  test("the table has a row per claw, aligned, without colours in a pipe", () => {
    const { uid, ...gone } = {
      ...claw,
      name: "a-longer-name",
      state: "missing",
      healthy: false,
      answer: "missing",
      image: { digest: "sha256:ff" },
    };
    expect(statusTable([claw, gone])).toEqual([
      "CLAW           RUNTIME            URL                    HEALTH               UID    IMAGE   DIGEST",
      'ada            openclaw 2026.9.6  http://127.0.0.1:3000  healthy {"ok":true}  10002  1.2 GB  0123456789ab',
      "a-longer-name  openclaw 2026.9.6  http://127.0.0.1:3000  NOT HEALTHY missing  -      -       ff",
    ]);
    expect(uid).toBe(10002);
  });

  test("sizes and colours", () => {
    expect([121_400_000, 999_400_000, 1_640_000_000].map(size)).toEqual(["121 MB", "999 MB", "1.6 GB"]);
    expect(colourful({}, true)).toBe(true);
    expect([colourful({}, false), colourful({ NO_COLOR: "1" }, true), colourful({ TERM: "dumb" }, true)]).toEqual([false, false, false]);
  });

  test("log frames are put together, a cut one as far as it goes", () => {
    const frame = (stream: number, text: string) => {
      const head = Buffer.alloc(8);
      head[0] = stream;
      head.writeUInt32BE(Buffer.byteLength(text), 4);
      return Buffer.concat([head, Buffer.from(text)]);
    };
    const whole = Buffer.concat([frame(1, "out ü\n"), frame(2, "err\n")]);
    expect(demultiplexed(whole)).toBe("out ü\nerr\n");
    expect(demultiplexed(whole.subarray(0, whole.length - 2))).toBe("out ü\ner");
    expect(demultiplexed(Buffer.alloc(0))).toBe("");
  });
});

test("the plugin that Pulumi would run is told apart by what it is", () => {
  const env = { PULUMI_HOME: dir, PATH: join(dir, "bin") };
  expect(findPlugin(env)).toMatchObject({ kind: "missing", version: "5.2.0" });
  const folder = join(dir, "plugins/resource-docker-v5.2.0");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "pulumi-resource-docker"), "\x7fELF");
  expect(findPlugin(env)).toMatchObject({ kind: "official", path: join(folder, "pulumi-resource-docker") });
  mkdirSync(join(dir, "bin"));
  writeFileSync(join(dir, "bin/pulumi-resource-docker"), "#!/bin/sh\n");
  expect(findPlugin(env)).toMatchObject({ kind: "stand-in", path: join(dir, "bin/pulumi-resource-docker") });
  expect(findPlugin({ ...env, PULUMI_IGNORE_AMBIENT_PLUGINS: "1" })).toMatchObject({ kind: "official" });
});
