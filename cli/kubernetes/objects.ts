import type { KubernetesObject, V1Pod } from "@kubernetes/client-node";
import { ifThere } from "../../components/kubernetes/cluster.ts";
import { component, label, labelValue } from "../../components/kubernetes/names.ts";
import type { State } from "../pulumi.ts";
import type { Cluster } from "./cluster.ts";

/** Kinds of a stack's objects in its namespace, in the order in which they are removed. Never claims and the namespace: they are data. */
const KINDS = [
  ["apps/v1", "StatefulSet"],
  ["v1", "Service"],
  ["v1", "Secret"],
  ["v1", "ServiceAccount"],
  ["networking.k8s.io/v1", "NetworkPolicy"],
  ["v1", "ResourceQuota"],
  ["v1", "LimitRange"],
] as const;

/** One of a stack's objects as it is in the cluster. */
export interface LiveObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Counts changes of what was asked for, where the kind counts them. */
  readonly generation?: number;
  /** Changes with everything. */
  readonly resourceVersion: string;
  readonly created: Date;
  /** Undefined for what belongs to the stack as a whole. */
  readonly claw?: string;
  readonly terminating: boolean;
}

const mine = (stack: string) => `${label.stack}=${labelValue(stack)}`;

/** A stack's objects that are in its namespace. */
export async function liveObjects({ objects }: Cluster, stack: string, namespace: string): Promise<LiveObject[]> {
  const lists = await Promise.all(
    KINDS.map(async ([apiVersion, kind]) => {
      const none = undefined;
      const { items } = await objects.list<KubernetesObject>(apiVersion, kind, namespace, none, none, none, none, mine(stack));
      return items.map((item) => liveObject(apiVersion, kind, namespace, item));
    }),
  );
  return lists.flat();
}

function liveObject(apiVersion: string, kind: string, namespace: string, { metadata }: KubernetesObject): LiveObject {
  const claw = metadata?.labels?.[label.claw];
  return {
    apiVersion,
    kind,
    namespace,
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    ...(metadata?.generation !== undefined && { generation: metadata.generation }),
    resourceVersion: metadata?.resourceVersion ?? "",
    created: new Date(metadata?.creationTimestamp ?? 0),
    ...(claw !== undefined && { claw }),
    terminating: metadata?.deletionTimestamp !== undefined,
  };
}

/** Removes an object and, before it, what it owns. */
export async function removeObject({ objects }: Cluster, { apiVersion, kind, name, namespace }: Omit<LiveObject, "uid">): Promise<void> {
  const none = undefined;
  await ifThere(objects.delete({ apiVersion, kind, metadata: { name, namespace } }, none, none, none, none, "Foreground"));
}

/**
 * Has the cluster look at a StatefulSet again at once. Where it failed often to make a pod it waits, for minutes in the end, and nothing
 * tells it that the reason is gone.
 */
export async function nudge({ apps }: Cluster, { name, namespace }: LiveObject): Promise<void> {
  const { PatchStrategy, setHeaderOptions } = await import("@kubernetes/client-node");
  const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
  for (const value of ["again", null]) {
    const body = { metadata: { annotations: { "dev.clawfleet.look": value } } };
    await ifThere(apps.patchNamespacedStatefulSet({ name, namespace, body }, merge));
  }
}

/** The kinds of the kubernetes provider by which the state knows objects: `kubernetes:apps/v1:StatefulSet`, `kubernetes:core/v1:Service`. */
export const typeOf = ({ apiVersion, kind }: Pick<LiveObject, "apiVersion" | "kind">): string =>
  `kubernetes:${apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`}:${kind}`;

/** The id that the provider gives an object. */
export const idOf = ({ namespace, name }: Pick<LiveObject, "namespace" | "name">): string => `${namespace}/${name}`;

/** The claw and the rest of the name by which the program registers an object (`ada-service`); what is all claws' is the fleet's. */
export function registeredAs({ kind, name, claw }: Pick<LiveObject, "kind" | "name" | "claw">): readonly [owner: string, rest: string] {
  const own: Readonly<Record<string, string>> = {
    StatefulSet: "statefulset",
    Service: name === claw ? "service" : "headless",
    Secret: "secret",
    ServiceAccount: "account",
    NetworkPolicy: "policy",
  };
  const shared: Readonly<Record<string, string>> = {
    ResourceQuota: "quota",
    LimitRange: "limits",
    NetworkPolicy: "default-deny",
    Secret: "registry",
  };
  return claw === undefined ? ["fleet", shared[kind] ?? ""] : [claw, own[kind] ?? ""];
}

/** What a state says of an object that can be compared with the cluster's without a look at the rest. */
function noted(outputs: Record<string, unknown> | undefined) {
  const metadata = outputs?.metadata;
  const field = (key: string): unknown =>
    typeof metadata === "object" && metadata !== null ? new Map(Object.entries(metadata)).get(key) : undefined;
  return { uid: field("uid"), generation: field("generation"), resourceVersion: field("resourceVersion") };
}

/**
 * Objects that the state knows and that are gone, made anew or edited since: Pulumi alone would not look. Pure.
 *
 * Whoever edits raises an object's generation, or where its kind counts none, its version; what the cluster notes in a status raises only
 * the version. A quota has no generation, and a status: an edit of it is not seen here.
 *
 * @returns a few words on each
 */
export function driftOf(state: State | undefined, live: readonly LiveObject[]): string[] {
  const types = new Set(KINDS.map(([apiVersion, kind]) => typeOf({ apiVersion, kind })));
  const words: string[] = [];
  for (const resource of (state?.resources ?? []).filter(({ type }) => types.has(type))) {
    const object = live.find((one) => typeOf(one) === resource.type && idOf(one) === resource.id);
    const name = `${resource.type.split(":").at(-1)} ${resource.id ?? ""}`;
    if (object === undefined || object.terminating) {
      words.push(`${name} is gone`);
      continue;
    }
    const { uid, generation, resourceVersion } = noted(resource.outputs);
    if (uid !== undefined && uid !== object.uid) words.push(`${name} was made anew`);
    else if (
      object.generation !== undefined ? generation !== undefined && generation !== object.generation : edited(object, resourceVersion)
    )
      words.push(`${name} was edited`);
  }
  return words;
}

const edited = ({ kind, resourceVersion }: LiveObject, noted: unknown): boolean =>
  kind !== "ResourceQuota" && noted !== undefined && noted !== resourceVersion;

/** Pods that only tried a next version; a run that was killed leaves its own behind. */
export async function trialPods({ core }: Cluster, stack: string, namespace: string): Promise<V1Pod[]> {
  const labelSelector = `${mine(stack)},${label.component}=${component.trial}`;
  return (await core.listNamespacedPod({ namespace, labelSelector })).items;
}

/** Claws that have a pod, by name. */
export async function clawPods({ core }: Cluster, stack: string, namespace: string): Promise<Map<string, V1Pod>> {
  const labelSelector = `${mine(stack)},${label.component}=${component.claw}`;
  const { items } = await core.listNamespacedPod({ namespace, labelSelector });
  return new Map(items.map((pod) => [pod.metadata?.labels?.[label.claw] ?? "", pod]));
}

/** Names of the claims with claws' state, sorted. They carry no stack: a namespace is one stack's. */
export async function claims({ core }: Cluster, namespace: string): Promise<string[]> {
  const { items } = await core.listNamespacedPersistentVolumeClaim({ namespace, labelSelector: label.claw });
  return items.map(({ metadata }) => metadata?.name ?? "").sort();
}

/** Whether a namespace is this stack's, somebody else's, or not there. */
export async function namespaceOwner({ core }: Cluster, stack: string, namespace: string): Promise<"ours" | "other" | "missing"> {
  const found = await ifThere(core.readNamespace({ name: namespace }));
  if (found === undefined) return "missing";
  return found.metadata?.labels?.[label.stack] === labelValue(stack) ? "ours" : "other";
}

/** Pods and claims in a namespace that are no claw's: what would go with it. */
export async function guests({ core }: Cluster, namespace: string): Promise<string[]> {
  const labelSelector = `!${label.claw}`;
  const [pods, others] = await Promise.all([
    core.listNamespacedPod({ namespace, labelSelector }),
    core.listNamespacedPersistentVolumeClaim({ namespace, labelSelector }),
  ]);
  return [
    ...pods.items.map(({ metadata }) => `pod ${metadata?.name ?? ""}`),
    ...others.items.map(({ metadata }) => `claim ${metadata?.name ?? ""}`),
  ];
}
