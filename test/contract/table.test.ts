/** The table of what was seen to work, in docs/runtimes.md: each of its cells names a test that is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { CLAIMS, shownBy } from "../../runtimes/shown.ts";

const folder = join(import.meta.dirname, "..");

/** The titles of the tests in a file, with those of the parts that it shares with others and calls. */
function titlesIn(file: string): string[] {
  if (!existsSync(file)) return [];
  const titles: string[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isCallExpression(node)) {
      const { name, off } = called(node.expression);
      const [title] = node.arguments;
      if (name === "describeLifecycle") titles.push(...titlesIn(join(folder, "contract/lifecycle.ts")));
      else if ((name === "test" || name === "it") && !off && title !== undefined && ts.isStringLiteralLike(title)) titles.push(title.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest));
  return titles;
}

/** What is called: `test` for `test.each(...)(...)` too, and whether it is a test that is never run. */
function called(expression: ts.Expression): { readonly name: string; readonly off: boolean } {
  if (ts.isIdentifier(expression)) return { name: expression.text, off: false };
  if (ts.isCallExpression(expression)) return called(expression.expression);
  if (!ts.isPropertyAccessExpression(expression)) return { name: "", off: false };
  const { name, off } = called(expression.expression);
  return { name, off: off || ["skip", "todo"].includes(expression.name.text) };
}

test("titles are found: plain ones, those of tables, those with options before them, and shared ones", () => {
  const found = titlesIn(join(folder, "contract/zeroclaw.test.ts"));
  expect(found).toContain("is unprivileged");
  expect(found).toContain("ZeroClaw says %s is %s");
  expect(found).toContain("ZeroClaw finds nothing wrong in a claw with %s");
  expect(found).toContain("SIGTERM stops it cleanly within its grace period");
  expect(titlesIn(join(folder, "contract/none.test.ts"))).toEqual([]);
});

const runtimes = await loadRuntimes(runtimeNames());

test.each([...runtimes.keys()])("%s: each claim names a test that is there", (name) => {
  const shown = shownBy(name);
  const missing = CLAIMS.map((claim) => shown[claim]).filter((cell) => {
    const [file = "", title = ""] = cell.split(" > ");
    return !titlesIn(join(folder, `${file}.test.ts`)).includes(title);
  });
  expect(missing).toEqual([]);
});

test("every runtime has its row in docs/runtimes.md", () => {
  const document = readFileSync(join(folder, "../docs/runtimes.md"), "utf8");
  for (const [name, { descriptor }] of runtimes)
    expect(document).toMatch(new RegExp(`^\\| ${descriptor.title} \\| .*contract/${name} `, "m"));
});
