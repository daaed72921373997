import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkInputs } from "../../engine/kubernetes/check.ts";
import { differenceOf } from "../../engine/kubernetes/diff-resource.ts";
import { knownResource, parseToken } from "../../engine/kubernetes/kinds.ts";
import { normalize, prune } from "../../engine/kubernetes/normalize.ts";
import { markSecrets, plainProps } from "../../engine/kubernetes/secrets.ts";
import { diffProvider } from "../../engine/kubernetes/settings.ts";
import { makeState, parseState } from "../../engine/kubernetes/state.ts";
import { isProps, type Props, toValue, type Value } from "../../engine/plugin/value.ts";

/** Observed answers of the official plugin 4.32.0 on Kubernetes 1.34, one per line, without managed fields. */
const answers = readFileSync(new URL("fixtures/official-kubernetes-4.32.0.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => props(toValue(JSON.parse(line))));

function props(value: Value | undefined): Props {
  return isProps(value) ? value : {};
}

const of = (...methods: string[]): [string, Props][] =>
  answers.filter((answer) => methods.includes(String(answer.method))).map((answer) => [String(answer.name), answer]);

const namespaced = (type: Value | undefined): boolean => {
  const { apiVersion, kind } = parseToken(String(type));
  return knownResource(apiVersion, kind)?.namespaced ?? false;
};

/** The same state made of its own object. */
function again(given: Props, inputs: Props, state: Props): Props {
  const { live, initialVersion, manager } = parseState(state);
  return makeState(inputs, live, given, initialVersion ?? "", manager ?? "");
}

describe("the official kubernetes plugin's answers", () => {
  test.each(of("Check"))("Check: %s", async (_name, answer) => {
    const autoname = { logical: String(answer.resource), seed: new Uint8Array([1, 2, 3]) };
    const isNamespaced = async () => namespaced(answer.type);
    const inputs = await checkInputs(
      String(answer.type),
      props(answer.news),
      props(answer.olds),
      autoname,
      isNamespaced,
      async () => "default",
    );
    const expected = props(answer.inputs);
    const fresh = props(props(answer.news).metadata).name === undefined && Object.keys(props(answer.olds)).length === 0;
    if (fresh) {
      expect(props(inputs.metadata).name).toMatch(new RegExp(`^${answer.resource}-[0-9a-f]{8}$`));
      props(expected.metadata).name = props(inputs.metadata).name ?? null;
    }
    expect(inputs).toEqual(expected);
  });

  test.each(of("Diff"))("Diff: %s", (_name, answer) => {
    const mutable = { secrets: false, configMaps: false };
    const found = differenceOf(String(answer.type), props(answer.olds), props(answer.news), [], namespaced(answer.type), mutable);
    const changes = found.changes.map(({ path, kind, replace, inputDiff }) => [
      path,
      `${kind}${replace ? "_REPLACE" : ""}${inputDiff ? " input" : ""}`,
    ]);
    expect(Object.fromEntries(changes)).toEqual(answer.changes);
    expect(found.replaces).toEqual(answer.replaces);
    expect(found.deleteBeforeReplace).toBe(answer.deleteBeforeReplace);
  });

  test.each(of("Create", "Update"))("state: %s", (_name, answer) => {
    const given = props(answer.given);
    const inputs = answer.method === "Create" ? plainProps(given) : normalize(plainProps(given));
    expect(again(given, inputs, props(answer.state))).toEqual(answer.state);
  });

  test.each(of("Read"))("Read: %s", (_name, answer) => {
    const inputs = props(answer.inputs);
    const found = prune(parseState(props(answer.state)).live, normalize(plainProps(inputs)));
    expect(markSecrets(found, inputs)).toEqual(answer.found);
    expect(again(inputs, found, props(answer.state))).toEqual(answer.state);
  });

  test.each(of("DiffConfig"))("DiffConfig: %s", async (_name, answer) => {
    const olds = { ...props(answer.olds), kubeconfig: "{}" };
    const found = await diffProvider(olds, { ...props(answer.news), kubeconfig: "{}" });
    expect(found).toEqual({ changed: answer.diffs, replaces: answer.replaces });
  });
});
