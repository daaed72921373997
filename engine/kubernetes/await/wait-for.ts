import { parsePath } from "../diff.ts";
import type { WatchEvent } from "../informers.ts";
import type { Resource } from "../kinds.ts";
import { at, generationOf, type KubeObject, list, nameOf, number, text } from "../object.ts";
import type { Awaiter, Wait } from "./loop.ts";

type Test = (object: KubeObject) => { readonly good: boolean; readonly line: string };

/** `condition=Type` or `condition=Type=Status`. */
function conditionTest(expression: string): Test {
  const [type = "", wanted = "True"] = expression.split("=");
  const equal = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  return (object) => {
    const found = list(object, "status", "conditions").find((entry) => equal(text(entry, "type"), type));
    if (!found) return { good: false, line: "Has no .status.conditions" };
    const seen = typeof found.observedGeneration === "number" ? found.observedGeneration : at(object, "status", "observedGeneration");
    if (typeof seen === "number" && seen < generationOf(object)) {
      return { good: false, line: `Generation ${seen} is less than expected ${generationOf(object)}` };
    }
    const status = text(found, "status");
    return { good: equal(status, wanted), line: `Resource has condition ${type}=${status} (want ${wanted})` };
  };
}

/** `jsonpath={.a.b[0]["c.d"]}` or `jsonpath={.a.b}=value`; no filters, wildcards, slices or recursion. */
function pathTest(expression: string): Test {
  const match = /^\{\s*\$?(.*?)\s*\}(?:=(.+))?$/.exec(expression);
  if (!match) throw new Error(`jsonpath: format should be {.path}=value or {.path}, got "${expression}"`);
  const [, path = "", value] = match;
  if (!/^(\.[\w-]+|\[\d+\]|\["[^"]*"\]|\['[^']*'\])+$/.test(path)) {
    throw new Error(
      `jsonpath "{${path}}" is not implemented by this stand-in for the kubernetes plugin: it has .name, [0] and ["name"] only. Install the official plugin for others`,
    );
  }
  const steps = parsePath(path.replaceAll("'", '"'));
  const shown = `{${path}}${value === undefined ? "" : `=${value}`}`;
  return (object) => {
    const seen = at(object, "status", "observedGeneration");
    if (typeof seen === "number" && seen < generationOf(object)) return { good: false, line: `Waiting for ${shown}` };
    const found = at(object, ...steps);
    if (found === undefined) return { good: false, line: `{${path}} selected nothing` };
    if (value === undefined) return { good: true, line: `Found ${shown}` };
    if (typeof found === "object" && found !== null) throw new Error(`"{${path}}" has a non-primitive value`);
    return String(found) === value
      ? { good: true, line: `Found ${shown}` }
      : { good: false, line: `Waiting for ${shown} (found "${String(found)}")` };
  };
}

/** The tests of an annotation `pulumi.com/waitFor`: one expression, or a JSON list of them. */
export function parseWaitFor(annotation: string): readonly Test[] {
  let expressions: readonly string[] = [annotation];
  if (annotation.trimStart().startsWith("[")) {
    const parsed: unknown = JSON.parse(annotation);
    if (Array.isArray(parsed)) expressions = parsed.map(String);
  }
  if (expressions.length === 0) throw new Error("at least one condition must be specified");
  return expressions.map((expression) => {
    if (expression.startsWith("jsonpath=")) return pathTest(expression.slice("jsonpath=".length));
    if (expression.startsWith("condition=")) return conditionTest(expression.slice("condition=".length));
    throw new Error(`expected a "jsonpath=" or "condition=" prefix, got "${expression}"`);
  });
}

/** Waits for what the user's annotation asks for. */
export class WaitForAwaiter implements Awaiter {
  object: KubeObject;
  readonly watches: Awaiter["watches"];
  readonly #wait: Wait;
  readonly #tests: readonly Test[];

  constructor(wait: Wait, resource: Resource, tests: readonly Test[]) {
    this.#wait = wait;
    this.#tests = tests;
    this.object = wait.outputs;
    this.watches = [{ resource, event: (event) => this.#observe(event) }];
  }

  #observe({ object }: WatchEvent): void {
    if (nameOf(object) === nameOf(this.#wait.outputs) && number(object, "metadata", "generation") >= generationOf(this.object))
      this.object = object;
  }

  done(): boolean {
    return this.#tests.every((test) => {
      const { good, line } = test(this.object);
      this.#wait.log("status", line);
      return good;
    });
  }

  reasons(): readonly string[] {
    return this.#tests.map((test) => test(this.object)).flatMap(({ good, line }) => (good ? [] : [line]));
  }
}
