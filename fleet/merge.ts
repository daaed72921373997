import type { Path } from "./types.ts";

/** A TOML table as parsed: without a prototype, so no key is special. */
export type Table = { [key: string]: unknown };

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Deeper tables than any fleet file may have; keeps hostile files off the stack. */
const DEPTH = 40;

/**
 * Lays an agent over the defaults: tables key by key, everything else (lists too) as a whole. One exception: a `model` that names
 * its own provider takes nothing from the default model, because a key or a URL of one provider must not reach another.
 */
export function merge(defaults: Table, agent: Table, path: Path = []): Table {
  const merged: Table = Object.create(null);
  for (const [key, value] of Object.entries(defaults)) merged[key] = value;
  for (const [key, value] of Object.entries(agent)) {
    const under = defaults[key];
    merged[key] =
      isTable(under) && isTable(value) && !standsAlone([...path, key], value) && path.length < DEPTH
        ? merge(under, value, [...path, key])
        : value;
  }
  return merged;
}

function standsAlone(path: Path, agentsTable: Table): boolean {
  return path.length === 1 && path[0] === "model" && Object.hasOwn(agentsTable, "provider");
}

/**
 * Where a setting of a merged agent (`["agent", 2, "model", "name"]`) was written: the same path, or one under `["defaults"]`.
 * For a setting that was written nowhere, the path where it would be.
 */
export function origin(root: Table, path: Path): Path {
  const [list, number, ...tail] = path;
  if (list !== "agent" || typeof number !== "number" || !Array.isArray(root.agent)) return path;
  if (tail[0] === "name" || tail[0] === "port") return path;
  let ours: unknown = root.agent[number];
  let theirs: unknown = root.defaults;
  for (const [depth, key] of tail.entries()) {
    if (!isTable(ours) || !isTable(theirs)) return path;
    const [own, other] = [Object.hasOwn(ours, key), Object.hasOwn(theirs, key)];
    if (!own) return other ? ["defaults", ...tail] : path;
    [ours, theirs] = [ours[key], theirs[key]];
    if (!other || (isTable(ours) && standsAlone(tail.slice(0, depth + 1), ours))) return path;
  }
  return path;
}
