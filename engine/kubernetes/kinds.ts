/** One kind of object as the API server serves it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Its name in addresses. */
  readonly plural: string;
  readonly namespaced: boolean;
}

const table: { readonly [apiVersion: string]: { readonly namespaced: string; readonly cluster: string } } = {
  v1: {
    namespaced:
      "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount",
    cluster: "Namespace Node PersistentVolume",
  },
  "apps/v1": { namespaced: "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet", cluster: "" },
  "batch/v1": { namespaced: "CronJob Job", cluster: "" },
  "networking.k8s.io/v1": { namespaced: "Ingress NetworkPolicy", cluster: "IngressClass" },
  "policy/v1": { namespaced: "PodDisruptionBudget", cluster: "" },
  "rbac.authorization.k8s.io/v1": { namespaced: "Role RoleBinding", cluster: "ClusterRole ClusterRoleBinding" },
  "storage.k8s.io/v1": { namespaced: "CSIStorageCapacity", cluster: "CSIDriver CSINode StorageClass VolumeAttachment" },
  "scheduling.k8s.io/v1": { namespaced: "", cluster: "PriorityClass" },
  "admissionregistration.k8s.io/v1": {
    namespaced: "",
    cluster: "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
  },
};

function plural(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower === "endpoints") return lower;
  if (/(s|ss|x|ch)$/.test(lower)) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** Group and version of `apps/v1`, `v1` or `core/v1`. */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const [first = "", second] = apiVersion.split("/");
  return second === undefined ? { group: "", version: first } : { group: first === "core" ? "" : first, version: second };
}

/** `v1`, `apps/v1`. */
export const apiVersion = (group: string, version: string): string => (group === "" ? version : `${group}/${version}`);

const known = new Map<string, Resource>();
for (const [name, { namespaced, cluster }] of Object.entries(table)) {
  const { group, version } = parseApiVersion(name);
  for (const [kinds, scoped] of [
    [namespaced, true],
    [cluster, false],
  ] as const)
    for (const kind of kinds.split(" ").filter(Boolean))
      known.set(`${name}/${kind}`, { group, version, kind, plural: plural(kind), namespaced: scoped });
}

/** Kubernetes' own kinds, so that no API server must be asked for them; undefined for others. */
export function knownResource(version: string, kind: string): Resource | undefined {
  const parsed = parseApiVersion(version);
  return known.get(`${apiVersion(parsed.group, parsed.version)}/${kind}`);
}

const BUILT_IN = new Set(
  (
    "admissionregistration.k8s.io apiextensions.k8s.io apiregistration.k8s.io apps autoscaling batch certificates.k8s.io coordination.k8s.io " +
    "discovery.k8s.io events.k8s.io extensions flowcontrol.apiserver.k8s.io networking.k8s.io node.k8s.io policy rbac.authorization.k8s.io " +
    "resource.k8s.io scheduling.k8s.io storage.k8s.io storagemigration.k8s.io"
  ).split(" "),
).add("");

/** Whether the group is Kubernetes' own; those of a CustomResourceDefinition are not. */
export const isBuiltIn = (version: string): boolean => BUILT_IN.has(parseApiVersion(version).group);

export interface Token {
  readonly apiVersion: string;
  readonly kind: string;
}

/** The kind that a token names, e.g. `kubernetes:apps/v1:StatefulSet`; an error for what no object is. */
export function parseToken(token: string): Token {
  const [pkg, module = "", kind = ""] = token.split(":");
  if (pkg !== "kubernetes") throw new Error(`unrecognized resource type: "${token}" for this provider`);
  if (/^(helm\.sh|helm|kustomize|yaml)(\/|$)/.test(module)) {
    throw new Error(
      `${token} is not implemented by this stand-in for the kubernetes plugin: it has Kubernetes' objects only. Install Pulumi's official kubernetes plugin for Helm, Kustomize and YAML`,
    );
  }
  const [group, version] = module.split("/");
  if (!group || !version || !kind) throw new Error(`apiVersion does not have both a group and a version: "${module}"`);
  return { apiVersion: apiVersion(group === "core" ? "" : group, version), kind };
}

/** Whether a resource of this type only patches an object that something else made, e.g. NamespacePatch. */
export const isPatch = (type: string, kind: string): boolean => type.split(":").at(-1) === `${kind}Patch`;

/** Whether the type is a list of objects, which exists for YAML's sake only. */
export const isList = (token: Token): boolean =>
  token.kind.endsWith("List") && knownResource(token.apiVersion, token.kind.replace(/List$/, "")) !== undefined;
