import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { AppsV1Api, CoreV1Api, KubeConfig, NodeV1Api, StorageV1Api, VersionApi } from "@kubernetes/client-node";
import type { ClusterArgs } from "./resources.ts";

/** A cluster as its file names it; nothing has been asked of it yet. */
export interface Cluster {
  readonly config: KubeConfig;
  /** The files, for messages. */
  readonly files: string;
  readonly context: string;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly storage: StorageV1Api;
  readonly node: NodeV1Api;
  readonly version: VersionApi;
}

/** Why there is no cluster to ask. */
export class NoCluster extends Error {}

/**
 * The cluster that the kubernetes provider finds too: of the settings, else of KUBECONFIG, else of ~/.kube/config.
 *
 * @throws NoCluster when there is no such file or context
 */
export async function clusterOf(where: ClusterArgs): Promise<Cluster> {
  const named = where.kubeconfig ?? (process.env.KUBECONFIG || join(homedir(), ".kube/config"));
  const files = (where.kubeconfig === undefined ? named.split(delimiter) : [named]).filter((file) => file !== "" && existsSync(file));
  const [first, ...more] = files;
  if (first === undefined) {
    throw new NoCluster(
      `there is no ${named}; say where the cluster's file is: KUBECONFIG, or pulumi config set clawfleet:kubeconfig PATH`,
    );
  }
  // A large library, and a preview without a cluster needs none of it.
  const { AppsV1Api, CoreV1Api, KubeConfig, NodeV1Api, StorageV1Api, VersionApi } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromFile(first);
  for (const file of more) {
    const other = new KubeConfig();
    other.loadFromFile(file);
    config.mergeConfig(other);
  }
  const contexts = config.getContexts().map(({ name }) => name);
  const context = where.context ?? config.getCurrentContext();
  if (!contexts.includes(context)) {
    const wanted = context === "" ? "has no current context" : `has no context "${context}"`;
    throw new NoCluster(`${files.join(", ")} ${wanted}; it has ${contexts.join(", ") || "none"}: pulumi config set clawfleet:context NAME`);
  }
  config.setCurrentContext(context);
  return {
    config,
    files: files.join(", "),
    context,
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    storage: config.makeApiClient(StorageV1Api),
    node: config.makeApiClient(NodeV1Api),
    version: config.makeApiClient(VersionApi),
  };
}

/** The status of an answer that is an error; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;
}

/** What the API server says is wrong in its own words, or why there was no answer. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (statusOf(error) === 401) return "it does not accept the credentials";
  if (statusOf(error) !== undefined && "body" in error) return messageIn(error.body) ?? `status ${statusOf(error)}`;
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}

/** The message of a `Status` object, or of one that is still text. */
function messageIn(body: unknown): string | undefined {
  if (typeof body === "object" && body !== null) {
    return "message" in body && typeof body.message === "string" ? body.message : undefined;
  }
  if (typeof body !== "string") return undefined;
  try {
    return messageIn(JSON.parse(body)) ?? body.trim();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return body.trim() || undefined;
  }
}

/** Undefined where the cluster has no such object. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
