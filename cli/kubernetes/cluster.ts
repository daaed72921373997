import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppsV1Api, CoreV1Api, KubeConfig, KubernetesObjectApi, StorageV1Api } from "@kubernetes/client-node";
import { UserError } from "../errors.ts";
import { root } from "../root.ts";

/** A cluster that has answered. */
export interface Cluster {
  readonly config: KubeConfig;
  readonly context: string;
  /** Address of its API server. */
  readonly server: string;
  /** E.g. `v1.34.1`. */
  readonly version: string;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly storage: StorageV1Api;
  /** Objects of any kind. */
  readonly objects: KubernetesObjectApi;
}

/** Which cluster: what a stack's config says, or what Kubernetes' clients take. */
export interface Where {
  /** @default KUBECONFIG, else ~/.kube/config */
  readonly kubeconfig?: string | undefined;
  /** @default the file's current one */
  readonly context?: string | undefined;
}

/** The files that hold the clusters' addresses and credentials, as Kubernetes' clients look for them; those that are not there are left out. */
export function kubeconfigFiles({ kubeconfig }: Where, env: NodeJS.ProcessEnv = process.env): string[] {
  const home = join(env.HOME ?? homedir(), ".kube/config");
  const files = kubeconfig !== undefined ? [resolve(root, kubeconfig)] : env.KUBECONFIG ? env.KUBECONFIG.split(delimiter) : [home];
  return files.filter((file) => file !== "" && existsSync(file));
}

/**
 * The cluster, once it has answered.
 *
 * @throws UserError when none answers within 10 s, or it does not let us in.
 */
export async function connect(where: Where): Promise<Cluster> {
  const files = kubeconfigFiles(where);
  const [first, ...more] = files;
  if (first === undefined) {
    const looked = where.kubeconfig ?? (process.env.KUBECONFIG || "~/.kube/config");
    throw new UserError(
      `no kubeconfig: there is no ${looked}. Say where it is: KUBECONFIG, or pulumi config set clawfleet:kubeconfig PATH`,
    );
  }
  // The client is large; not every command needs it.
  const { AppsV1Api, CoreV1Api, KubeConfig, KubernetesObjectApi, StorageV1Api, VersionApi } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromFile(first);
  for (const file of more) {
    const other = new KubeConfig();
    other.loadFromFile(file);
    config.mergeConfig(other);
  }
  const names = config.getContexts().map(({ name }) => name);
  const context = where.context ?? config.getCurrentContext();
  if (!names.includes(context)) {
    const wanted = context === "" ? "no current context" : `no context "${context}"`;
    throw new UserError(`${files.join(", ")}: ${wanted}; there is ${names.length > 0 ? names.join(", ") : "none"}`);
  }
  config.setCurrentContext(context);
  const server = config.getCurrentCluster()?.server ?? "nowhere";
  try {
    const late = sleep(10_000, undefined, { ref: false }).then(() => Promise.reject(new Error("no answer within 10 s")));
    const { gitVersion } = await Promise.race([config.makeApiClient(VersionApi).getCode(), late]);
    return {
      config,
      context,
      server,
      version: gitVersion,
      core: config.makeApiClient(CoreV1Api),
      apps: config.makeApiClient(AppsV1Api),
      storage: config.makeApiClient(StorageV1Api),
      objects: KubernetesObjectApi.makeApiClient(config),
    };
  } catch (error) {
    throw new UserError(
      `the cluster of context "${context}" does not answer at ${server}: ${apiMessage(error)}\nStart it, or choose another: KUBECONFIG, or clawfleet:context in the stack's config. \`clawfleet doctor\` says what is there.`,
    );
  }
}

/** The HTTP status of an error of the API server, if it is one. */
export function apiStatus(error: unknown): number | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;
}

/** What the API server says is wrong, in its own words; else the error's. */
export function apiMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const status = apiStatus(error);
  if (status !== undefined && "body" in error) return messageIn(error.body) ?? `status ${status}`;
  // fetch says only that it failed; why is in its cause.
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}

/** The message of a `Status` object, as text or as it is. */
function messageIn(body: unknown): string | undefined {
  if (typeof body === "object" && body !== null && "message" in body && typeof body.message === "string") return body.message;
  if (typeof body !== "string") return undefined;
  try {
    return messageIn(JSON.parse(body));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return body.trim() === "" ? undefined : body.trim();
  }
}

/** An object as the cluster has it; undefined when it is not there. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (apiStatus(error) === 404) return undefined;
    throw error;
  }
}
