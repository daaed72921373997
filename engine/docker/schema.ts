import { isProps, type Props, UNKNOWN, type Value } from "../plugin/value.ts";

export type FieldType = "string" | "bool" | "int" | "list" | "set" | "map" | "object";

/** One input or output of a resource kind, and how the official plugin treats it. */
export interface Field {
  readonly type: FieldType;
  /** Element of a list or set; values of a map are strings. */
  readonly of?: Field;
  /** Members of an object. */
  readonly fields?: Fields;
  /** Written into the inputs by Check when absent. */
  readonly default?: Value;
  readonly required?: boolean;
  /** The daemon decides when the input is absent: unknown in previews, never a difference. */
  readonly computed?: boolean;
  /** Not an input at all. */
  readonly output?: boolean;
  /** A change replaces the resource (top level only; members inherit it). */
  readonly replace?: boolean;
  /** Value in the state when the input is absent; null unless given. */
  readonly absent?: Value;
  /** The official plugin knows this input and this one does not: why, or what to use instead. */
  readonly unsupported?: string;
  /** Says what is wrong with a known value. */
  readonly check?: (value: Value) => string | undefined;
}

export interface Fields {
  readonly [name: string]: Field;
}

type Options = Omit<Field, "type" | "of" | "fields">;

export const string = (options: Options = {}): Field => ({ type: "string", ...options });
export const bool = (options: Options = {}): Field => ({ type: "bool", ...options });
export const int = (options: Options = {}): Field => ({ type: "int", ...options });
export const map = (options: Options = {}): Field => ({ type: "map", ...options });
export const strings = (options: Options = {}): Field => ({ type: "list", of: { type: "string" }, ...options });
export const stringSet = (options: Options = {}): Field => ({ type: "set", of: { type: "string" }, ...options });
export const object = (fields: Fields, options: Options = {}): Field => ({ type: "object", fields, ...options });
export const objectSet = (fields: Fields, options: Options = {}): Field => ({ type: "set", of: { type: "object", fields }, ...options });
export const objectList = (fields: Fields, options: Options = {}): Field => ({ type: "list", of: { type: "object", fields }, ...options });

/** Fields that the official plugin has and this one refuses, all for the same reason. */
export function unsupported(names: readonly string[], why: string, type: FieldType = "string"): Fields {
  return Object.fromEntries(names.map((name) => [name, { type, unsupported: why } satisfies Field]));
}

/** A check for numbers that may not be below `least`. */
export const atLeast =
  (least: number) =>
  (value: Value): string | undefined =>
    typeof value === "number" && value < least ? `'${value}' cannot be lower than ${least}` : undefined;

/** A check for strings that must match. */
export const matches =
  (pattern: RegExp) =>
  (value: Value): string | undefined =>
    typeof value === "string" && !pattern.test(value) ? `'${value}' doesn't match the pattern '${pattern.source}'` : undefined;

/** Labels, as Container, Network and Volume have them. */
export const labels = (options: Options = {}): Field =>
  objectSet({ label: string({ required: true }), value: string({ required: true }) }, options);

/** State of a member that the program did not give: the zero value the official plugin stores. */
function zero(field: Field): Value {
  if (field.absent !== undefined) return field.absent;
  if (field.type === "string") return "";
  return field.type === "list" || field.type === "set" ? [] : null;
}

function complete(field: Field, value: Value): Value {
  if (value === UNKNOWN) return UNKNOWN;
  if (field.fields && isProps(value)) {
    const member = (inner: Field, item: Value | undefined): Value =>
      item === undefined || item === null ? zero(inner) : complete(inner, item);
    return Object.fromEntries(Object.entries(field.fields).map(([name, inner]) => [name, member(inner, value[name])]));
  }
  if (field.of && Array.isArray(value)) {
    const of = field.of;
    return value.map((item) => complete(of, item));
  }
  if (field.type === "map" && isProps(value) && Object.values(value).includes(UNKNOWN)) return UNKNOWN;
  return value;
}

/**
 * The state that inputs lead to: every property of the kind, nested blocks complete.
 * `computed` stands for what only the daemon can tell: UNKNOWN in a preview, null after a creation that failed half-way.
 */
export function stateOf(fields: Fields, inputs: Props, computed: Value): Props {
  const state: Props = {};
  for (const [name, field] of Object.entries(fields)) {
    if (field.unsupported && field.absent === undefined) {
      state[name] = null;
      continue;
    }
    const given = inputs[name];
    if (given !== undefined && given !== null) state[name] = complete(field, given);
    else state[name] = field.computed || field.output ? computed : (field.absent ?? null);
  }
  return state;
}

/** The state after a change in place: as the inputs say; what they leave to the daemon stays. */
export function updatedState(fields: Fields, state: Props, inputs: Props): Props {
  const next: Props = { ...state, ...stateOf(fields, inputs, null) };
  for (const [name, field] of Object.entries(fields)) {
    if ((field.computed || field.output) && (inputs[name] === undefined || inputs[name] === null)) next[name] = state[name] ?? null;
  }
  return next;
}
