import { parseApiVersion } from "./kinds.ts";
import { apiVersionOf, type KubeObject, kindOf } from "./object.ts";

const selector = [["spec", "selector"]];
const container = (
  "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext stdin stdinOnce " +
  "terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
).split(" ");
const spec = (names: string): string[][] => names.split(" ").map((name) => ["spec", name]);

/**
 * What cannot change in an object that exists, by group and kind, as paths of keys (`*` = any element of a list): a change of it, or of
 * something in it, makes a new object.
 */
const forceNew: { readonly [group: string]: { readonly [kind: string]: readonly (readonly string[])[] } } = {
  apps: {
    DaemonSet: selector,
    Deployment: selector,
    StatefulSet: spec("podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates"),
  },
  batch: { Job: spec("completions parallelism selector template") },
  "rbac.authorization.k8s.io": { ClusterRoleBinding: [["roleRef"]], RoleBinding: [["roleRef"]] },
  "storage.k8s.io": { StorageClass: [["parameters"], ["provisioner"]] },
  "": {
    PersistentVolume: spec(
      "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs hostPath iscsi local nfs " +
        "photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume",
    ),
    PersistentVolumeClaim: spec("accessModes selector storageClassName volumeName"),
    Pod: [
      ...spec(
        "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork hostPID hostname " +
          "imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName readinessGates restartPolicy " +
          "runtimeClassName schedulerName securityContext serviceAccount serviceAccountName shareProcessNamespace subdomain " +
          "terminationGracePeriodSeconds volumes",
      ),
      ...["containers", "initContainers"].flatMap((kind) => container.map((name) => ["spec", kind, "*", name])),
    ],
    ResourceQuota: spec("scopes"),
    Service: spec("clusterIP"),
  },
};

export interface Mutable {
  /** Data of a Secret may change in place, unless it is marked immutable. */
  readonly secrets: boolean;
  readonly configMaps: boolean;
}

const identity = [
  ["metadata", "name"],
  ["metadata", "namespace"],
];

/** The paths of an object whose change replaces it. A patch of someone else's object is replaced for its identity only. */
export function forceNewPaths(it: KubeObject, patch: boolean, mutable: Mutable): readonly (readonly string[])[] {
  if (patch) return identity;
  const { group } = parseApiVersion(apiVersionOf(it));
  const kind = kindOf(it);
  if (group === "" && kind === "Secret") {
    return [...identity, ...(!mutable.secrets || it.immutable === true ? [["type"], ["stringData"], ["data"]] : [["type"]])];
  }
  if (group === "" && kind === "ConfigMap") {
    return [...identity, ...(!mutable.configMaps || it.immutable === true ? [["binaryData"], ["data"]] : [])];
  }
  return [...identity, ...(forceNew[group]?.[kind] ?? [])];
}

/**
 * Whether a change at `path` is one of `paths`: at it or below, or above with the changed `value` holding it.
 * A change below a list's element that is itself named counts only up to that name.
 */
export function touches(paths: readonly (readonly string[])[], path: readonly (string | number)[], value: unknown): boolean {
  return paths.some((wanted) => {
    let current: unknown = value;
    for (let i = 0; i < wanted.length; i++) {
      const step = path[i];
      if (i < path.length) {
        if (wanted[i] !== "*" && wanted[i] !== step) return false;
        if (wanted[i] === "*" && typeof step !== "number") return false;
        continue;
      }
      const key = wanted[i] ?? "";
      if (key === "*") {
        if (!Array.isArray(current)) return false;
        const rest = wanted.slice(i + 1);
        return current.some((item) => touches([rest], [], item));
      }
      if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return false;
      current = Object.getOwnPropertyDescriptor(current, key)?.value;
    }
    return true;
  });
}
