/** What a fleet's namespace refuses and limits, whoever asks. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";
import { until } from "../docker/stack.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { KubernetesStack } from "./stack.ts";

const { port, uid } = runtime.descriptor;

let stack: KubernetesStack;
let image: string;

/** A pod as restricted as a claw's, of the claw's image, with what a test changes about it. */
function pod(name: string, change: { container?: object; spec?: object; command?: readonly string[] } = {}) {
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, readOnlyRootFilesystem: true };
  const resources = { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "500m", memory: "64Mi", "ephemeral-storage": "16Mi" } };
  const container = { name: "one", image, command: change.command ?? ["sleep", "1000"], securityContext, resources, ...change.container };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: stack.namespace },
    spec: {
      securityContext: { runAsNonRoot: true, runAsUser: uid, runAsGroup: uid, seccompProfile: { type: "RuntimeDefault" } },
      automountServiceAccountToken: false,
      serviceAccountName: "ada",
      terminationGracePeriodSeconds: 0,
      containers: [container],
      ...change.spec,
    },
  };
}

/** What the API server says against an object; empty when it takes it. */
async function refused(object: object): Promise<string> {
  try {
    await stack.cluster.apply(object);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describeOnCluster("a fleet's namespace", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    stack = new KubernetesStack(await cluster(), "restricted", '[[agent]]\nname = "ada"\nruntime = "picoclaw"\n');
    await stack.init();
    await stack.up();
    image = await stack.field("pod/ada-0", ".spec.containers[0].image");
  }, 600_000);

  afterAll(async () => {
    await stack?.remove();
  }, 180_000);

  const privileges: [string, object, RegExp][] = [
    ["is root", { spec: { securityContext: { runAsUser: 0 } } }, /runAsNonRoot/],
    ["is privileged", { container: { securityContext: { privileged: true } } }, /privileged/],
    ["has a capability", { container: { securityContext: { capabilities: { add: ["NET_ADMIN"] } } } }, /NET_ADMIN/],
    ["may escalate", { container: { securityContext: { capabilities: { drop: ["ALL"] } } } }, /allowPrivilegeEscalation/],
    ["has no seccomp profile", { spec: { securityContext: { runAsNonRoot: true, runAsUser: uid } } }, /seccompProfile/],
    ["sees the node's network", { spec: { hostNetwork: true } }, /host namespaces/],
    ["sees the node's files", { spec: { volumes: [{ name: "v", hostPath: { path: "/" } }] } }, /hostPath/],
  ];
  test.each(privileges)("takes no pod that %s", async (_, change, why) => {
    const words = await refused(pod("greedy", change));
    expect(words).toContain('violates PodSecurity "restricted');
    expect(words).toMatch(why);
  });

  test("takes a pod that is as restricted as a claw, and gives it limits where it has none", async () => {
    expect(
      await refused(pod("modest", { container: { resources: { requests: { cpu: "10m", memory: "16Mi", "ephemeral-storage": "8Mi" } } } })),
    ).toBe("");
    const limits = await stack.field("pod/modest", ".spec.containers[0].resources.limits");
    expect(Object.keys(z.record(z.string(), z.string()).parse(JSON.parse(limits))).sort()).toEqual(
      expect.arrayContaining(["cpu", "memory"]),
    );
    await stack.kubectl("delete", "pod", "modest");
  });

  test("takes no more than its quota allows", async () => {
    const resources = { requests: { memory: "4Ti", cpu: "1" }, limits: { memory: "4Ti", cpu: "1" } };
    expect(await refused(pod("huge", { container: { resources } }))).toMatch(/maximum memory usage per Container is 1Gi/);
    expect(await refused(pod("second"))).toBe("");
    expect(await refused(pod("third"))).toMatch(/exceeded quota: fleet, requested: pods=1, used: pods=2, limited: pods=2/);
    await stack.kubectl("delete", "pod", "second");
  });

  test("a process that takes more memory than its claw may have is killed, and its container comes back", async () => {
    // Perl is in the image; the state is that of the one container.
    const hungry = 'my $all = ""; $all .= "x" x 1048576 while 1';
    expect(await refused(pod("hungry", { command: ["perl", "-e", hungry] }))).toBe("");
    const status = ".status.containerStatuses[0]";
    const reason = async () =>
      `${await stack.field("pod/hungry", `${status}.lastState.terminated.reason`)}${await stack.field("pod/hungry", `${status}.state.terminated.reason`)}`;
    await until(async () => (await reason()).includes("OOMKilled"));
    await until(async () => Number(await stack.field("pod/hungry", `${status}.restartCount`)) > 0);
  });

  test("its policies let nothing in or out but what the fleet file says", async () => {
    const policy = z.looseObject({
      podSelector: z.object({ matchLabels: z.record(z.string(), z.string()).optional() }),
      policyTypes: z.array(z.string()),
      ingress: z.array(z.unknown()).optional(),
      egress: z.array(z.unknown()).optional(),
    });
    const specOf = async (name: string) => policy.parse(JSON.parse(await stack.field(`networkpolicy/${name}`, ".spec")));
    const closed = await specOf("default-deny");
    expect(closed).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    const ada = await specOf("ada");
    expect(ada.podSelector.matchLabels).toMatchObject({ "dev.clawfleet.claw": "ada", "app.kubernetes.io/component": "claw" });
    expect(JSON.stringify(ada.ingress ?? [])).not.toContain("0.0.0.0/0");
    const internet = z.array(z.object({ ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()) }) }));
    const open = (ada.egress ?? []).flatMap(
      (rule) => internet.safeParse(z.object({ to: z.unknown() }).safeParse(rule).data?.to).data ?? [],
    );
    expect(open.find(({ ipBlock }) => ipBlock.cidr === "0.0.0.0/0")?.ipBlock.except).toEqual(
      expect.arrayContaining(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]),
    );
    expect(port).toBeGreaterThan(0);
  });
});
