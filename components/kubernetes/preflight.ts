import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { User, V1StorageClass } from "@kubernetes/client-node";
import { type Cluster, clusterOf, ifThere, NoCluster, reasonOf, statusOf } from "./cluster.ts";
import type { KubernetesSettings } from "./settings.ts";

/** Something that would keep a fleet from coming up. */
export interface Problem {
  /** `cluster` = it cannot be asked, so nothing more is known; a preview does without it. */
  readonly kind: "cluster" | "settings";
  /** One line: what is wrong, what to do. */
  readonly message: string;
}

/** Seconds in which a cluster answers. */
const PATIENCE = 10;

/** All that can be known to be wrong before a change. Changes nothing. */
export async function preflight(settings: KubernetesSettings): Promise<Problem[]> {
  try {
    return await problemsOf(await clusterOf(settings), settings);
  } catch (error) {
    if (error instanceof NoCluster) return [{ kind: "cluster", message: error.message }];
    throw error;
  }
}

/** `preflight` for a cluster that is known already. */
export async function problemsOf(cluster: Cluster, settings: KubernetesSettings): Promise<Problem[]> {
  const { files, context, config } = cluster;
  const expired = expiry(config.getCurrentUser());
  if (expired !== undefined && expired.getTime() < Date.now()) {
    const when = expired.toISOString().slice(0, 10);
    return [{ kind: "cluster", message: `the credentials of context "${context}" in ${files} expired on ${when}; get new ones` }];
  }
  const why = await silence(cluster);
  if (why !== undefined) {
    const server = config.getCurrentCluster()?.server ?? "no address";
    const message = `the cluster of context "${context}" in ${files} does not answer at ${server}: ${why}; start it, or choose another: KUBECONFIG or clawfleet:context`;
    return [{ kind: "cluster", message }];
  }
  const found = await Promise.all([
    storageProblem(cluster, settings),
    runtimeProblem(cluster, settings),
    namespaceProblem(cluster, settings),
  ]);
  return found.filter((message) => message !== undefined).map((message) => ({ kind: "settings", message }));
}

/** Why the cluster does not answer, or not to us; undefined when it does. */
async function silence({ version, core }: Cluster): Promise<string | undefined> {
  const late = sleep(PATIENCE * 1000, `no answer within ${PATIENCE} s`, { ref: false });
  const asked = version
    .getCode()
    // Everybody may know the version; this asks who we are.
    .then(() => core.listNamespace({ limit: 1 }))
    .then(() => undefined)
    .catch((error: unknown) => (statusOf(error) === 403 ? undefined : reasonOf(error)));
  return Promise.race([asked, late]);
}

/** When a user's certificate or token is no longer good; undefined where that cannot be told. */
function expiry(user: User | null): Date | undefined {
  const certificate = user?.certData ? Buffer.from(user.certData, "base64") : user?.certFile ? readFileSync(user.certFile) : undefined;
  if (certificate !== undefined) return new X509Certificate(certificate).validToDate;
  const claims = user?.token?.split(".")[1];
  if (claims === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(claims, "base64url").toString());
    const seconds = typeof parsed === "object" && parsed !== null && "exp" in parsed ? parsed.exp : undefined;
    return typeof seconds === "number" ? new Date(seconds * 1000) : undefined;
  } catch (error) {
    // Not every token is a signed one.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What may not be looked at is not known to be wrong. */
async function allowed<T>(asked: Promise<T>): Promise<T | "hidden"> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) === 403) return "hidden";
    throw error;
  }
}

const isDefault = ({ metadata }: V1StorageClass) => metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";

async function storageProblem({ storage }: Cluster, { storageClass }: KubernetesSettings): Promise<string | undefined> {
  const answer = await allowed(storage.listStorageClass());
  if (answer === "hidden") return undefined;
  const names = answer.items.map(({ metadata }) => metadata?.name ?? "").join(", ") || "none";
  const how = "pulumi config set clawfleet:storageClass NAME";
  if (storageClass === undefined) {
    return answer.items.some(isDefault)
      ? undefined
      : `the cluster has no default storage class for the claws' state: ${how} (it has ${names})`;
  }
  if (answer.items.some(({ metadata }) => metadata?.name === storageClass)) return undefined;
  return `clawfleet:storageClass is "${storageClass}", which the cluster does not have: ${how} (it has ${names})`;
}

async function runtimeProblem({ node }: Cluster, { runtimeClass }: KubernetesSettings): Promise<string | undefined> {
  if (runtimeClass === undefined) return undefined;
  const answer = await allowed(node.listRuntimeClass());
  if (answer === "hidden" || answer.items.some(({ metadata }) => metadata?.name === runtimeClass)) return undefined;
  const names = answer.items.map(({ metadata }) => metadata?.name ?? "").join(", ") || "none";
  return `clawfleet:runtimeClass is "${runtimeClass}", which the cluster does not have (it has ${names})`;
}

async function namespaceProblem({ core }: Cluster, { namespace }: KubernetesSettings): Promise<string | undefined> {
  const answer = await allowed(ifThere(core.readNamespace({ name: namespace })));
  if (answer === "hidden" || answer?.status?.phase !== "Terminating") return undefined;
  return `the namespace ${namespace} is being deleted; wait until it is gone, or name another: pulumi config set clawfleet:namespace NAME`;
}
