/** Reads members out of the daemon's JSON without trusting its shape. */

export interface Json {
  readonly [key: string]: unknown;
}

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** The value at a path of keys, or undefined. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

/** The string at a path; "" when there is none. */
export function text(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** The number at a path; 0 when there is none. */
export function number(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
}

/** Whether the value at a path is true. */
export function flag(value: unknown, ...path: readonly string[]): boolean {
  return at(value, ...path) === true;
}

/** The list at a path; empty when there is none. */
export function array(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Keys and values of the object at a path, sorted by key; empty when there is none. */
export function entries(value: unknown, ...path: readonly string[]): readonly (readonly [string, unknown])[] {
  const found = at(value, ...path);
  return isObject(found) ? Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)) : [];
}

/** The map of strings at a path. */
export function stringMap(value: unknown, ...path: readonly string[]): { [key: string]: string } {
  return Object.fromEntries(entries(value, ...path).flatMap(([key, item]) => (typeof item === "string" ? [[key, item]] : [])));
}
