/** Every command that the documents have for clusters really runs, as a reader would run it, on a stack and a local state of the test's own. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../docker/stack.ts";
import { kubernetesRuns } from "../docs/kubernetes.ts";
import { readerOf, type Shell, wrong } from "../docs/reader.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { KubernetesStack } from "./stack.ts";

describeOnCluster("the documents' commands on Kubernetes", { timeout: 300_000 }, () => {
  let stack: KubernetesStack;
  let shell: Shell;

  beforeAll(async () => {
    const own = await cluster();
    const port = await freePort();
    stack = new KubernetesStack(own, "docs", `[[agent]]\nname = "ada"\nruntime = "picoclaw"\nport = ${port}\n`);
    shell = readerOf(stack);
    // The login is the stack's own config, as the documents say.
    for (const name of ["CLAWFLEET_REGISTRY_USER", "CLAWFLEET_REGISTRY_PASSWORD"]) delete stack.env[name];
    const { context: CONTEXT, registry: REGISTRY, user: REGISTRY_USER, password: REGISTRY_PASSWORD } = own;
    Object.assign(stack.env, { CONTEXT, REGISTRY, REGISTRY_USER, REGISTRY_PASSWORD, PORT: String(port) });
    stack.config({});
    await stack.init();
  }, 900_000);

  afterAll(async () => {
    await stack?.remove();
  }, 300_000);

  test.each(kubernetesRuns)("$command", async (run) => {
    expect(await wrong(shell, run)).toBeUndefined();
  });
});
