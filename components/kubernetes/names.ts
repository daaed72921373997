import { createHash, createHmac } from "node:crypto";
import type { Launch } from "../../runtimes/runtime.ts";

/*
 * Names and labels in a cluster. The command line finds a stack's objects by them, so they are in one place.
 */

/** Label keys of everything that belongs to a stack or a claw. */
export const label = {
  name: "app.kubernetes.io/name",
  instance: "app.kubernetes.io/instance",
  version: "app.kubernetes.io/version",
  component: "app.kubernetes.io/component",
  partOf: "app.kubernetes.io/part-of",
  managedBy: "app.kubernetes.io/managed-by",
  stack: "dev.clawfleet.stack",
  claw: "dev.clawfleet.claw",
  runtime: "dev.clawfleet.runtime",
} as const;

/** Annotation keys on a claw's pod: what it was started with, without showing it. */
export const annotation = { config: "dev.clawfleet.config-hash", secret: "dev.clawfleet.secret-hash" } as const;

/** Of a claw's own pod and of one that only tries a new version: Services and policies select the former. */
export const component = { claw: "claw", trial: "trial" } as const;

/** The container in a claw's pod. */
export const CONTAINER = "claw";

/** The volume with a claw's state, in its pod and as a claim template. */
export const STATE = "state";

/** What a namespace's own objects are called: its quota and its limits. */
export const FLEET = "fleet";

/** Namespace of a stack that names none. */
export const namespaceOf = (stack: string): string => `clawfleet-${stack}`;

/** A claw's only pod, which its StatefulSet numbers. */
export const podName = (claw: string): string => `${claw}-0`;

/** The Service that gives the pod itself a name; `<claw>` is the one with an address. */
export const headlessName = (claw: string): string => `${claw}-pod`;

/** The claim that holds a claw's state. */
export const claimName = (claw: string): string => `${STATE}-${podName(claw)}`;

/** A claw's Secret: another content has another name, so that what runs keeps what it was started with. */
export const secretName = (claw: string, hash: string): string => `${claw}-${hash}`;

/** The Secret with the registry's login. */
export const pullSecretName = (hash: string): string => `clawfleet-registry-${hash}`;

/** Where other pods of the cluster reach a claw. */
export const serviceUrl = ({ claw, runtime }: Launch, namespace: string): string => `http://${claw}.${namespace}.svc:${runtime.port}`;

/** Labels of what belongs to a stack as a whole. */
export function stackLabels(stack: string): Record<string, string> {
  return {
    [label.managedBy]: "pulumi",
    [label.partOf]: "clawfleet",
    [label.stack]: labelValue(stack),
  };
}

/** Labels of all that belongs to a claw. */
export function labelsOf(stack: string, { claw, runtime }: Launch): Record<string, string> {
  return {
    ...stackLabels(stack),
    [label.component]: component.claw,
    [label.instance]: claw,
    [label.name]: runtime.name,
    [label.version]: labelValue(runtime.version),
    [label.claw]: claw,
    [label.runtime]: runtime.name,
  };
}

/** What selects a claw's own pod and no other. */
export function selectorOf(claw: string): Record<string, string> {
  return { [label.component]: component.claw, [label.claw]: claw };
}

/** A text as a label's value: at most 63 letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends. */
export function labelValue(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
}

/** Ten hexadecimal digits that change when a public value does. */
export function publicHash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 10);
}

/**
 * Ten hexadecimal digits that change when a secret value does. Keyed, so that nobody can try values against a name that is
 * shown everywhere.
 *
 * @param key The stack's token seed.
 */
export function secretHash(key: string, data: { readonly [name: string]: string }): string {
  const sorted = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac("sha256", key)
    .update(`kubernetes-secret:${JSON.stringify(sorted)}`)
    .digest("hex")
    .slice(0, 10);
}
