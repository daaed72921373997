import { isEmpty, isProps, type Props, same, type Value } from "../plugin/value.ts";
import { compare } from "./diff.ts";
import type { Field, Fields } from "./schema.ts";

/** A state's value in the shape of an input: without what an input would leave out. */
function asInput(field: Field, input: Value | undefined, value: Value): Value {
  if (field.fields && isProps(value)) {
    const keys = isProps(input)
      ? Object.keys(input).filter((key) => !key.startsWith("__"))
      : Object.keys(value).filter((key) => !isEmpty(value[key]));
    const members = keys.flatMap((key): [string, Value][] => {
      const member = field.fields?.[key];
      const found = value[key];
      return member && found !== undefined ? [[key, asInput(member, isProps(input) ? input[key] : undefined, found)]] : [];
    });
    return {
      ...(isProps(input) && input.__defaults !== undefined ? { __defaults: input.__defaults } : {}),
      ...Object.fromEntries(members),
    };
  }
  if (field.of && Array.isArray(value)) {
    const of = field.of;
    return value.map((item, i) => asInput(of, Array.isArray(input) ? input[i] : undefined, item));
  }
  return value;
}

/**
 * A resource's inputs after a refresh: where the real state (`now`) differs from the recorded one (`before`), the input becomes what is real,
 * so that the next update sees the difference. All else stays as the program wrote it.
 */
export function refreshedInputs(fields: Fields, inputs: Props, before: Props, now: Props): Props {
  const next: Props = {};
  for (const [name, input] of Object.entries(inputs)) {
    const field = fields[name];
    const value = now[name];
    const drifted = field && value !== undefined && !same(before[name], value) && compare(field, value, input, name).length > 0;
    next[name] = drifted ? asInput(field, input, value) : input;
  }
  return next;
}

/** Inputs that describe an imported resource: all of its state that can be an input and is not a default or empty. */
export function importedInputs(fields: Fields, state: Props): Props {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]): [string, Value][] => {
      const value = state[name];
      if (field.output || field.unsupported || value === undefined || isEmpty(value) || same(value, field.default)) return [];
      return [[name, asInput(field, undefined, value)]];
    }),
  );
}
