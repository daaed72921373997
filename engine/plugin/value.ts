/** Property values as they travel between the engine and a plugin. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Props = { [key: string]: Value };

/** What the engine sends and expects in a preview for "not known before the update". */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether the value is a map of properties. */
export function isProps(value: Value | undefined): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is unknown, or holds something unknown at any depth. */
export function hasUnknown(value: Value | undefined): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isProps(value) && Object.values(value).some(hasUnknown);
}

/** Absent, null and the type's zero value mean the same to the official plugin. */
export function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isProps(value) && Object.keys(value).every((key) => key.startsWith("__"));
}

/** Same value, whatever the order of keys. */
export function same(a: Value | undefined, b: Value | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (isProps(a) && isProps(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => same(a[key], b[key]));
  }
  return a === b;
}

/** Any JSON as a Value; what JSON does not have (undefined, functions) becomes null. */
export function toValue(value: unknown): Value {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return value;
  if (Array.isArray(value)) return value.map(toValue);
  if (typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toValue(item)]));
  return null;
}

/** The string at `key`, or undefined when absent, null or empty. */
export function str(props: Props, key: string): string | undefined {
  const value = props[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The number at `key`, or undefined. */
export function num(props: Props, key: string): number | undefined {
  const value = props[key];
  return typeof value === "number" ? value : undefined;
}

/** The boolean at `key`, or undefined. */
export function bool(props: Props, key: string): boolean | undefined {
  const value = props[key];
  return typeof value === "boolean" ? value : undefined;
}

/** The strings of the list at `key`; empty when absent. */
export function strs(props: Props, key: string): string[] {
  const value = props[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** The objects of the list at `key`; empty when absent. */
export function objects(props: Props, key: string): Props[] {
  const value = props[key];
  return Array.isArray(value) ? value.filter(isProps) : [];
}

/** The object at `key`, or undefined. */
export function object(props: Props, key: string): Props | undefined {
  const value = props[key];
  return isProps(value) ? value : undefined;
}

/** The string map at `key` without the engine's own `__` keys; undefined when absent. */
export function dict(props: Props, key: string): { [key: string]: string } | undefined {
  const value = object(props, key);
  if (!value) return undefined;
  return Object.fromEntries(Object.entries(value).flatMap(([k, v]) => (!k.startsWith("__") && typeof v === "string" ? [[k, v]] : [])));
}
