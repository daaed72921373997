/**
 * Whatever ends a claw, it comes back healthy with its data. These tests restart a whole node, so they have a cluster of their own beside the one
 * that the others use meanwhile.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadRuntimes } from "../../runtimes/index.ts";
import { until } from "../docker/stack.ts";
import { type Cluster, cluster, describeOnOwnCluster, restart, stopCluster } from "./cluster.ts";
import { answered, KubernetesStack, open } from "./stack.ts";

const claws = [
  { name: "pixel", runtime: "picoclaw", network: open },
  // Lets nobody in: neither does it after a restart.
  { name: "zero", runtime: "zeroclaw", network: "" },
] as const;
const runtimes = await loadRuntimes(claws.map(({ runtime }) => runtime));
const own = "clawfleet-restarts";

let node: Cluster;
let stack: KubernetesStack;
const kept: (() => Promise<void>)[] = [];

const descriptorOf = (runtime: string) => {
  const found = runtimes.get(runtime)?.descriptor;
  if (found === undefined) throw new Error(`no runtime "${runtime}"`);
  return found;
};

/** What changes when a claw's container is started anew. */
const starts = (claw: string) => stack.field(`pod/${claw}-0`, ".status.containerStatuses[0].containerID");

/** Resolves when the claw is another container than before and answers; its data must be there. */
async function back(before: ReadonlyMap<string, string>): Promise<void> {
  for (const { name, runtime, network } of claws) {
    const { health } = descriptorOf(runtime);
    await until(async () => {
      const now = await stack.tryKubectl(
        "get",
        `pod/${name}-0`,
        "--output=jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].ready}",
      );
      const [id = "", ready] = now.out.split(" ");
      return now.code === 0 && id !== "" && ready === "true" && id !== before.get(name);
    }, 120);
    const address = network === open ? await stack.address(name) : await stack.forwarded(name);
    expect(await answered(`${address}${health.path}`), name).toMatchObject(health.expect);
  }
  for (const check of kept) await check();
  await expect(fetch(await stack.address("zero"), { signal: AbortSignal.timeout(5000) })).rejects.toThrow();
}

const all = async () => new Map(await Promise.all(claws.map(async ({ name }) => [name, await starts(name)] as const)));

describeOnOwnCluster("claws come back", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    node = await cluster(own);
    stack = new KubernetesStack(
      node,
      "restarts",
      claws.map(({ name, runtime, network }) => `[[agent]]\nname = "${name}"\nruntime = "${runtime}"\n${network}`).join("\n"),
    );
    await stack.init();
    await stack.up();
    for (const { name, runtime } of claws) kept.push(await stack.keep(name, descriptorOf(runtime).stateDir));
  }, 600_000);

  afterAll(async () => {
    await stack?.remove();
    await stopCluster(own, true);
    // Names on the daemon of what was pushed to a registry that is gone.
    for (const { runtime } of claws) await stack?.docker.getImage(`${node.registry}/${runtime}:${descriptorOf(runtime).version}`).remove();
  }, 300_000);

  test("after their pods are deleted, without any grace", async () => {
    const before = await all();
    await stack.kubectl("delete", "pods", "--all", "--grace-period=0", "--force");
    await back(before);
  });

  test("after their processes are killed", async () => {
    const before = await all();
    // A process may end those of its own user in its pod: all but the one that kills, and it goes with its container.
    for (const { name } of claws) await stack.exec(name, "sh", "-c", "kill -KILL -1");
    await back(before);
    for (const { name } of claws)
      expect(Number(await stack.field(`pod/${name}-0`, ".status.containerStatuses[0].restartCount"))).toBeGreaterThan(0);
  });

  test("after the kubelet is restarted they are the same containers as before", async () => {
    const before = await all();
    await restart("kubelet", node);
    await node.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s");
    await back(new Map());
    expect(await all()).toEqual(before);
  });

  test("after the API server is restarted they are the same containers as before", async () => {
    const before = await all();
    await restart("apiserver", node);
    await until(async () => (await node.tryKubectl("get", "--raw", "/readyz")).code === 0);
    expect(await all()).toEqual(before);
    await back(new Map());
  });

  test("after the whole node is restarted", async () => {
    const before = await all();
    await restart("node", node);
    await until(async () => (await node.tryKubectl("get", "--raw", "/readyz")).code === 0);
    await back(before);
    const status = await stack.clawfleet("status");
    expect(status, status.out).toMatchObject({ code: 0 });
    const again = await stack.pulumi("preview", "--refresh", "--expect-no-changes");
    expect(again, again.out).toMatchObject({ code: 0 });
  });
});
