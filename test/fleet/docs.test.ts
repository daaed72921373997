import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { loadFleet, parseFleet } from "../../fleet/load.ts";
import { fileSchema } from "../../fleet/schema.ts";
import { fleetJsonSchema, schemaFile, withSettings } from "../../fleet/schema-json.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { launches } from "../../runtimes/launch.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const runtimes = runtimeNames();
const reference = read("docs/fleet-file.md");

describe("what is made from the schema is as `node fleet/generate.ts` writes it", () => {
  test("fleet/fleet.schema.json", () => {
    expect(read("fleet/fleet.schema.json")).toBe(schemaFile(runtimeNames()));
  });
  test("the table in docs/fleet-file.md", () => {
    expect(reference).toBe(withSettings(reference));
  });
});

test("the JSON Schema describes every setting, allows no unknown ones, and leaves extras open", () => {
  const closed: string[] = [];
  const walk = (schema: z.core.JSONSchema._JSONSchema | undefined, path: string) => {
    if (typeof schema !== "object") return;
    if (path !== "" && !path.endsWith("[]")) expect(schema.description, path).toBeTruthy();
    if (schema.properties && schema.additionalProperties === false) closed.push(path);
    for (const [key, part] of Object.entries(schema.properties ?? {})) walk(part, path === "" ? key : `${path}.${key}`);
    const items = schema.items;
    if (!Array.isArray(items) && typeof items === "object" && items.type === "object") walk(items, `${path}[]`);
  };
  walk(fleetJsonSchema(runtimes), "");
  const tables = (at: string) =>
    ["", ".model", ".tools[]", ".channels[]", ".memory", ".security", ".docker", ".network", ".schedule", ".schedule.cron[]"].map(
      (table) => `${at}${table}`,
    );
  expect(closed.sort()).toEqual(["", ...tables("defaults"), ...tables("agent[]")].sort());
});

test("its patterns are ones that editors' engines read too (Taplo's has no \\0, no look-around)", () => {
  const patterns = [...read("fleet/fleet.schema.json").matchAll(/"pattern": (".*?")/g)].map((match) =>
    String(JSON.parse(match[1] ?? '""')),
  );
  expect(patterns.length).toBeGreaterThan(10);
  expect(patterns.filter((pattern) => /\\[0-9kux]|\(\?[=!<]/.test(pattern))).toEqual([]);
});

describe("examples", () => {
  const blocks = [...reference.matchAll(/```toml\n(.*?)```/gs)].map((match) => match[1] ?? "");

  test("there are some in the reference", () => expect(blocks.length).toBeGreaterThan(3));

  test("the README's loads", () => {
    const [text = ""] = /(?<=```toml\n).*?(?=```)/s.exec(read("README.md")) ?? [];
    expect(parseFleet(text, "README.md", { runtimes }).fleet.claws.map((claw) => claw.name)).toEqual(["ada"]);
  });

  test.each(blocks)("%#: one of the reference loads, and its runtimes take it", async (text) => {
    const loaded = parseFleet(text, "example.toml", { runtimes });
    expect(loaded.fleet.claws.length).toBeGreaterThan(0);
    const known = await loadRuntimes(loaded.fleet.claws.map((claw) => claw.runtime));
    expect(launches(loaded, known)).toHaveLength(loaded.fleet.claws.length);
  });

  test("the reference's merging of defaults is what happens", () => {
    const { claws } = parseFleet(blocks[1] ?? "", "example.toml", { runtimes }).fleet;
    expect(claws.map((claw) => [claw.name, claw.runtime, claw.security.memoryMiB, claw.security.allowlist])).toEqual([
      ["writer", "picoclaw", 512, ["123456789"]],
      ["coder", "openclaw", 2048, ["123456789"]],
      ["local", "picoclaw", 512, ["123456789"]],
    ]);
    expect(claws[2]?.model).toEqual({ provider: "ollama", name: "llama3.2", baseUrl: "http://192.168.1.10:11434/v1" });
  });

  test("the reference's error is the one that is given", () => {
    const text = '#:schema x\n[[agent]]\nname = "ada"\nruntime = "open-claw"\n';
    // A runtime of one's own need not be in it.
    const named = runtimes.filter((name) => /\(known: (.*)\)/.exec(reference)?.[1]?.split(", ").includes(name));
    expect(named.length).toBeGreaterThan(5);
    expect(() => parseFleet(text, "fleets/mine.toml", { runtimes: named })).toThrow(
      reference
        .split("\n")
        .find((line) => line.includes("fleets/mine.toml:"))
        ?.trim(),
    );
  });

  test.each(readdirSync(new URL("fleets/", root)).filter((name) => name.endsWith(".toml")))(
    "fleets/%s loads and names its schema",
    (name) => {
      const file = new URL(`fleets/${name}`, root);
      expect(readFileSync(file, "utf8").split("\n")[0]).toBe("#:schema ../fleet/fleet.schema.json");
      expect(loadFleet(file.pathname, { runtimes }).fleet.claws.length).toBeGreaterThan(1);
    },
  );
});

test("starter and trio are the runtimes on their ports", () => {
  const claws = (name: string) =>
    loadFleet(new URL(`fleets/${name}`, root).pathname, { runtimes }).fleet.claws.map(({ runtime, port }) => [runtime, port]);
  expect(claws("starter.toml")).toEqual([
    ["openclaw", 3000],
    ["picoclaw", 8080],
  ]);
  expect(claws("trio.toml")).toEqual([
    ["openclaw", 3000],
    ["picoclaw", 8080],
    ["zeroclaw", 42_617],
  ]);
});

describe("the JSON Schema", () => {
  // Read back with zod, since no JSON Schema validator is in the tree: this checks the written file, not the schema it was made from.
  const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(fleetJsonSchema(runtimes))));
  const agent = { name: "ada", runtime: "openclaw" };

  test.each([
    { agent: [agent] },
    { agent: [{ name: "ada" }], defaults: { runtime: "openclaw", model: { provider: "openai" } } },
    { agent: [{ ...agent, extras: { anything: { goes: [1] } } }] },
    {
      agent: [
        { ...agent, security: { seccomp_enabled: true, memory_limit: "1g" }, schedule: { cron: [{ cron: "0 9 * * *", message: "hi" }] } },
      ],
    },
  ])("accepts %j", (file) => {
    expect(schema.safeParse(file).error).toBeUndefined();
    expect(fileSchema(runtimes).safeParse(file).error).toBeUndefined();
  });

  test.each([
    {},
    { agent: [] },
    { agent: {} },
    { agent: [agent], version: 1 },
    { agent: [{ runtime: "openclaw" }] },
    { agent: [{ ...agent, runtime: "emacs" }] },
    { agent: [{ ...agent, name: "Ada" }] },
    { agent: [{ ...agent, port: 80 }] },
    { agent: [{ ...agent, model: { api_key: "x" } }] },
    { agent: [{ ...agent, channels: [{ channel: "telegram" }] }] },
    { agent: [{ ...agent, security: { seccomp_enabled: false } }] },
    { agent: [{ ...agent, security: { memory_limit: "1GB" } }] },
    { agent: [agent], defaults: { name: "ada" } },
  ])("refuses %j", (file) => {
    expect(schema.safeParse(file).success).toBe(false);
    expect(fileSchema(runtimes).safeParse(file).success).toBe(false);
  });
});
