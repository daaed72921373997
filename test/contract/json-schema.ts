/** Compares two JSON Schemas by the keys that they know: what a runtime's own schema says against ours. */

type Node = { readonly [key: string]: unknown };

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

export interface Comparison {
  /** Keys of ours that theirs does not have, dotted; `*` stands for any key of a map. */
  readonly unknown: string[];
  /** Keys of theirs that ours does not have, where ours lists keys at all. */
  readonly missing: string[];
  /** Keys that take any text by ours, but only listed words by theirs. */
  readonly loose: string[];
}

/** @param theirs any JSON Schema without `$ref`; titles, bounds and patterns are not compared. */
export function compareKeys(ours: unknown, theirs: unknown): Comparison {
  const unknown: string[] = [];
  const missing: string[] = [];
  const loose: string[] = [];
  const compare = (own: readonly Node[], real: readonly Node[], path: readonly string[]) => {
    if (own.some(isOpen)) return;
    if (own.some(isText) && real.some((schema) => "const" in schema || "enum" in schema) && !real.some(isText)) loose.push(path.join("."));
    const [ownKeys, realKeys] = [properties(own), properties(real)];
    for (const [key, schemas] of ownKeys) {
      const counterpart = realKeys.get(key);
      if (counterpart === undefined) unknown.push([...path, key].join("."));
      else compare(schemas, counterpart, [...path, key]);
    }
    if (ownKeys.size > 0) missing.push(...[...realKeys.keys()].filter((key) => !ownKeys.has(key)).map((key) => [...path, key].join(".")));
    const [ownRest, realRest] = [nested(own, "additionalProperties"), nested(real, "additionalProperties")];
    if (ownRest.length > 0 && realRest.length > 0) compare(ownRest, realRest, [...path, "*"]);
    const [ownItems, realItems] = [nested(own, "items"), nested(real, "items")];
    if (ownItems.length > 0 && realItems.length > 0) compare(ownItems, realItems, [...path, "[]"]);
  };
  compare(alternatives(ours), alternatives(theirs), []);
  return { unknown: unknown.sort(), missing: missing.sort(), loose: loose.sort() };
}

/** The choices of a union, one by one; the schema itself when it is none. */
function alternatives(schema: unknown): Node[] {
  if (!isNode(schema)) return [];
  const choices = ["anyOf", "oneOf"].flatMap((key) => {
    const list = schema[key];
    return Array.isArray(list) ? list.flatMap(alternatives) : [];
  });
  return choices.length > 0 ? choices : [schema];
}

function nested(schemas: readonly Node[], key: string): Node[] {
  return schemas.flatMap((schema) => alternatives(schema[key])).filter((schema) => Object.keys(schema).length > 0);
}

function properties(schemas: readonly Node[]): Map<string, Node[]> {
  const found = new Map<string, Node[]>();
  for (const schema of schemas) {
    if (!isNode(schema.properties)) continue;
    for (const [key, value] of Object.entries(schema.properties)) found.set(key, [...(found.get(key) ?? []), ...alternatives(value)]);
  }
  return found;
}

/** Any text, or one with a pattern. */
function isText(schema: Node): boolean {
  return schema.type === "string" && !("const" in schema) && !("enum" in schema);
}

/** An object of which nothing is said. */
function isOpen(schema: Node): boolean {
  return schema.type === "object" && schema.properties === undefined && nested([schema], "additionalProperties").length === 0;
}
