import { afterEach, expect, test } from "vitest";
import { withoutTraces } from "../../components/quick.ts";

const before = Error.stackTraceLimit;
afterEach(() => {
  Error.stackTraceLimit = before;
});

test("there are no stack traces inside, and as many as before afterwards, also after an error", () => {
  Error.stackTraceLimit = 7;
  expect(withoutTraces(() => Error.stackTraceLimit)).toBe(0);
  expect(Error.stackTraceLimit).toBe(7);
  expect(() =>
    withoutTraces(() => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(Error.stackTraceLimit).toBe(7);
});
