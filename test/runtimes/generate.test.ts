import { basename, dirname } from "node:path";
import { expect, test } from "vitest";
import { generate, stale } from "../../runtimes/generate.ts";

test("generated files are up to date (else: node runtimes/generate.ts)", async () => {
  expect((await stale()).map(({ file }) => file)).toEqual([]);
});

test("every schema refuses unknown top-level keys, so that a misspelt setting is never taken", async () => {
  const schemas = (await generate()).filter(({ file }) => basename(file) === "schema.json");
  expect(schemas.length).toBeGreaterThan(0);
  for (const { file, content } of schemas) {
    expect(JSON.parse(content), basename(dirname(file))).toMatchObject({ type: "object", additionalProperties: false });
  }
});
