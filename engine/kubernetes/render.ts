import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { apiVersionOf, type KubeObject, kindOf, nameOf, namespaceOf } from "./object.ts";

/** Definitions come first, so that `kubectl apply` of one directory after the other finds them. */
const DEFINITIONS = "0-crd";
const MANIFESTS = "1-manifest";

/** The file of an object: `<group_version>-<kind>-<namespace>-<name>.yaml`; what is in no namespace is filed under `default`. */
export function renderPath(it: KubeObject, directory: string): string {
  const version = apiVersionOf(it).replace(/[/:]/g, "_");
  const name = `${version}-${kindOf(it).toLowerCase()}-${namespaceOf(it) || "default"}-${nameOf(it)}.yaml`;
  const definition = kindOf(it) === "CustomResourceDefinition" && apiVersionOf(it).startsWith("apiextensions.k8s.io/");
  return join(directory, definition ? DEFINITIONS : MANIFESTS, name);
}

/** Writes an object's file, readable for its owner only; the path. */
export function renderYaml(it: KubeObject, directory: string): string {
  for (const part of [DEFINITIONS, MANIFESTS]) mkdirSync(join(directory, part), { recursive: true, mode: 0o700 });
  const path = renderPath(it, directory);
  const text = stringify(it, { sortMapEntries: true, indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false, version: "1.1" });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Removes an object's file; one that is gone already is a success. */
export function removeYaml(it: KubeObject, directory: string): string {
  const path = renderPath(it, directory);
  rmSync(path, { force: true });
  return path;
}
