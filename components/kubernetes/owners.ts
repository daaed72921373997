import type { V1StatefulSet } from "@kubernetes/client-node";
import { covers } from "./trial.ts";

/** A field that another tool has applied, with another value than ours. */
export interface Taken {
  /** The tool's name as a field manager: `helm`, `kubectl`, ... */
  readonly manager: string;
  /** `.spec.template.spec.containers[name=claw].image` */
  readonly path: string;
}

/** How Pulumi's provider calls itself: each resource has a name of its own. */
const OURS = /^pulumi-kubernetes/;

/**
 * The fields of a StatefulSet that another tool applies (server-side) too. We would win, and the tool would win them back on its next
 * turn. What was edited by hand is not among them: an edit is no tool's standing opinion.
 *
 * @param wanted What is to be applied.
 */
export function takenFields(live: V1StatefulSet, wanted: object): Taken[] {
  const others = (live.metadata?.managedFields ?? []).filter(
    ({ operation, manager }) => operation === "Apply" && !OURS.test(manager ?? ""),
  );
  return others.flatMap(({ manager = "", fieldsV1 }) => different(fieldsV1, live, wanted, "").map((path) => ({ manager, path })));
}

/** One line for a person. */
export function takenMessage(claw: string, namespace: string, taken: readonly Taken[]): string {
  const managers = [...new Set(taken.map(({ manager }) => `"${manager}"`))].join(", ");
  const paths = [...new Set(taken.map(({ path }) => path))].join(", ");
  const [first] = taken;
  return (
    `claw "${claw}": ${managers} applies to statefulset/${claw} in namespace ${namespace} too, with other values: ${paths}. ` +
    `Two tools undo each other, so nothing is changed: take these fields out of what ${managers} applies ` +
    `(kubectl apply --server-side --field-manager=${first?.manager} without them gives them up), then run up again`
  );
}

/** Paths of a set of managed fields (https://kubernetes.io/docs/reference/using-api/server-side-apply/) that are wanted otherwise than they are. */
function different(fields: unknown, live: unknown, wanted: unknown, path: string): string[] {
  if (wanted === undefined || typeof fields !== "object" || fields === null) return [];
  const below = Object.entries(fields).filter(([key]) => key !== ".");
  if (below.length === 0) return covers(live, wanted) ? [] : [path];
  return below.flatMap(([key, inner]) => {
    if (key.startsWith("f:")) {
      const name = key.slice(2);
      return different(inner, member(live, name), member(wanted, name), `${path}.${name}`);
    }
    if (!key.startsWith("k:")) return [];
    const keys: unknown = JSON.parse(key.slice(2));
    const words = Object.entries(keys ?? {}).map(([name, value]) => `${name}=${value}`);
    return different(inner, item(live, keys), item(wanted, keys), `${path}[${words.join(",")}]`);
  });
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** The item of a list that these keys tell from the others. */
function item(list: unknown, keys: unknown): unknown {
  return Array.isArray(list) ? list.find((one) => covers(one, keys)) : undefined;
}
