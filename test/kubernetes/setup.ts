import { given, missing, runs, stopCluster } from "./cluster.ts";

/**
 * Vitest's global setup of the tests on Kubernetes. The first test that asks for the cluster starts it (`cluster()`), so that it does not run while
 * other tests do; here it is only stopped, when it did not run before.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  const why = missing();
  if (why !== undefined) console.warn(`NOT TESTED HERE: Kubernetes. ${why}`);
  if (given(process.env) || why !== undefined) return undefined;
  if (await runs()) return undefined;
  return async () => {
    if (await runs()) await stopCluster(process.env.CLAWFLEET_CLUSTER || "clawfleet");
  };
}
