import { annotation, label, labelsOf, stackLabels } from "../../components/kubernetes/names.ts";
import { fleetObjects } from "../../components/kubernetes/objects/index.ts";
import type { KubernetesSettings } from "../../components/kubernetes/settings.ts";
import type { Json } from "../../fleet/types.ts";
import type { Launch, SecretSource } from "../../runtimes/runtime.ts";

/*
 * A fleet's objects as plain manifests, for tools that apply what lies in a repository. Pure, and never with a secret's value:
 * Secrets are referred to, by names that whoever makes them can know beforehand.
 */

/** How the Secrets come into the namespace: somebody makes them, or the External Secrets Operator does, from a store. */
export type SecretsFrom =
  | { readonly kind: "existing" }
  | { readonly kind: "external"; readonly store: string; readonly storeKind: "SecretStore" | "ClusterSecretStore" };

export interface RenderArgs {
  readonly launches: readonly Launch[];
  readonly stack: string;
  readonly settings: KubernetesSettings;
  /** `repository@sha256:...` by runtime; all that the launches use. */
  readonly images: ReadonlyMap<string, string>;
  /** User name for the registry; undefined when it asks for none. */
  readonly registryUser: string | undefined;
  readonly secrets: SecretsFrom;
}

/** One key of a Secret that the manifests refer to. */
export interface WantedKey {
  readonly key: string;
  /** What is to be in it, for a person. */
  readonly what: string;
  /** Under which key a store has it. */
  readonly remote: string;
  /** The claw comes up without it. */
  readonly optional: boolean;
  /** How the stored value becomes the key's, as a template of the External Secrets Operator. @default as it is */
  readonly template?: string;
}

/** A Secret that the manifests refer to. */
export interface WantedSecret {
  readonly name: string;
  readonly type: "Opaque" | "kubernetes.io/dockerconfigjson";
  readonly keys: readonly WantedKey[];
  /** Undefined for the registry's login. */
  readonly claw?: string;
}

/** An object as plain data. */
export type Manifest = { readonly [key: string]: Json };

export interface Rendered {
  /** In the order in which they can be applied. */
  readonly manifests: readonly Manifest[];
  readonly wanted: readonly WantedSecret[];
}

/** The Secret with the registry's login. */
const REGISTRY_LOGIN = "clawfleet-registry";

/** The objects that `up` registers, by the same functions, as plain data. */
export function rendered({ launches, stack, settings, images, registryUser, secrets }: RenderArgs): Rendered {
  const claws = launches.flatMap((launch) => wantedOf(launch, stack) ?? []);
  const login = registryUser === undefined ? [] : [loginOf(registryUser, stack, settings)];
  const objects = fleetObjects({
    launches,
    stack,
    settings,
    image: ({ name }) => images.get(name) ?? missing(name),
    ...(login.length > 0 && { pullSecret: { name: REGISTRY_LOGIN } }),
    secretOf: ({ claw, secretEnv }) => {
      const keys = Object.keys(secretEnv).sort();
      // The hash would say when a value changes, which nobody here knows; its annotation is left out below.
      return keys.length === 0 ? undefined : { name: claw, hash: "", keys };
    },
  });
  const wanted = [...login, ...claws];
  const plain = objects.map((object) => adapted(object, claws));
  const external = secrets.kind === "external" ? wanted.map((one) => externalSecret(one, secrets, stack, settings, launches)) : [];
  return { manifests: inOrder([...plain, ...external]), wanted };
}

function missing(runtime: string): never {
  throw new Error(`no image of ${runtime}`);
}

/** What can only be applied after something else comes after it: into a namespace, then what a pod needs, then pods. */
function inOrder(manifests: readonly Manifest[]): Manifest[] {
  return [0, 1, 2].flatMap((step) => manifests.filter((manifest) => stepOf(manifest) === step));
}

/** 0 = the namespace, 1 = what pods need, 2 = what makes pods. */
export function stepOf({ kind }: Manifest): number {
  return kind === "Namespace" ? 0 : kind === "StatefulSet" ? 2 : 1;
}

function wantedOf({ claw, secretEnv, runtime }: Launch, stack: string): WantedSecret | undefined {
  const keys = Object.entries(secretEnv)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, source]) => wantedKey(key, source, stack, claw, runtime.title));
  return keys.length === 0 ? undefined : { name: claw, type: "Opaque", keys, claw };
}

function wantedKey(key: string, source: SecretSource, stack: string, claw: string, title: string): WantedKey {
  if (source.kind === "ref") {
    const what = `the secret "${source.name}"${source.required ? "" : `; ${claw} comes up without it`}`;
    return { key, what, remote: source.name, optional: !source.required };
  }
  const token = { key, remote: `${stack}/${claw}/gateway-token`, optional: false };
  if (source.hash === undefined) return { ...token, what: `the token of ${claw}'s gateway` };
  return {
    ...token,
    what: `SHA-256 of the token of ${claw}'s gateway, in lower-case hex: ${title} is given no more`,
    template: `{{ index . "${key}" | sha256sum }}`,
  };
}

function loginOf(user: string, stack: string, { registry }: KubernetesSettings): WantedSecret {
  const host = registry.split("/")[0] ?? "";
  const key = ".dockerconfigjson";
  // In a template's string, quotes and backslashes are written as in JSON.
  const name = JSON.stringify(user);
  const auth = `{{ printf "%s:%s" ${name} .password | b64enc }}`;
  const template = `{"auths":{${JSON.stringify(host)}:{"username":${name},"password":{{ .password | toJson }},"auth":"${auth}"}}}`;
  const what = `a Docker configuration with the login of ${user} at ${host}`;
  return {
    name: REGISTRY_LOGIN,
    type: "kubernetes.io/dockerconfigjson",
    keys: [{ key, what, remote: `${stack}/registry-password`, optional: false, template }],
  };
}

/** An object of `up` without what is Pulumi's alone, and with what holds where the Secrets are others'. */
function adapted(object: unknown, wanted: readonly WantedSecret[]): Manifest {
  const secretOf = new Map(wanted.map((secret) => [secret.name, new Map(secret.keys.map((key) => [key.key, key.optional]))]));
  const walk = (value: unknown): Json => {
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || "apply" in value) throw new Error("a manifest holds something that is not known yet");
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    return Object.fromEntries(
      entries.flatMap(([key, one]): [string, Json][] => {
        const plain = walk(one);
        if (key === "annotations") return annotationsIn(plain);
        if (key === "secretKeyRef" && isMap(plain) && secretOf.get(String(plain.name))?.get(String(plain.key))) {
          return [[key, { ...plain, optional: true }]];
        }
        return [[key, plain]];
      }),
    );
  };
  const plain = walk(object);
  if (!isMap(plain)) throw new Error("a manifest is no object");
  return plain;
}

const isMap = (value: Json): value is Manifest => typeof value === "object" && value !== null && !Array.isArray(value);

/** Without those that only tell Pulumi something, and without the hash of a secret. */
function annotationsIn(annotations: Json): [string, Json][] {
  const kept = Object.entries(isMap(annotations) ? annotations : {}).filter(
    ([key]) => !key.startsWith("pulumi.com/") && key !== annotation.secret,
  );
  return kept.length === 0 ? [] : [["annotations", Object.fromEntries(kept)]];
}

/** An ExternalSecret that makes a Secret from a store's entries. */
function externalSecret(
  { name, type, keys, claw }: WantedSecret,
  { store, storeKind }: Extract<SecretsFrom, { kind: "external" }>,
  stack: string,
  { namespace }: KubernetesSettings,
  launches: readonly Launch[],
): Manifest {
  const launch = launches.find((one) => one.claw === claw);
  const templated = keys.flatMap(({ key, template }) => (template === undefined ? [] : [[key, template] as const]));
  const login = type !== "Opaque";
  return {
    apiVersion: "external-secrets.io/v1",
    kind: "ExternalSecret",
    metadata: { name, namespace, labels: launch === undefined ? stackLabels(stack) : withoutVersion(labelsOf(stack, launch)) },
    spec: {
      refreshInterval: "1h",
      secretStoreRef: { name: store, kind: storeKind },
      target: {
        name,
        creationPolicy: "Owner",
        ...(templated.length > 0 && {
          template: {
            engineVersion: "v2",
            // The login is made from the password, which is not to lie beside it; a claw's other keys stay as they are.
            mergePolicy: login ? "Replace" : "Merge",
            ...(login && { type }),
            data: Object.fromEntries(templated),
          },
        }),
      },
      data: keys.map(({ key, remote }) => ({ secretKey: login ? "password" : key, remoteRef: { key: remote } })),
    },
  };
}

/** A Secret is the same whatever version of the runtime reads it. */
function withoutVersion(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => key !== label.version));
}
