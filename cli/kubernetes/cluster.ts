import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObjectApi } from "@kubernetes/client-node";
import { clusterOf, type Cluster as Named, NoCluster, reasonOf } from "../../components/kubernetes/cluster.ts";
import { problemsOf } from "../../components/kubernetes/preflight.ts";
import type { KubernetesSettings } from "../../components/kubernetes/settings.ts";
import { UserError } from "../errors.ts";

/** A cluster that has answered. */
export interface Cluster extends Named {
  /** Address of its API server. */
  readonly server: string;
  /** E.g. `v1.34.1`. */
  readonly release: string;
  /** Objects of any kind. */
  readonly objects: KubernetesObjectApi;
}

/** Which cluster: what a stack's config says, or what Kubernetes' clients take. */
export type Where = Pick<KubernetesSettings, "kubeconfig" | "context">;

/**
 * The cluster, once it has answered.
 *
 * @param settings Of the stack: why it does not answer is then looked into.
 * @throws UserError when none answers within 10 s, or it does not let us in.
 */
export async function connect(where: Where, settings?: KubernetesSettings): Promise<Cluster> {
  const named = await clusterOf(where).catch((error: unknown) => {
    throw error instanceof NoCluster ? new UserError(error.message) : error;
  });
  const server = named.config.getCurrentCluster()?.server ?? "no address";
  try {
    const late = sleep(10_000, undefined, { ref: false }).then(() => Promise.reject(new Error("no answer within 10 s")));
    const { gitVersion } = await Promise.race([named.version.getCode(), late]);
    const { KubernetesObjectApi } = await import("@kubernetes/client-node");
    return { ...named, server, release: gitVersion, objects: KubernetesObjectApi.makeApiClient(named.config) };
  } catch (error) {
    const away = settings && (await problemsOf(named, settings)).find(({ kind }) => kind === "cluster")?.message;
    const what = away ?? `the cluster of context "${named.context}" in ${named.files} does not answer at ${server}: ${reasonOf(error)}`;
    throw new UserError(
      `${what}\nStart it, or choose another: KUBECONFIG, or clawfleet:context in the stack's config. \`clawfleet doctor\` says what is there.`,
    );
  }
}
