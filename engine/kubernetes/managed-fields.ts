import { isProps, type Props, type Value } from "../plugin/value.ts";
import { type KubeObject, list, text } from "./object.ts";

/** Managers whose fields are this plugin's own or kubectl's: they go over to the object's manager before it applies for the first time. */
const TAKEN: readonly { readonly manager: string; readonly operation: string }[] = [
  { manager: "kubectl", operation: "Apply" },
  { manager: "kubectl", operation: "Update" },
  { manager: "before-first-apply", operation: "Update" },
  { manager: "pulumi-kubernetes", operation: "Update" },
  { manager: "pulumi-kubernetes.exe", operation: "Update" },
  { manager: "pulumi-resource-kubernetes", operation: "Update" },
];

const isLeaf = (node: Props): boolean => Object.keys(node).length === 0;

/** The union of two sets of fields (FieldsV1): trees whose leaves, and nodes with ".", are members. */
export function union(a: Props, b: Props): Props {
  if (isLeaf(a) && isLeaf(b)) return {};
  if (isLeaf(a)) return { ".": {}, ...b };
  if (isLeaf(b)) return { ".": {}, ...a };
  const merged: Props = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const present = merged[key];
    merged[key] = isProps(present) && isProps(value) ? union(present, value) : value;
  }
  return merged;
}

const fields = (entry: Props): Props => (isProps(entry.fieldsV1) ? entry.fieldsV1 : {});

export const entriesOf = (it: KubeObject): Props[] => list(it, "metadata", "managedFields");

/** The managed fields with those of earlier managers handed to `manager`; undefined when there is nothing to hand over. */
export function handOver(it: KubeObject, manager: string): Props[] | undefined {
  const entries = entriesOf(it);
  const taken = entries.filter((entry) =>
    TAKEN.some(
      (one) =>
        one.manager === entry.manager &&
        one.operation === entry.operation &&
        entry.manager !== manager &&
        text(entry, "subresource") === "",
    ),
  );
  const [first] = taken;
  if (!first) return undefined;
  const own = entries.find((entry) => entry.manager === manager && entry.operation === "Apply" && text(entry, "subresource") === "");
  const base = own ?? { ...first, manager, operation: "Apply" };
  const merged = taken.reduce((set, entry) => union(set, fields(entry)), fields(base));
  return [...entries.filter((entry) => entry !== own && !taken.includes(entry)), { ...base, fieldsV1: merged }];
}

/** Whether a set of fields has the path, or something below it. Only names count, as for `ignoreChanges`. */
const has = (set: Props, path: readonly string[]): boolean => {
  let node: Value | undefined = set;
  for (const step of path) {
    node = isProps(node) ? node[`f:${step}`] : undefined;
    if (node === undefined) return false;
  }
  return true;
};

/** Whether others than `manager` manage the field at `path`, and it does not. */
export function managedByOthers(it: KubeObject, manager: string, path: readonly string[]): boolean {
  const owners = entriesOf(it).filter((entry) => has(fields(entry), path));
  return owners.length > 0 && owners.every((entry) => entry.manager !== manager);
}

/** Whether a client-side create of this plugin still shows among the managers. */
export const createdByPlugin = (it: KubeObject): boolean =>
  entriesOf(it).some(
    (entry) => entry.operation === "Update" && /^pulumi-(kubernetes|resource-kubernetes|kubernetes\.exe)$/.test(text(entry, "manager")),
  );
