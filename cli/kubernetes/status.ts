import { ifThere } from "../../components/kubernetes/cluster.ts";
import { CONTAINER } from "../../components/kubernetes/names.ts";
import { loadRuntimes } from "../../runtimes/index.ts";
import type { Descriptor } from "../../runtimes/runtime.ts";
import type { ClawStatus } from "../claws.ts";
import { UserError } from "../errors.ts";
import { awaitHealth, type Health } from "../health.ts";
import type { Inventory } from "../pulumi.ts";
import type { Cluster } from "./cluster.ts";
import { outputOf } from "./exec.ts";
import { forward } from "./forward.ts";
import { stateOf, uidIn } from "./pods.ts";

/** How many claws are asked at once: each takes several connections to the API server. */
const AT_ONCE = 16;

/**
 * Asks the cluster and, through its API server, each claw.
 *
 * @param patient true = a claw may use up its startup time before its answer counts.
 */
export async function clawStatuses(cluster: Cluster, namespace: string, inventory: Inventory, patient: boolean): Promise<ClawStatus[]> {
  const runtimes = await loadRuntimes(inventory.map(({ runtime }) => runtime));
  const result: ClawStatus[] = [];
  for (let i = 0; i < inventory.length; i += AT_ONCE) {
    const some = inventory.slice(i, i + AT_ONCE).map((record) => {
      return clawStatus(cluster, namespace, record, runtimes.get(record.runtime)?.descriptor, patient);
    });
    result.push(...(await Promise.all(some)));
  }
  return result;
}

async function clawStatus(
  cluster: Cluster,
  namespace: string,
  { name, runtime, version, url, imageDigest, container, volume }: Inventory[number],
  descriptor: Descriptor | undefined,
  patient: boolean,
): Promise<ClawStatus> {
  const state = stateOf(await ifThere(cluster.core.readNamespacedPod({ name: container, namespace })));
  const running = state === "running" && descriptor !== undefined;
  const health: Health = running ? await ask(cluster, namespace, container, descriptor, patient) : { healthy: false, answer: state };
  const uid = running ? await uidOf(cluster, namespace, container) : undefined;
  const image = { digest: imageDigest };
  return { name, runtime, version, url, state, ...health, ...(uid !== undefined && { uid }), image, container, volume, namespace };
}

/** Asks a claw at a port of its own on this machine that leads to its pod. */
async function ask({ config }: Cluster, namespace: string, pod: string, { port, health }: Descriptor, patient: boolean): Promise<Health> {
  let why = "";
  const problem = (line: string) => {
    why = line;
  };
  const forwarded = await forward(config, { namespace, pod, port }, 0, { problem });
  try {
    const deadline = Date.now() + (patient ? health.startupSeconds * 1000 : 0);
    const answered = await awaitHealth(`http://127.0.0.1:${forwarded.port}${health.path}`, health, deadline);
    // Of a connection that the pod refuses, the client sees only that it ends.
    return answered.healthy || why === "" ? answered : { healthy: false, answer: why };
  } finally {
    await forwarded.close();
  }
}

/** The uid of a claw's processes in the kernel's words; undefined when they cannot be asked: it is just ending, say, or exec is forbidden. */
async function uidOf({ config }: Cluster, namespace: string, pod: string): Promise<number | undefined> {
  try {
    // A process may end while it is read.
    return uidIn(await outputOf(config, namespace, pod, CONTAINER, ["sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null; true"]));
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
