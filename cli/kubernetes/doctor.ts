import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { reasonOf } from "../../components/kubernetes/cluster.ts";
import { messageOf, UserError } from "../errors.ts";
import { connect, type Where } from "./cluster.ts";

/** The cluster that `up` would use, as far as it shows itself. */
export type ClusterReport =
  | {
      readonly context: string;
      readonly server: string;
      readonly version: string;
      readonly storageClasses: readonly StorageClass[] | string;
    }
  /** Why there is none. */
  | { readonly missing: string };

interface StorageClass {
  readonly name: string;
  readonly default: boolean;
  readonly provisioner: string;
}

/** Looks at a cluster; undefined where nothing names one. */
export async function examineCluster(where: Where): Promise<ClusterReport | undefined> {
  const files = (process.env.KUBECONFIG || join(process.env.HOME ?? homedir(), ".kube/config")).split(delimiter);
  if (where.kubeconfig === undefined && !files.some((file) => file !== "" && existsSync(file))) return undefined;
  try {
    const cluster = await connect(where);
    const storageClasses = await cluster.storage.listStorageClass().then(
      ({ items }) =>
        items.map(({ metadata, provisioner }) => ({
          name: metadata?.name ?? "",
          default: metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true",
          provisioner,
        })),
      (error: unknown) => reasonOf(error),
    );
    return { context: cluster.context, server: cluster.server, version: cluster.release, storageClasses };
  } catch (error) {
    // A kubeconfig that cannot be read is a finding, not a crash.
    if (error instanceof UserError) return { missing: error.message.split("\n")[0] ?? "" };
    return { missing: `the kubeconfig cannot be read: ${messageOf(error)}` };
  }
}

/** What a person reads of it. */
export function clusterLines(report: ClusterReport | undefined): { readonly cluster: string; readonly storage?: string } {
  if (report === undefined) return { cluster: "none: no kubeconfig" };
  if ("missing" in report) return { cluster: report.missing };
  const { context, server, version, storageClasses } = report;
  const storage =
    typeof storageClasses === "string"
      ? storageClasses
      : storageClasses.map((one) => `${one.name}${one.default ? " (default)" : ""} by ${one.provisioner}`).join(", ") || "no class";
  return { cluster: `${version} at ${server}, context ${context}`, storage };
}
