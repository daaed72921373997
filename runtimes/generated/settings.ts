import { z } from "zod";
import type { Json } from "../../fleet/types.ts";

/** The parts of JSON Schema that zod writes and that say how a setting is written. */
interface Node {
  readonly $ref?: string | undefined;
  readonly $defs?: { readonly [name: string]: Node } | undefined;
  readonly type?: string | readonly string[] | undefined;
  readonly properties?: { readonly [key: string]: Node } | undefined;
  readonly additionalProperties?: boolean | Node | undefined;
  readonly propertyNames?: Node | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: Node | undefined;
  readonly anyOf?: readonly Node[] | undefined;
  readonly oneOf?: readonly Node[] | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly minItems?: number | undefined;
  readonly description?: string | undefined;
  readonly writeOnly?: boolean | undefined;
}

const node: z.ZodType<Node> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    $defs: z.record(z.string(), node).optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    properties: z.record(z.string(), node).optional(),
    additionalProperties: z.union([z.boolean(), node]).optional(),
    propertyNames: node.optional(),
    required: z.array(z.string()).optional(),
    items: node.optional(),
    anyOf: z.array(node).optional(),
    oneOf: z.array(node).optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
    default: z.unknown().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    exclusiveMinimum: z.number().optional(),
    minLength: z.number().optional(),
    minItems: z.number().optional(),
    description: z.string().optional(),
    writeOnly: z.boolean().optional(),
  }),
);

/** One setting of a runtime's configuration. */
export interface Setting {
  /** A key of a table that the user names is `NAME`, the first entry of a list is `0`. */
  readonly path: readonly string[];
  /** A value of the right form. */
  readonly sample: Json;
  readonly secret: boolean;
  /** The values there are, where they are counted. */
  readonly values: readonly Json[];
  readonly about: string | undefined;
  /** Further keys in the place of `path[at]`, with the very same settings below. */
  readonly alike: { readonly at: number; readonly keys: readonly string[] } | undefined;
}

const json: z.ZodType<Json> = z.json();

/**
 * All settings of a configuration, as its JSON Schema has them; a part that repeats among siblings is there once, with the others' names.
 *
 * @param deepest Keys of the longest path; what is below is set as a whole.
 */
export function settingsOf(schema: unknown, deepest: number): Setting[] {
  const root = node.parse(schema);
  const found: Setting[] = [];

  const resolve = (at: Node): Node => {
    if (at.$ref === undefined) return at;
    const target = at.$ref === "#" ? root : root.$defs?.[at.$ref.replace("#/$defs/", "")];
    if (target === undefined) throw new Error(`the schema has no ${at.$ref}`);
    const { $ref: _, ...own } = at;
    return { ...resolve(target), ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) };
  };

  /** The smallest valid value. */
  const sample = (given: Node): Json => {
    const at = resolve(given);
    if (at.default !== undefined) return json.parse(at.default);
    if (at.const !== undefined) return json.parse(at.const);
    if (at.enum?.[0] !== undefined) return json.parse(at.enum[0]);
    const branches = at.anyOf ?? at.oneOf;
    if (branches?.[0] !== undefined) return sample(branches[0]);
    switch (typeof at.type === "object" ? at.type[0] : at.type) {
      case "boolean":
        return false;
      case "integer":
      case "number":
        return Math.max(at.minimum ?? 0, at.exclusiveMinimum === undefined ? 0 : at.exclusiveMinimum + 1, 0);
      case "array":
        return at.items !== undefined && (at.minItems ?? 0) > 0 ? [sample(at.items)] : [];
      case "object":
        return Object.fromEntries((at.required ?? []).map((key) => [key, sample(at.properties?.[key] ?? {})]));
      case "null":
        return null;
      default:
        return "x".repeat(at.minLength ?? 0);
    }
  };

  const leaf = (path: readonly string[], at: Node, alike: Setting["alike"]) => {
    // There is nothing to choose.
    if (at.const !== undefined || (at.minimum !== undefined && at.minimum === at.maximum)) return;
    const values = z.array(json).parse(at.enum ?? []);
    found.push({ path, sample: sample(at), secret: at.writeOnly === true, values, about: at.description, alike });
  };

  const walk = (path: readonly string[], given: Node, above: readonly string[], alike: Setting["alike"]): void => {
    const within = given.$ref === undefined ? above : [...above, given.$ref];
    // A schema within itself is a setting as a whole.
    const whole = path.length === deepest || (given.$ref !== undefined && above.includes(given.$ref));
    const at = resolve(given);
    if (!whole && at.type === "object" && at.properties !== undefined && Object.keys(at.properties).length > 0) {
      children(path, Object.entries(at.properties), within, alike);
    } else if (!whole && at.type === "object" && typeof at.additionalProperties === "object" && isParent(at.additionalProperties)) {
      const name = resolve(at.propertyNames ?? {}).enum?.[0];
      walk([...path, typeof name === "string" ? name : "NAME"], at.additionalProperties, within, alike);
    } else if (!whole && at.type === "array" && at.items !== undefined && isParent(at.items)) {
      walk([...path, "0"], at.items, within, alike);
    } else {
      leaf(path, at, alike);
    }
  };

  /** It has settings below it that are known by name. */
  const isParent = (given: Node, above: readonly string[] = []): boolean => {
    if (given.$ref !== undefined && above.includes(given.$ref)) return false;
    const within = given.$ref === undefined ? above : [...above, given.$ref];
    const { type, properties = {}, additionalProperties } = resolve(given);
    if (type !== "object") return false;
    return Object.keys(properties).length > 0 || (typeof additionalProperties === "object" && isParent(additionalProperties, within));
  };

  const children = (path: readonly string[], entries: readonly [string, Node][], above: readonly string[], alike: Setting["alike"]) => {
    const shapes = new Map<string, string[]>();
    const shapeOf = (each: Node) => JSON.stringify(each.$ref === undefined ? each : { ref: each.$ref });
    // Keys that cannot be part of a variable's name can only be set through the parent's JSON.
    const usable = entries.filter(([key]) => key !== "" && !key.includes("__") && !key.includes("="));
    for (const [key, each] of usable) {
      if (isParent(each)) shapes.set(shapeOf(each), [...(shapes.get(shapeOf(each)) ?? []), key]);
    }
    for (const [key, each] of usable) {
      const [first, ...others] = shapes.get(shapeOf(each)) ?? [key];
      if (first !== key) continue;
      walk([...path, key], each, above, others.length > 0 && alike === undefined ? { at: path.length, keys: others } : alike);
    }
  };

  walk([], root, [], undefined);
  return found;
}
