import { expect, test } from "vitest";
import { nearest } from "../../fleet/problems.ts";
import { cronProblem, parseDuration, parseSize } from "../../fleet/units.ts";

test("sizes are MiB", () => {
  expect(["512m", "1g", "16g"].map(parseSize)).toEqual([512, 1024, 16_384]);
  for (const bad of ["", "512", "1G", "1gb", "0m", "-1g", "1.5g", " 1g", "1g\n", "01m", "99999999m"])
    expect(parseSize(bad)).toBeUndefined();
});

test("durations are minutes", () => {
  expect(["1m", "30m", "2h", "7d"].map(parseDuration)).toEqual([1, 30, 120, 10_080]);
  for (const bad of ["", "30", "30s", "0m", "1H", "1h30m", "1 h", "999999m"]) expect(parseDuration(bad)).toBeUndefined();
});

test.each(["* * * * *", "0 9 * * 1-5", "*/15 0-23/2 1,15 12 0", "59 23 31 12 6"])("%s is a cron expression", (cron) => {
  expect(cronProblem(cron)).toBeUndefined();
});

test.each([
  ["", "five fields"],
  ["0 9 * *", "five fields"],
  ["0 9 * * * *", "five fields"],
  ["0  9 * * *", "five fields"],
  ["60 * * * *", "bad minute"],
  ["* 24 * * *", "bad hour"],
  ["* * 0 * *", "bad day of month"],
  ["* * * 13 *", "bad month"],
  ["* * * * 7", "bad day of week"],
  ["* * * * MON", "bad day of week"],
  ["5-1 * * * *", "bad minute"],
  ["*/0 * * * *", "bad minute"],
  ["5/2 * * * *", "bad minute"],
  ["1,,2 * * * *", "bad minute"],
  [", * * * *", "bad minute"],
])("%s is not: %s", (cron, problem) => {
  expect(cronProblem(cron)).toContain(problem);
});

test("the nearest name is a likely one or none", () => {
  const keys = ["name", "port", "runtime", "api_key_ref", "allowlist"];
  expect(
    ["nmae", "prot", "runtme", "RUNTIME", "api_key", "allow_list", "emacs", "x", "", "y".repeat(1000)].map((w) => nearest(w, keys)),
  ).toEqual(["name", "port", "runtime", "runtime", "api_key_ref", "allowlist", undefined, undefined, undefined, undefined]);
  expect(nearest("ab", ["abcdef"])).toBeUndefined();
  expect(nearest("zeroclw", ["openclaw", "zeroclaw"])).toBe("zeroclaw");
});
