import { randomBytes } from "node:crypto";
import { isProps, object, type Props, str, type Value } from "../plugin/value.ts";

/** A Kubernetes object as its API speaks it. */
export type KubeObject = Props;

const PREFIX = "pulumi.com/";

export const metadata = (it: KubeObject): Props => object(it, "metadata") ?? {};
export const nameOf = (it: KubeObject): string => str(metadata(it), "name") ?? "";
export const namespaceOf = (it: KubeObject): string => str(metadata(it), "namespace") ?? "";
export const apiVersionOf = (it: KubeObject): string => str(it, "apiVersion") ?? "";
export const kindOf = (it: KubeObject): string => str(it, "kind") ?? "";
export const uidOf = (it: KubeObject): string => str(metadata(it), "uid") ?? "";
export const generationOf = (it: KubeObject): number => Number(metadata(it).generation ?? 0);

/** Value of an annotation `pulumi.com/<name>`; "" when absent. */
export const annotation = (it: KubeObject, name: string): string => str(object(metadata(it), "annotations") ?? {}, PREFIX + name) ?? "";

/** The same object with something else in its metadata; undefined takes a key away. */
export function withMetadata(it: KubeObject, changes: { readonly [key: string]: Value | undefined }): KubeObject {
  const merged: Props = {};
  for (const [key, value] of Object.entries({ ...metadata(it), ...changes })) if (value !== undefined) merged[key] = value;
  return { ...it, metadata: merged };
}

/** The value at a path of keys; undefined where anything on the way is missing. */
export function at(it: Value | undefined, ...path: readonly (string | number)[]): Value | undefined {
  let value: Value | undefined = it;
  for (const key of path) {
    if (typeof key === "number") value = Array.isArray(value) ? value[key] : undefined;
    else value = isProps(value) ? value[key] : undefined;
  }
  return value;
}

export const text = (it: Value | undefined, ...path: readonly (string | number)[]): string => {
  const value = at(it, ...path);
  return typeof value === "string" ? value : "";
};

export const number = (it: Value | undefined, ...path: readonly (string | number)[]): number => {
  const value = at(it, ...path);
  return typeof value === "number" ? value : 0;
};

/** The objects in the list at a path; empty when absent. */
export const list = (it: Value | undefined, ...path: readonly (string | number)[]): Props[] => {
  const value = at(it, ...path);
  return Array.isArray(value) ? value.filter(isProps) : [];
};

/** Whether one of the object's owner references is the owner. */
export const ownedBy = (it: KubeObject, owner: KubeObject | undefined): boolean =>
  owner !== undefined && uidOf(owner) !== "" && list(it, "metadata", "ownerReferences").some((reference) => reference.uid === uidOf(owner));

/** `namespace/name`, or `name` for what is in no namespace. */
export const idOf = (it: KubeObject): string => (namespaceOf(it) === "" ? nameOf(it) : `${namespaceOf(it)}/${nameOf(it)}`);

/** Namespace and name of an id. */
export function parseId(id: string): { readonly namespace: string; readonly name: string } {
  const [first = "", second] = id.split("/");
  return second === undefined ? { namespace: "", name: first } : { namespace: first, name: second };
}

/** `name` as the logs call it: without the namespace `default`. */
export const shownName = (it: KubeObject): string => (["", "default"].includes(namespaceOf(it)) ? nameOf(it) : idOf(it));

export const random = (): string => randomBytes(4).toString("hex");
