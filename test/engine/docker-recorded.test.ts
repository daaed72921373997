import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkInputs, difference, kindOf, previewCreate } from "../../engine/docker/operations.ts";
import { isProps, type Props, toValue, type Value } from "../../engine/plugin/value.ts";

/** Observed answers of the official plugin 5.1.0, one per line. */
const answers = readFileSync(new URL("fixtures/official-docker-5.1.0.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => props(toValue(JSON.parse(line))));

function props(value: Value | undefined): Props {
  return isProps(value) ? value : {};
}

const of = (method: string): [string, Props][] =>
  answers.filter((answer) => answer.method === method).map((answer) => [String(answer.name), answer]);

/** Properties that came with the SDK's 5.2.0: the recorded plugin did not have them. */
const NEW = new Set(["deviceCgroupRules", "owner", "group"]);

/** Lists whose order means nothing (`__defaults`, sets) in one order. */
function sorted(value: Value | undefined): Value {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (isProps(value))
    return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (NEW.has(key) ? [] : [[key, sorted(item)]])));
  return value ?? null;
}

describe("the official plugin's answers", () => {
  test.each(of("Check"))("Check: %s", (_name, answer) => {
    const seed = new Uint8Array([1, 2, 3]);
    const checked = checkInputs(kindOf(String(answer.type)), props(answer.news), props(answer.olds), {
      logical: String(answer.resource),
      seed,
    });
    const response = props(answer.response);
    const failures = Array.isArray(response.failures) ? response.failures.map((failure) => String(props(failure).reason)) : [];
    // The official plugin says each reason twice.
    expect(checked.failures.toSorted()).toEqual(failures.map((reason) => reason.replace(/^(.*?)\. \1\. /s, "$1. ")).toSorted());
    const expected = props(response.inputs);
    if (props(answer.news).name === undefined) {
      expect(checked.inputs.name).toMatch(new RegExp(`^${answer.resource}-[0-9a-f]{7}$`));
      expected.name = checked.inputs.name ?? null;
    }
    expect(sorted(checked.inputs)).toEqual(sorted(expected));
  });

  test.each(of("Diff"))("Diff: %s", (_name, answer) => {
    const kind = kindOf(String(answer.type));
    const found = difference(kind, props(answer.olds), props(answer.news), []);
    const response = props(answer.response);
    const detailed = Object.fromEntries(
      found.changes.map(({ path, kind: change, replace }) => [path, replace ? `${change}_REPLACE` : change]),
    );
    // A kind of zero (ADD) is left out on the wire.
    const expected = Object.fromEntries(
      Object.entries(props(response.detailedDiff)).map(([path, entry]) => [path, props(entry).kind ?? "ADD"]),
    );
    expect(detailed).toEqual(expected);
    expect(found.names).toEqual(response.diffs ?? []);
    expect(found.replaces).toEqual(response.replaces ?? []);
    expect(kind.deleteBeforeReplace && found.replaces.length > 0).toBe(response.deleteBeforeReplace ?? false);
  });

  test.each(of("Create"))("Create in a preview: %s", (_name, answer) => {
    const preview = previewCreate(kindOf(String(answer.type)), props(answer.properties));
    expect(sorted(preview)).toEqual(sorted(props(answer.response).properties));
  });
});
