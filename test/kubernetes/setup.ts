import { cluster, given, missing, runs, stopCluster } from "./cluster.ts";
import { removeExternalSecretsCrd } from "./external-secrets.ts";

/**
 * Vitest's global setup of the tests on Kubernetes. The first test that asks for the cluster starts it (`cluster()`), so that it does not run while
 * other tests do; here it is only stopped, when it did not run before, and rid of what several tests share.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  const why = missing();
  if (why !== undefined) console.warn(`NOT TESTED HERE: Kubernetes. ${why}`);
  if (why !== undefined) return undefined;
  const theirs = given(process.env);
  const before = theirs || (await runs());
  return async () => {
    if (!theirs && !(await runs())) return;
    await removeExternalSecretsCrd((await cluster()).kubectl);
    if (!before) await stopCluster(process.env.CLAWFLEET_CLUSTER || "clawfleet");
  };
}
