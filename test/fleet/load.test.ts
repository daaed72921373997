import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadFleet, parseFleet } from "../../fleet/load.ts";
import { derivedPort } from "../../fleet/ports.ts";
import { FleetError, problemsToError } from "../../fleet/problems.ts";

const runtimes = ["openclaw", "picoclaw", "zeroclaw"];
const full = fileURLToPath(new URL("full.toml", import.meta.url));

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof FleetError) return error.message;
    throw error;
  }
  return "no error";
}

const check = (text: string) => messageOf(() => parseFleet(text, "f.toml", { runtimes }));

describe("a file with every setting", () => {
  const { fleet, locate } = loadFleet(full, { runtimes });
  const [plain, own, mixed] = fleet.claws;

  test("gives a claw that says nothing the file's defaults, and the rest Clawfleet's", () => {
    expect(plain).toStrictEqual({
      name: "plain",
      runtime: "picoclaw",
      port: derivedPort("plain"),
      model: { provider: "openai", name: "gpt-5", apiKeyRef: "openai", baseUrl: "https://llm.example.org/v1" },
      tools: [{ name: "web_search", allowed: true }],
      channels: [],
      memory: { enabled: true, maxHistory: 50 },
      security: {
        allowlist: ["alice", "bob"],
        sandboxed: true,
        profile: "strict",
        memoryMiB: 1024,
        cpus: 1,
        maxOpenFiles: 65_536,
      },
      docker: { access: "none" },
      network: { egress: [{ kind: "internet" }], ingress: [] },
      schedule: { heartbeatMinutes: 120, cron: [] },
      extras: { log: { level: "info", format: "json" } },
      path: ["agent", 0],
    });
  });

  test("takes everything that a claw says itself, lists and a model with its provider as a whole", () => {
    expect(own).toStrictEqual({
      name: "own",
      runtime: "openclaw",
      port: 3000,
      model: { provider: "ollama", name: "llama3.2" },
      tools: [
        { name: "shell", allowed: false },
        { name: "browser", allowed: true },
      ],
      channels: [
        { channel: "telegram", enabled: true, tokenRef: "own-telegram", allowlist: [] },
        { channel: "slack", enabled: false, tokenRef: "own_slack", appTokenRef: "own_slack_app", allowlist: ["*"] },
      ],
      memory: { enabled: false, maxHistory: 7 },
      security: { allowlist: [], sandboxed: false, profile: "permissive", memoryMiB: 512, cpus: 0.5, maxOpenFiles: 1024 },
      docker: { access: "shared" },
      network: { egress: [{ kind: "internet" }], ingress: [] },
      schedule: { cron: [{ cron: "*/5 0-6,22 1-31/2 * 1-5", message: 'Two lines\nwith "quotes" and ünicode 🦞' }] },
      extras: { log: { level: "debug", format: "json" }, gateway: { limits: [1, 2.5, true, "x", { y: [] }] } },
      path: ["agent", 1],
    });
  });

  test("lays tables over the defaults key by key; a channel without an allowlist has the claw's", () => {
    expect(mixed?.model).toStrictEqual({
      provider: "openai",
      name: "gpt-5-mini",
      apiKeyRef: "openai",
      baseUrl: "https://llm.example.org/v1",
    });
    expect(mixed?.channels[0]?.allowlist).toEqual(["alice", "bob"]);
    expect(mixed?.network).toStrictEqual({
      egress: [
        { kind: "internet" },
        { kind: "range", cidr: "10.1.0.0/16", port: 5432 },
        { kind: "range", cidr: "fd00::/8" },
        { kind: "range", cidr: "fd00:1::/32", port: 443 },
      ],
      ingress: [
        { kind: "claw", name: "own" },
        { kind: "namespace", name: "monitoring" },
        { kind: "range", cidr: "192.168.1.5/32" },
      ],
    });
  });

  test.each([
    [["agent", 0], 29, 1],
    [["agent", 0, "name"], 30, 1],
    [["agent", 0, "model", "provider"], 6, 1], // from the defaults
    [["agent", 0, "tools", 0, "allowed"], 13, 1],
    [["agent", 0, "port"], 29, 1], // written nowhere
    [["agent", 1, "model", "base_url"], 39, 1], // its own model has none, and the default's does not count
    [["agent", 1, "tools", 1, "name"], 36, 32],
    [["agent", 1, "channels", 0, "allowlist"], 43, 1],
    [["agent", 1, "extras", "log", "level"], 79, 5],
    [["agent", 1, "extras", "log", "format"], 27, 1],
    [["agent", 2, "model", "name"], 88, 1],
    [["agent", 2, "model", "api_key_ref"], 8, 1],
    [["agent", 9], 29, 1],
    [[], 1, 1],
  ])("finds %j at %i:%i", (path, line, column) => {
    expect(locate(path)).toEqual({ line, column });
  });

  test("turns a runtime's problems into the same kind of error, in the file's order and each once", () => {
    const late = { path: ["agent", 2, "channels", 0], message: "late" };
    const early = { path: ["agent", 0, "memory", "max_history"], message: "early" };
    expect(problemsToError({ fleet: { ...fleet, file: "f.toml" }, locate }, [late, early, late]).message).toBe(
      "f.toml:16:1: early\nf.toml:85:13: late",
    );
  });
});

describe("files that cannot be read", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "fleet-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const load = (file: string) => messageOf(() => loadFleet(file, { runtimes })).replaceAll(folder, "");
  const content = (bytes: string | Buffer) => {
    const file = join(folder, "f.toml");
    writeFileSync(file, bytes);
    return load(file);
  };

  test("missing, a directory, a device, a loop, and a name that no file can have", () => {
    expect(load(join(folder, "none.toml"))).toBe("/none.toml:1:1: there is no such file; see fleets/ for examples");
    expect(load(join(full, "none.toml"))).toMatch(/:1:1: there is no such file; see fleets\/ for examples$/);
    expect(load(folder)).toBe(":1:1: this is a directory; name a fleet file in it");
    expect(load("/dev/zero")).toBe("/dev/zero:1:1: this is not a regular file");
    symlinkSync("loop.toml", join(folder, "loop.toml"));
    expect(load(join(folder, "loop.toml"))).toBe("/loop.toml:1:1: the file cannot be read: ELOOP");
    expect(load("a\0b")).toBe("a\0b:1:1: the file cannot be read: ERR_INVALID_ARG_VALUE");
  });

  test("too large, not UTF-8, not text, or with a byte order mark", () => {
    expect(content(`#${"x".repeat(1024 * 1024)}`)).toBe("/f.toml:1:1: the file is larger than 1 MiB, which no fleet file is");
    expect(content(Buffer.from('[[agent]]\nname = "é"', "latin1"))).toBe("/f.toml:2:9: the file is not valid UTF-8 here; save it as UTF-8");
    expect(content(Buffer.from([0x23, 0xe2, 0x82]))).toMatch(/^\/f\.toml:1:\d: the file is not valid UTF-8 here/);
    expect(content("# a\n# b\0")).toBe("/f.toml:2:4: the file holds a NUL byte, so it is not text; save it as UTF-8");
    expect(content("\ufeff[[agent]]")).toBe("/f.toml:1:1: the file starts with a byte order mark; save it as UTF-8 without one");
    expect(content(Buffer.from("\ufeff[[agent]]", "utf16le"))).toMatch(/NUL byte/);
  });

  test("a replacement character that really is in the file is text like any other", () => {
    expect(content('# \ufffd\n[[agent]]\nname = "a"\nruntime = "openclaw"\n')).toBe("no error");
  });
});

describe("hostile files end in one error each, soon", () => {
  const big = 100_000;
  test.each([
    ["nested lists", `x = ${"[".repeat(big)}${"]".repeat(big)}`],
    ["nested tables", `x = ${"{a=".repeat(big / 2)}`],
    ["a long dotted key", `[[agent]]\nname = "a"\nruntime = "openclaw"\nextras.${"a.".repeat(big)}b = 1\n`],
    ["a long dotted header", `[agent.${"a.".repeat(big)}b]\n`],
    ["a long text", `x = "${"a".repeat(9 * big)}"`],
    ["many beginnings of keys", `x = "${"sk-".repeat(big / 2)}"`],
    ["many unknown keys", `[[agent]]\n${Array.from({ length: 10_000 }, (_, i) => `k${i} = 1`).join("\n")}`],
    ["many claws", "[[agent]]\n".repeat(20_000)],
    ["many claws of one name", '[[agent]]\nname = "a"\nport = 3000\n'.repeat(2000)],
    [
      "many extras",
      `[[agent]]\nname = "a"\nruntime = "openclaw"\n[agent.extras]\n${Array.from({ length: 10_000 }, (_, i) => `k${i} = 1`).join("\n")}`,
    ],
  ])("%s", (_name, text) => {
    const start = performance.now();
    const message = check(text);
    expect(message).toMatch(/^f\.toml:\d+:\d+: /);
    expect(message.split("\n").length).toBeLessThanOrEqual(201);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

test("names that mean something to JavaScript are names like any other, or errors", () => {
  const loaded = parseFleet('[[agent]]\nname = "constructor"\nruntime = "openclaw"\n', "f.toml", { runtimes });
  expect(loaded.fleet.claws[0]?.name).toBe("constructor");
  expect(check('__proto__ = { polluted = 1 }\n[[agent]]\nname = "a"\nruntime = "__proto__"\n')).toContain('no runtime "__proto__"');
  expect(check('[[agent]]\nname = "a"\nruntime = "openclaw"\n[agent.security]\n__proto__ = 1\n')).toContain('unknown key "__proto__"');
  expect(check('[[agent]]\nname = "a"\nruntime = "openclaw"\n[agent.__proto__]\npolluted = 1\n')).toContain('unknown key "__proto__"');
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
});

test("a disabled channel may keep the token that another claw uses", () => {
  const agent = (name: string, enabled: boolean) =>
    `[[agent]]\nname = "${name}"\nruntime = "openclaw"\nchannels = [{ channel = "telegram", enabled = ${enabled}, token_ref = "bot" }]\n`;
  expect(check(agent("a", false) + agent("b", true))).toBe("no error");
  expect(check(agent("a", true) + agent("b", true))).toContain("one token serves one claw");
});
