/** What a fleet's namespace refuses and limits, whoever asks. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";
import { until } from "../docker/stack.ts";
import { type Cluster, cluster, describeOnCluster, describeOnOwnCluster } from "./cluster.ts";
import { KubernetesStack } from "./stack.ts";

const { port, uid } = runtime.descriptor;

let stack: KubernetesStack;
let image: string;

/** An address outside the cluster at which something listens: the registry. Of a cluster elsewhere, one at which nothing has to. */
function hostOf({ own, registry }: Cluster): { host: string; port: string } {
  const [host = "", port = ""] = own ? registry.split(/[:/]/) : ["192.0.2.1", "5000"];
  return { host, port };
}

/** Whether a claw can connect; else what its kernel or the name server says. */
async function connects(from: string, host: string, port: number | string): Promise<string> {
  const perl = 'print IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 5) ? "connected" : $@';
  return (await stack.exec(from, "perl", "-MIO::Socket::INET", "-e", perl, host, `${port}`)).out;
}

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
    const one = await cluster();
    const network = `[agent.network]\ningress = ["claw:ada"]\negress = ["${hostOf(one).host}/32:${hostOf(one).port}"]\n`;
    const fleet = `[[agent]]\nname = "ada"\nruntime = "picoclaw"\n[[agent]]\nname = "bob"\nruntime = "picoclaw"\n${network}`;
    stack = new KubernetesStack(one, "restricted", fleet);
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
    expect(await refused(pod("huge", { container: { resources } }))).toMatch(
      /maximum memory usage per Container|exceeded quota: fleet.*limits.memory=4Ti/,
    );
    for (const name of ["third", "fourth"]) expect(await refused(pod(name))).toBe("");
    expect(await refused(pod("fifth"))).toMatch(/exceeded quota: fleet, requested: pods=1, used: pods=4, limited: pods=4/);
    await stack.kubectl("delete", "pods", "third", "fourth");
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
  });

  // Where the network is ours we know that it enforces policies.
  describeOnOwnCluster("on the wire", () => {
    const name = (claw: string) => `${claw}.${stack.namespace}.svc`;

    test("a claw reaches the one that lets it in, by its Service's name", async () => {
      await until(async () => (await connects("ada", name("bob"), port)) === "connected");
    });

    test("nobody else reaches a claw: no other claw, no outsider", async () => {
      expect(await connects("bob", name("ada"), port)).toMatch(/^IO::Socket::INET: connect: /);
      for (const claw of ["ada", "bob"]) {
        await expect(fetch(await stack.address(claw), { signal: AbortSignal.timeout(5000) }), claw).rejects.toThrow();
        // It is there all the same.
        expect((await fetch(`${await stack.forwarded(claw)}/health`)).status).toBe(200);
      }
    });

    test("a claw reaches of its surroundings what the file names, and otherwise nothing private", async () => {
      const { host, port: registry } = hostOf(stack.cluster);
      expect(await connects("bob", host, registry)).toBe("connected");
      expect(await connects("ada", host, registry)).toMatch(/^IO::Socket::INET: connect: /);
      expect(await connects("ada", "kubernetes.default.svc", 443)).toMatch(/^IO::Socket::INET: connect: /);
    });
  });
});
