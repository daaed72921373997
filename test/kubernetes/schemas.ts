/** JSON schemas for kubeconform, made of what a cluster itself says of its objects: no copy of somebody else's that is older or newer. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

type Schema = z.infer<typeof Schema>;
const Schema = z.record(z.string(), z.json());
const Definitions = z.record(z.string(), Schema);
const Kinds = z.array(z.object({ group: z.string(), version: z.string(), kind: z.string() }));
const Index = z.object({ paths: z.record(z.string(), z.object({ serverRelativeURL: z.string() })) });
const Document = z.object({ components: z.object({ schemas: Definitions }) });
const Crd = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: Schema }) })),
  }),
});

/** What of a schema says nothing of whether an object is right. */
const prose = new Set(["description", "default", "example", "externalDocs", "title", "nullable"]);
const META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const reference = "#/components/schemas/";

/** Where kubeconform finds the schemas in a folder: its option `-schema-location`. */
export const schemaLocation = (folder: string): string => join(folder, "{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json");

/**
 * Writes the schemas of the kinds of some API versions into a folder, for `schemaLocation`. Strict: a field that the schema does not name is an error,
 * and so is an object without `apiVersion`, `kind` and `metadata`. An API version that the cluster does not have is left out: kubeconform then says
 * that it has no schema for it.
 *
 * @param get What the cluster answers to GET on a path, as text: `(path) => kubectl("get", "--raw", path)`.
 * @param crds Definitions of kinds that the cluster need not have (CustomResourceDefinition, parsed).
 * @see https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
 */
export async function writeSchemas(
  folder: string,
  get: (path: string) => Promise<string>,
  apiVersions: Iterable<string>,
  crds: readonly unknown[] = [],
): Promise<void> {
  const { paths } = Index.parse(JSON.parse(await get("/openapi/v3")));
  const document = async (path: string) => {
    const url = paths[path]?.serverRelativeURL;
    return url === undefined ? {} : Document.parse(JSON.parse(await get(url))).components.schemas;
  };
  for (const apiVersion of new Set(apiVersions)) {
    const definitions = await document(apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`);
    for (const schema of Object.values(definitions)) {
      for (const { group, version, kind } of Kinds.parse(schema["x-kubernetes-group-version-kind"] ?? [])) {
        // Options of requests are listed in every document, for all groups.
        const own = group === "" ? version : `${group}/${version}`;
        if (own === apiVersion) await write(folder, own, kind, schema, definitions);
      }
    }
  }
  const core = await document("api/v1");
  for (const crd of crds) {
    const { group, names, versions } = Crd.parse(crd).spec;
    for (const { name, schema } of versions) await write(folder, `${group}/${name}`, names.kind, schema.openAPIV3Schema, core);
  }
}

async function write(folder: string, apiVersion: string, kind: string, schema: Schema, definitions: z.infer<typeof Definitions>) {
  const metadata = { $ref: reference + META };
  const top = strict({ ...schema, properties: { ...Schema.parse(schema.properties ?? {}), metadata } });
  const properties = { ...Schema.parse(top.properties), apiVersion: { enum: [apiVersion] }, kind: { enum: [kind] } };
  const whole = { ...top, properties, required: ["apiVersion", "kind", "metadata", ...z.array(z.string()).parse(top.required ?? [])] };
  const used: { [name: string]: Schema } = {};
  const follow = (text: string) => {
    for (const [, name = ""] of text.matchAll(/"#\/definitions\/([^"]+)"/g)) {
      const found = definitions[name];
      if (found === undefined) throw new Error(`the cluster's schema of ${apiVersion} ${kind} refers to ${name}, which is not in it`);
      if (used[name] !== undefined) continue;
      used[name] = strict(found);
      follow(JSON.stringify(used[name]));
    }
  };
  follow(JSON.stringify(whole));
  const [group = "", version = group] = apiVersion.split("/");
  await mkdir(join(folder, group), { recursive: true });
  await writeFile(join(folder, group, `${kind.toLowerCase()}_${version}.json`), JSON.stringify({ ...whole, definitions: used }));
}

/** A schema of OpenAPI as one of JSON Schema that knows every field there may be. */
function strict(schema: Schema): Schema {
  const result = rewritten(schema, strict);
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true || schema["x-kubernetes-embedded-resource"] === true;
  if (result.properties !== undefined && result.additionalProperties === undefined && !open) result.additionalProperties = false;
  return result;
}

/** The same, but with whatever fields there are: what `anyOf` and the like name is only some of them. */
const loose = (schema: Schema): Schema => rewritten(schema, loose);

/** The same without prose and with references into the file itself; `inner` is done to the schemas of fields and items. */
function rewritten(schema: Schema, inner: (schema: Schema) => Schema): { [key: string]: z.infer<typeof Schema>[string] } {
  const result: { [key: string]: z.infer<typeof Schema>[string] } = {};
  for (const [key, value] of Object.entries(schema)) {
    if (prose.has(key) || key.startsWith("x-")) continue;
    const one = Schema.safeParse(value).data;
    if (key === "$ref") result[key] = `#/definitions/${String(value).slice(reference.length)}`;
    else if (key === "properties" && one !== undefined)
      result[key] = Object.fromEntries(Object.entries(one).map(([name, field]) => [name, inner(Schema.parse(field))]));
    else if ((key === "items" || key === "additionalProperties") && one !== undefined) result[key] = inner(one);
    else if (key === "allOf" || key === "anyOf" || key === "oneOf")
      result[key] = z
        .array(Schema)
        .parse(value)
        .map((each) => loose(each));
    else result[key] = value;
  }
  if (schema.nullable === true && typeof result.type === "string") result.type = [result.type, "null"];
  return result;
}
