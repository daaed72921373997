import { isProps, type Props, same, type Value } from "../plugin/value.ts";
import { touches } from "./force-new.ts";
import { isUnknown } from "./secrets.ts";

export type Kind = "ADD" | "DELETE" | "UPDATE";

export interface Change {
  /** Property path, e.g. `spec.template.spec.containers[0].image`, `metadata.annotations["pulumi.com/skipAwait"]`. */
  readonly path: string;
  readonly kind: Kind;
  readonly replace: boolean;
  /** The inputs differ, not only the object. */
  readonly inputDiff: boolean;
}

/** What a value is where it is not there: not the same as null. */
const MISSING = Symbol("missing");
type Maybe = Value | typeof MISSING;
type Path = readonly (string | number)[];

/** What an unknown value looks like in a patch; its own key stands in no input, so that only what it takes away shows. */
const UNKNOWN_PATCH: Props = { Element: { V: "" } };

const opaque = (value: Value): Value => {
  if (isUnknown(value)) return UNKNOWN_PATCH;
  if (Array.isArray(value)) return value.map(opaque);
  return isProps(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, opaque(item)])) : value;
};

/** The JSON merge patch (RFC 7386) that makes `now` of `old`; undefined = the same. */
export function mergePatch(old: Props, now: Props): Props | undefined {
  const patch: Props = {};
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const before = old[key];
    const after = now[key];
    if (after === undefined) patch[key] = null;
    else if (isProps(before) && isProps(after)) {
      const inner = mergePatch(before, after);
      if (inner) patch[key] = inner;
    } else if (before === undefined || !same(before, after)) patch[key] = after;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

const get = (it: Maybe, key: string): Maybe => (it !== MISSING && isProps(it) && Object.hasOwn(it, key) ? (it[key] ?? null) : MISSING);
const item = (it: Maybe, i: number): Maybe => (Array.isArray(it) && i < it.length ? (it[i] ?? null) : null);

function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/[."[\]]/.test(step)) text += `["${step.replaceAll('"', '\\"')}"]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

class Converter {
  readonly changes: Change[] = [];
  readonly #forceNew: readonly (readonly string[])[];

  constructor(forceNew: readonly (readonly string[])[]) {
    this.#forceNew = forceNew;
  }

  value(path: Path, patch: Value, old: Maybe, now: Maybe, was: Maybe, inList: boolean): void {
    // Not in the new inputs: it can only have been taken away, and only if it was one of the old inputs.
    if (now === MISSING && (patch !== null || was === MISSING)) return;
    if (patch === null) {
      this.add(path, "DELETE", patch, true);
    } else if (old === MISSING) {
      this.add(path, "ADD", patch);
    } else if (isProps(patch) && isProps(old)) {
      this.map(path, patch, old, now, was, inList);
    } else if (Array.isArray(patch) && Array.isArray(old)) {
      this.list(path, patch, old, now, was);
    } else if (isProps(patch) || Array.isArray(patch) || patch !== old) {
      this.add(path, "UPDATE", patch);
    }
  }

  map(path: Path, patch: Props, old: Props, now: Maybe, was: Maybe, inList: boolean): void {
    for (const [key, value] of Object.entries(patch)) {
      this.value([...path, key], value, get(old, key), get(now, key), get(was, key), inList);
    }
    // A merge patch replaces a list as a whole: what it lacks of an element of the old one has been taken away.
    if (!inList) return;
    for (const [key, value] of Object.entries(old)) {
      if (!Object.hasOwn(patch, key)) this.value([...path, key], null, value, get(now, key), get(was, key), inList);
    }
  }

  list(path: Path, patch: readonly Value[], old: readonly Value[], now: Maybe, was: Maybe): void {
    for (let i = 0; i < Math.max(patch.length, old.length); i++) {
      const before = i < old.length ? (old[i] ?? null) : MISSING;
      this.value([...path, i], i < patch.length ? (patch[i] ?? null) : null, before, item(now, i), item(was, i), true);
    }
  }

  add(path: Path, kind: Kind, value: Value, inputDiff = false): void {
    this.changes.push({ path: pathText(path), kind, replace: touches(this.#forceNew, path, value), inputDiff });
  }
}

/** What differs between the live object, cut down to the shape of the old inputs, and the new inputs; `forceNew` are paths that replace. */
export function difference(live: Props, news: Props, forceNew: readonly (readonly string[])[]): Change[] {
  const patch = mergePatch(live, Object.fromEntries(Object.entries(news).map(([key, value]) => [key, opaque(value)])));
  if (!patch) return [];
  const converter = new Converter(forceNew);
  converter.map([], patch, live, news, live, false);
  return converter.changes;
}

/** The steps of a property path as `ignoreChanges` writes it: `spec.ports[0]`, `metadata.annotations["a.b/c"]`. */
export function parsePath(path: string): (string | number)[] {
  const steps: (string | number)[] = [];
  for (const match of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)) {
    const [, quoted, index, plain] = match;
    if (quoted !== undefined) steps.push(quoted.replaceAll('\\"', '"'));
    else if (index !== undefined) steps.push(index === "*" ? "*" : Number(index));
    else if (plain !== undefined) steps.push(plain);
  }
  return steps;
}

/** Whether `path` is `within` or something in it. */
export function contains(within: string, path: string): boolean {
  const steps = parsePath(path);
  return parsePath(within).every((step, i) => (step === "*" ? i < steps.length : step === steps[i]));
}
