import { isProps, object, type Props, type Value } from "../plugin/value.ts";
import { isBuiltIn, parseApiVersion } from "./kinds.ts";
import { apiVersionOf, type KubeObject, kindOf, withMetadata } from "./object.ts";
import { canonicalQuantity } from "./quantity.ts";
import { holdsUnknown } from "./secrets.ts";

/** Maps of a user's own keys: their values stay as they are, also empty ones. */
const MAPS = new Set([
  "annotations",
  "labels",
  "matchLabels",
  "nodeSelector",
  "data",
  "binaryData",
  "stringData",
  "parameters",
  "allocatable",
]);
/** Maps of quantities, wherever they stand. */
const QUANTITIES = new Set([
  "limits",
  "requests",
  "hard",
  "capacity",
  "max",
  "min",
  "default",
  "defaultRequest",
  "maxLimitRequestRatio",
  "podFixed",
]);
const QUANTITY = new Set(["sizeLimit", "divisor"]);
/** Switches for which absent and false are one thing to the API server, which then leaves them out. */
const OFF = new Set(["hostNetwork", "hostPID", "hostIPC", "readOnly", "stdin", "stdinOnce", "tty", "publishNotReadyAddresses", "paused"]);
/** Numbers for which absent and 0 are one thing. */
const ZERO = new Set(
  "initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold minReadySeconds nodePort hostPort".split(" "),
);
/** Texts for which "" is a value of its own. */
const TEXTS = new Set([
  "name",
  "key",
  "operator",
  "storageClassName",
  "ingressClassName",
  "volumeMode",
  "resource",
  "path",
  "mountPath",
  "ip",
]);

const READ_ONLY = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

/** What the API server would leave out, and write otherwise, of a value under `key`; undefined = left out. */
function tidy(key: string, value: Value, selects: boolean): Value | undefined {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => tidyItem(key, item));
  if (isProps(value)) {
    const entries = Object.entries(value);
    if (MAPS.has(key) || (key === "selector" && selects)) return entries.length === 0 ? undefined : value;
    if (QUANTITIES.has(key)) {
      if (entries.length === 0) return undefined;
      return Object.fromEntries(entries.map(([name, amount]) => [name, quantity(amount)]));
    }
    return tidyObject(value);
  }
  if (QUANTITY.has(key)) return quantity(value);
  if (value === "" && !TEXTS.has(key)) return undefined;
  if (value === false && OFF.has(key)) return undefined;
  if (value === 0 && ZERO.has(key)) return undefined;
  return value;
}

const quantity = (value: Value): Value =>
  typeof value === "string" ? canonicalQuantity(value) : typeof value === "number" ? canonicalQuantity(String(value)) : value;

const tidyItem = (key: string, item: Value): Value => (isProps(item) ? tidyObject(item) : (tidy(`${key}[]`, item, false) ?? item));

function tidyObject(it: Props, selects = false): Props {
  const tidied: Props = {};
  for (const [key, value] of Object.entries(it)) {
    const kept = tidy(key, value, selects);
    if (kept !== undefined) tidied[key] = kept;
  }
  return tidied;
}

/** base64 as the API server writes it; what is none stays. */
function base64(value: Value): Value {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) return value;
  const bytes = Buffer.from(value, "base64");
  return bytes.length === 0 && value.trim() !== "" ? value : bytes.toString("base64");
}

function tidySecret(it: KubeObject): KubeObject {
  const { stringData, ...rest } = it;
  const data = object(it, "data");
  if (isProps(stringData) && Object.keys(stringData).length > 0) {
    const encoded = Object.entries(stringData).map(([key, value]): [string, Value] => [key, Buffer.from(String(value)).toString("base64")]);
    return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
  }
  if (!data) return it;
  return { ...it, data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])) };
}

/**
 * Inputs as the API server would write them, so that what means the same shows no difference: a Secret's `stringData` as base64 `data`,
 * quantities in canonical form, nothing that is empty. Objects with unknown values and custom resources stay as they are.
 */
export function normalize(it: KubeObject): KubeObject {
  let normal = it;
  if (isBuiltIn(apiVersionOf(it)) && !holdsUnknown(it)) {
    const { group } = parseApiVersion(apiVersionOf(it));
    if (group === "" && kindOf(it) === "Secret") normal = tidySecret(it);
    else if (group === "apiextensions.k8s.io") {
      // Schemas are a user's own words, down to what is empty in them.
      const { status: _, ...definition } = it;
      normal = definition;
    } else {
      const { spec, ...rest } = it;
      // A Service's selector is a map, a workload's an object.
      const selects = ["Service", "ReplicationController"].includes(kindOf(it));
      normal = tidyObject(rest);
      if (isProps(spec)) normal.spec = tidyObject(spec, selects);
      else if (spec !== undefined) normal.spec = spec;
    }
  }
  if (!isProps(normal.metadata)) return normal;
  return withMetadata(normal, Object.fromEntries(READ_ONLY.map((key) => [key, undefined])));
}

/** Of `source` what `shape` has too: the live object cut down to what the inputs speak of. */
export function prune(source: Props, shape: Props): Props {
  const pruned: Props = {};
  for (const [key, value] of Object.entries(source)) {
    const wanted = shape[key];
    if (wanted === undefined) continue;
    if (isProps(value) && isProps(wanted)) pruned[key] = prune(value, wanted);
    else if (Array.isArray(value) && Array.isArray(wanted)) pruned[key] = pruneList(value, wanted);
    else pruned[key] = value;
  }
  return pruned;
}

const typeOf = (value: Value | undefined): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

function pruneList(source: readonly Value[], shape: readonly Value[]): Value[] {
  if (source.length === 0 || shape.length === 0) return [];
  if (typeOf(source[0]) !== typeOf(shape[0])) return [...source];
  return shape.slice(0, source.length).map((wanted, i) => {
    const value = source[i] ?? null;
    if (isProps(value) && isProps(wanted)) return prune(value, wanted);
    if (Array.isArray(value) && Array.isArray(wanted)) return pruneList(value, wanted);
    return value;
  });
}
