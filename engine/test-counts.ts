/**
 * Prints "<passed> <failed>" of a test run, from the JSON that the runner wrote.
 * `node engine/test-counts.ts go|vitest FILE`; go: what `go test -json` prints, vitest: its json reporter's file.
 * Failed output of Go tests goes to stderr, as `go test` without -json would show it.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

const goEvent = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  Test: z.string().optional(),
  Output: z.string().optional(),
});

/** Counts tests and subtests; a package that fails without a failed test (it does not build, or panics) is one failure. */
export function goCounts(text: string, show: (output: string) => void = () => {}): Counts {
  let passed = 0;
  const failedTests = new Set<string>();
  const failedPackages = new Set<string>();
  const output = new Map<string, string>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    if (!line.startsWith("{")) {
      show(`${line}\n`);
      continue;
    }
    const event = goEvent.parse(JSON.parse(line));
    const id = `${event.Package ?? ""} ${event.Test ?? ""}`;
    if (event.Action === "output" || event.Action === "build-output") output.set(id, (output.get(id) ?? "") + (event.Output ?? ""));
    if (event.Action === "pass" && event.Test !== undefined) passed += 1;
    if (event.Action !== "fail") continue;
    show(output.get(id) ?? "");
    if (event.Test !== undefined) failedTests.add(id);
    else failedPackages.add(event.Package ?? "");
  }
  const unexplained = [...failedPackages].filter((name) => ![...failedTests].some((test) => test.startsWith(`${name} `)));
  return { passed, failed: failedTests.size + unexplained.length };
}

const vitestResult = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  success: z.boolean(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
});

/** A file that fails before its first test is one failure; so is a run that vitest calls a failure for another reason (an unhandled error). */
export function vitestCounts(text: string): Counts {
  const { numPassedTests, numFailedTests, success, testResults } = vitestResult.parse(JSON.parse(text));
  const files = testResults.filter(({ status, assertionResults }) => status === "failed" && assertionResults.length === 0).length;
  const failed = numFailedTests + files;
  return { passed: numPassedTests, failed: failed === 0 && !success ? 1 : failed };
}

if (process.argv[1] === import.meta.filename) {
  const [kind, file = ""] = process.argv.slice(2);
  const text = readFileSync(file, "utf8");
  const { passed, failed } = kind === "go" ? goCounts(text, (output) => process.stderr.write(output)) : vitestCounts(text);
  process.stdout.write(`${passed} ${failed}\n`);
}
