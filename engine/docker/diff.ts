import { hasUnknown, isEmpty, isProps, type Props, type Value } from "../plugin/value.ts";
import type { Field, Fields } from "./schema.ts";

export type ChangeKind = "ADD" | "DELETE" | "UPDATE";

export interface Change {
  /** Property path, e.g. `ports[0].external`, `tmpfs["/run"]`. */
  readonly path: string;
  readonly kind: ChangeKind;
  readonly replace: boolean;
}

export interface Difference {
  readonly changes: readonly Change[];
  /** Top-level names of what changed, sorted. */
  readonly names: readonly string[];
  /** Those of them that replace the resource. */
  readonly replaces: readonly string[];
  /** Inputs that force a replacement and did not change. */
  readonly stables: readonly string[];
}

type Found = { path: string; kind: ChangeKind }[];

const member = (path: string, key: string): string => (/^[A-Za-z_][\w]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`);

function compareSet(of: Field, olds: Value[], news: Value[], path: string): Found {
  const left = new Set(olds.keys());
  const added: number[] = [];
  for (const [i, value] of news.entries()) {
    const match = [...left].find((j) => compare(of, olds[j], value, "").length === 0);
    if (match === undefined) added.push(i);
    else left.delete(match);
  }
  const [gone] = left;
  const [fresh] = added;
  if (gone === undefined && fresh === undefined) return [];
  // One element changed in its place: say which member, as the official plugin does; otherwise the whole set.
  if (left.size === 1 && added.length === 1 && gone !== undefined && gone === fresh) {
    const inner = compare(of, olds[gone], news[gone], `${path}[${gone}]`);
    if (inner.length === 1) return inner;
  }
  return [{ path, kind: "UPDATE" }];
}

function compareList(of: Field, olds: Value[], news: Value[], path: string): Found {
  const found: Found = [];
  for (let i = 0; i < Math.max(olds.length, news.length); i++) {
    if (i >= olds.length) found.push({ path: `${path}[${i}]`, kind: "ADD" });
    else if (i >= news.length) found.push({ path: `${path}[${i}]`, kind: "DELETE" });
    else found.push(...compare(of, olds[i], news[i], `${path}[${i}]`));
  }
  return found;
}

function compareKeys(olds: Props, news: Props, path: string, each: (key: string) => Found): Found {
  const keys = new Set([...Object.keys(olds), ...Object.keys(news)].filter((key) => !key.startsWith("__")));
  return path === "" && keys.size === 0 ? [] : [...keys].sort().flatMap(each);
}

/** Differences between a state's value and an input's value at one field, deepest paths that make sense. */
export function compare(field: Field, old: Value | undefined, now: Value | undefined, path: string): Found {
  if (now === undefined || now === null) return field.computed || field.output || isEmpty(old) ? [] : [{ path, kind: "DELETE" }];
  const absent = old === undefined || old === null || ((Array.isArray(old) || isProps(old)) && isEmpty(old));
  if (hasUnknown(now) && field.type !== "object") return [{ path, kind: old === undefined || old === null ? "ADD" : "UPDATE" }];
  if (absent) return isEmpty(now) ? [] : [{ path, kind: "ADD" }];
  const { of, fields } = field;
  if (of && Array.isArray(old) && Array.isArray(now)) {
    if (now.length === 0) return [{ path, kind: "DELETE" }];
    return field.type === "set" ? compareSet(of, old, now, path) : compareList(of, old, now, path);
  }
  if (isProps(old) && isProps(now)) {
    if (fields) {
      return compareKeys(old, now, path, (key) =>
        fields[key] && !fields[key].unsupported ? compare(fields[key], old[key], now[key], member(path, key)) : [],
      );
    }
    return compareKeys(old, now, path, (key) => compare({ type: "string" }, old[key], now[key], member(path, key)));
  }
  return old === now ? [] : [{ path, kind: "UPDATE" }];
}

/**
 * What changes between a resource's state and its new inputs, by the official plugin's rules: sets have no order, absent and zero are the
 * same, what the daemon decides is no difference. Paths in `ignored` (ignoreChanges) are left out with all below them.
 */
export function diff(fields: Fields, state: Props, news: Props, ignored: readonly string[] = []): Difference {
  const changes: Change[] = [];
  for (const [name, field] of Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (field.output || (field.unsupported && news[name] === undefined)) continue;
    for (const { path, kind } of compare(field, state[name], news[name], name)) {
      if (ignored.some((prefix) => path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`))) continue;
      changes.push({ path, kind, replace: field.replace === true });
    }
  }
  return summarize(fields, changes);
}

const top = (path: string): string => path.split(/[.[]/, 1)[0] ?? path;

/** Completes a list of changes with the summaries that the engine wants. */
export function summarize(fields: Fields, changes: readonly Change[]): Difference {
  const names = [...new Set(changes.map((change) => top(change.path)))].sort();
  const replaces = [...new Set(changes.filter((change) => change.replace).map((change) => top(change.path)))].sort();
  const stables = Object.entries(fields)
    .filter(([name, field]) => field.replace && !names.includes(name))
    .map(([name]) => name)
    .sort();
  return { changes, names, replaces, stables };
}
