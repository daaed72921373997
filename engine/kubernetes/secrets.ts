import { isProps, type Props, type Value } from "../plugin/value.ts";

/** How the engine marks a secret among property values: this key with this text, the secret itself in `value`. */
const KEY = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** What the engine sends in a preview for a value of any type that is not known yet. */
const UNKNOWNS = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

export const isUnknown = (value: Value | undefined): boolean => typeof value === "string" && UNKNOWNS.has(value);

/** Whether the value is unknown, or holds something unknown at any depth. */
export function holdsUnknown(value: Value | undefined): boolean {
  if (Array.isArray(value)) return value.some(holdsUnknown);
  return isProps(value) ? Object.values(value).some(holdsUnknown) : isUnknown(value);
}

export const isSecret = (value: Value | undefined): value is Props => isProps(value) && value[KEY] === SECRET;

export const secret = (value: Value): Value => (isSecret(value) ? value : { [KEY]: SECRET, value: plain(value) });

/** Whether a secret is in there at any depth. */
export function holdsSecret(value: Value | undefined): boolean {
  if (isSecret(value)) return true;
  if (Array.isArray(value)) return value.some(holdsSecret);
  return isProps(value) && Object.values(value).some(holdsSecret);
}

/** The value without its marks: a copy, secrets in clear. */
export function plain(value: Value): Value {
  if (isSecret(value)) return plain(value.value ?? null);
  if (Array.isArray(value)) return value.map(plain);
  return isProps(value) ? plainProps(value) : value;
}

/** Properties without their marks: a copy, secrets in clear. */
export function plainProps(props: Props): Props {
  return Object.fromEntries(Object.entries(props).map(([key, value]) => [key, plain(value)]));
}

/**
 * Marks in `outs` what is secret in `ins`; a copy. Objects are gone through key by key; a list with one secret is secret as a whole, as its
 * order may change on the way. The data of a Secret is always secret.
 */
export function markSecrets(outs: Props, ins: Props): Props {
  const marked = { ...outs };
  if (outs.kind === "Secret") {
    for (const key of ["data", "stringData"]) if (marked[key] !== undefined) marked[key] = secret(marked[key]);
    return marked;
  }
  for (const [key, source] of Object.entries(ins)) {
    const value = outs[key];
    if (value === undefined || isSecret(value)) continue;
    if (isProps(value) && isProps(source) && !isSecret(source)) marked[key] = markSecrets(value, source);
    else if (holdsSecret(source)) marked[key] = secret(value);
  }
  return marked;
}
