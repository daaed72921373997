import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runtimeJson } from "../../runtimes/generate.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";

const runtimes = [...(await loadRuntimes(runtimeNames())).values()];
const root = join(import.meta.dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "clawfleet-env-"));
const entrypoint = join(scratch, "entrypoint");

beforeAll(() => {
  execFileSync("go", ["-C", join(root, "runtimes/entrypoint"), "build", "-o", entrypoint, "."]);
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const textOf = (name: string, file: string) => readFileSync(join(root, "runtimes", name, file), "utf8");
const linesOf = (name: string) => textOf(name, ".env.example").split("\n");

interface Variable {
  readonly name: string;
  readonly value: string;
}

/** The variables of a file's lines, commented out or not. */
const variablesIn = (lines: readonly string[]): Variable[] =>
  lines.flatMap((line) => {
    const [, name, value] = /^#?([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [{ name, value }];
  });

/** What the image's entrypoint says of these variables. */
function check(spec: string, variables: readonly Variable[]): Promise<{ code: number | string; stderr: string }> {
  const env = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  return new Promise((resolve) => {
    execFile(entrypoint, ["check", "--spec", spec], { env }, (error, _, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? 1), stderr }),
    );
  });
}

describe.each(runtimes.map(({ descriptor }) => ({ name: descriptor.name, descriptor })))("$name's .env.example", ({ name, descriptor }) => {
  const spec = join(scratch, `${name}.json`);
  const folder = join(root, "runtimes", name);
  const lines = linesOf(name);
  const isOverride = (each: Variable) => new RegExp(`^${descriptor.envPrefix}[a-z]`).test(each.name);
  const everyKey = lines.findIndex((line) => line.startsWith("# ---- Every key"));
  const curated = variablesIn(lines.slice(0, everyKey)).filter(isOverride);
  const all = variablesIn(lines.slice(everyKey)).filter(isOverride);

  beforeAll(() => {
    const inFolder = { default: join(folder, `config.${descriptor.config.format}`), schema: join(folder, "schema.json") };
    // Merging, the entrypoint holds every variable against the schema; where the runtime reads them itself that is left to it.
    const workspace = { from: join(folder, "workspace"), to: join(scratch, "workspace") };
    writeFileSync(
      spec,
      JSON.stringify({
        ...JSON.parse(runtimeJson(descriptor)),
        ...inFolder,
        workspace,
        command: ["/bin/true"],
        front: undefined,
        overrides: "merge",
      }),
    );
  });

  test("holds nothing but comments, empty lines and variables", () => {
    expect(linesOf(name).filter((line) => !/^($|# |#$|#?[A-Za-z_][A-Za-z0-9_.-]*=[^\0]*$)/.test(line))).toEqual([]);
  });

  test("leaves only what is required uncommented, as it comes", () => {
    const given = linesOf(name).filter((line) => /^[^#]/.test(line));
    expect(given).toEqual(descriptor.variables.filter((each) => each.required).map((each) => `${each.name}=${each.default ?? ""}`));
  });

  test("holds every top-level key of the configuration's schema, and what was written by hand", () => {
    const schema = z.object({ properties: z.record(z.string(), z.looseObject({})) }).parse(JSON.parse(textOf(name, "schema.json")));
    // One that can have a single value is nothing to set.
    const free = Object.entries(schema.properties).filter(([, at]) => !("const" in at || ("minimum" in at && at.minimum === at.maximum)));
    const fixed = Object.keys(descriptor.env);
    const listed = new Set(
      [...all.map((each) => each.name), ...fixed].map((each) => each.slice(descriptor.envPrefix.length).split("__")[0]),
    );
    expect(free.map(([key]) => key).filter((key) => !listed.has(key))).toEqual([]);
    const head = join(root, "runtimes", name, ".env.head");
    if (existsSync(head)) expect(textOf(name, ".env.example")).toContain(readFileSync(head, "utf8").trim());
  });

  test("is taken by the entrypoint with all its examples uncommented, and with every key of the configuration uncommented", async () => {
    expect(all.length).toBeGreaterThan(0);
    // A runtime that reads the variables itself may know more than its schema here has: see compose.test.ts.
    if (descriptor.config.overrides === "merge") expect(await check(spec, curated)).toEqual({ code: 0, stderr: "" });
    expect(await check(spec, all)).toEqual({ code: 0, stderr: "" });
    // It would say so.
    const misspelt = { name: `${descriptor.envPrefix}no_such_key`, value: "1" };
    expect(await check(spec, [...all, misspelt])).toMatchObject({ code: 2, stderr: expect.stringContaining("no_such_key") });
  });

  test("is taken by the entrypoint with any one part of the configuration uncommented", async () => {
    const top = (each: Variable) => each.name.slice(descriptor.envPrefix.length).split("__")[0] ?? "";
    for (const [part, variables] of Map.groupBy(all, top)) expect(await check(spec, variables), part).toEqual({ code: 0, stderr: "" });
  });
});
