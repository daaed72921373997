import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseFleet } from "../../fleet/load.ts";
import { FleetError } from "../../fleet/problems.ts";

const folder = new URL("bad/", import.meta.url);
const runtimes = ["openclaw", "picoclaw", "zeroclaw"];

/** What stands for `<NAME>` in the files: put together here, so that no scanner takes the files themselves for leaks. */
const keys: { readonly [name: string]: string } = {
  TELEGRAM: ["1234567890", "AAExampleExampleExampleExample12345"].join(":"),
  OPENAI: ["sk", "proj", "Example0Example1Example2"].join("-"),
  GITHUB: ["ghp", "Example0Example1Example2Example3abcd"].join("_"),
  SLACK: ["xoxb", "123456789012", "ExampleExample"].join("-"),
  AWS: ["KIA", "EXAMPLE0EXAMPLE1"].join(""),
  RANDOM: ["q7Xz2", "mP9vL4", "tR8kW1", "nB6yC3", "jH5sD0"].join(""),
  PEM: ["-----BEGIN", "PRIVATE", "KEY-----"].join(" "),
};

const read = (name: string) => readFileSync(new URL(name, folder), "utf8");
const files = readdirSync(folder).filter((name) => name.endsWith(".toml"));

function errorOf(name: string): string {
  const text = read(name).replace(/<([A-Z]+)>/g, (whole, key) => keys[key] ?? whole);
  try {
    parseFleet(text, name, { runtimes });
  } catch (error) {
    if (error instanceof FleetError) return error.message;
    throw error;
  }
  return "";
}

describe("hand-written bad fleet files", () => {
  test("there are at least 50, each with its exact error beside it", () => {
    expect(files.length).toBeGreaterThanOrEqual(50);
    expect(files.filter((name) => !existsSync(new URL(name.replace(/toml$/, "txt"), folder)))).toEqual([]);
  });

  test.each(files)("%s", (name) => {
    const error = errorOf(name);
    expect(`${error}\n`).toBe(read(name.replace(/toml$/, "txt")));
    for (const secret of [...Object.values(keys), "hunter2"]) expect(error).not.toContain(secret);
  });
});
