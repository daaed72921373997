/**
 * engine/cluster.sh for real: a cluster of its own beside that of the other tests, from its first start to its last trace.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Result, root, until } from "../docker/stack.ts";
import { type Cluster, cluster, describeOnOwnCluster, restart, stopCluster } from "../kubernetes/cluster.ts";

const name = `test-${process.pid}`;
const cache = process.env.CLAWFLEET_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "clawfleet");
const state = join(cache, "cluster", name);
const script = join(root, "engine/cluster.sh");

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ""): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(command, [...args], { cwd: root, env, timeout: 600_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 125, out: stdout + stderr }),
    );
    // A command that ends before it has read all has its exit code to say why.
    child.stdin?.on("error", () => {}).end(input);
  });
}

const engine = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  run(script, args, { ...process.env, CLAWFLEET_CLUSTER: name, ...env });

async function succeed(command: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ""): Promise<string> {
  const { code, out } = await run(command, args, env, input);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${out}`);
  return out;
}

describe("what cluster.sh is asked wrongly", () => {
  test.each(["", "start", "up now", "restart", "restart etcd", "import", "import /no/such.tar"])("'%s'", async (words) => {
    expect((await engine(words === "" ? [] : words.split(" "))).code).toBe(2);
  });

  test("a name that cannot be one, and a folder that is too deep for sockets", async () => {
    const bad = await engine(["up"], { CLAWFLEET_CLUSTER: "No_Name" });
    expect(bad).toMatchObject({ code: 2, out: expect.stringContaining("lower-case letters") });
    const deep = await engine(["up"], { CLAWFLEET_CACHE: join(tmpdir(), "x".repeat(80)) });
    expect(deep).toMatchObject({ code: 2, out: expect.stringContaining("Set CLAWFLEET_CACHE to a shorter path") });
  });

  test("a cluster that is not there has no environment", async () => {
    expect(await engine(["env"], { CLAWFLEET_CLUSTER: "nobody" })).toEqual({ code: 0, out: "" });
    expect(await engine(["status"], { CLAWFLEET_CLUSTER: "nobody" })).toMatchObject({
      code: 1,
      out: expect.stringContaining("no such cluster"),
    });
  });
});

/** Settings of the whole machine that parts of a cluster like to change. */
function settings(): string[] {
  const names = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "net/ipv4/ip_forward",
  ];
  return names.map((one) => `${one}=${readFileSync(join("/proc/sys", one), "utf8").trim()}`);
}

/** All of a cluster that can be seen from outside its state folder. */
async function traces(number: string): Promise<string[]> {
  const network = (await succeed("ip", ["-4", "-oneline", "address"], process.env)) + (await succeed("ip", ["-4", "route"], process.env));
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  const groups = readdirSync("/sys/fs/cgroup").flatMap((tree) =>
    [tree, join(tree, `clawfleet-${number}`)].filter(
      (path) => path.endsWith(`clawfleet-${number}`) && existsSync(join("/sys/fs/cgroup", path)),
    ),
  );
  const processes = readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
    .map((pid) => {
      try {
        return readFileSync(join("/proc", pid, "cmdline"), "utf8").replaceAll("\0", " ");
      } catch {
        return ""; // It has ended meanwhile.
      }
    });
  return [
    ...network.split("\n").filter((line) => line.includes(`clawfleet-${number}`)),
    ...mounts.split("\n").filter((line) => line.includes(state)),
    ...groups,
    ...processes.filter((line) => line.includes(state) || line.includes(`198.18.${number}.0`)),
  ];
}

const restricted = {
  runAsNonRoot: true,
  runAsUser: 10001,
  runAsGroup: 10001,
  fsGroup: 10001,
  seccompProfile: { type: "RuntimeDefault" },
};

describeOnOwnCluster("a cluster on this machine", { timeout: 180_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), "clawfleet-cluster-"));
  const before = settings();
  let node: Cluster;
  let number: string;
  let image: string;
  let docker: NodeJS.ProcessEnv;

  const login = () => ["login", "--username", node.user, "--password-stdin", node.registry];
  const container = (command: readonly string[], more: object = {}) => ({
    name: "one",
    image,
    imagePullPolicy: "Always",
    args: command,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, readOnlyRootFilesystem: true },
    ...more,
  });
  const podSpec = (command: readonly string[], more: object = {}) => ({
    terminationGracePeriodSeconds: 0,
    imagePullSecrets: [{ name: "registry" }],
    securityContext: restricted,
    containers: [container(command, more)],
  });
  const pod = (podName: string, spec: object, labels: object = { app: podName }) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: podName, namespace: "claws", labels },
    spec,
  });
  const field = (object: string, path: string) => node.kubectl("get", object, "--namespace=claws", `--output=jsonpath={${path}}`);
  const ready = (...names: string[]) =>
    node.kubectl("wait", "--namespace=claws", "--for=condition=Ready", "--timeout=120s", ...names.map((one) => `pod/${one}`));
  const ask = (from: string, address: string) => node.tryKubectl("exec", "--namespace=claws", from, "--", "/pod", "ask", address);

  beforeAll(async () => {
    node = await cluster(name);
    number = readFileSync(join(state, "number"), "utf8").trim();
    image = `${node.registry}/test/pod:1`;
    docker = { ...process.env, DOCKER_CONFIG: join(dir, "docker") };
    const go = { ...process.env, CGO_ENABLED: "0", GO111MODULE: "off" };
    await succeed("go", ["build", "-o", join(dir, "pod"), join(root, "test/engine/fixtures/pod/main.go")], go);
    const entry = 'ENTRYPOINT ["/pod"]';
    await succeed("bash", ["-c", 'set -o pipefail; tar -C "$0" -c pod | docker import --change "$1" - "$2"', dir, entry, image], docker);
    await node.apply({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "claws", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
    await succeed(
      "bash",
      [
        "-c",
        'kubectl create secret docker-registry registry --namespace=claws --docker-server="$CLAWFLEET_REGISTRY" --docker-username="$CLAWFLEET_REGISTRY_USER" --docker-password="$CLAWFLEET_REGISTRY_PASSWORD"',
      ],
      node.env,
    );
  }, 600_000);

  afterAll(async () => {
    await stopCluster(name, true);
    if (image !== undefined) await run("docker", ["image", "rm", image], docker);
    rmSync(dir, { recursive: true, force: true });
  }, 120_000);

  test("starting it again changes nothing", async () => {
    const id = readFileSync(join(state, "run/node.pid"), "utf8");
    const again = await engine(["up"]);
    expect(again.code).toBe(0);
    expect(again.out).toContain(`export KUBECONFIG=${node.kubeconfig}\n`);
    for (const line of again.out.trim().split("\n")) expect(line.replace(/=.*/, "=")).toMatch(/^export [A-Z_]+=$/);
    expect(readFileSync(join(state, "run/node.pid"), "utf8")).toBe(id);
  });

  test("nobody else can read its secrets", () => {
    expect(statSync(state).mode & 0o077).toBe(0);
    for (const file of ["kubeconfig", "registry-password", "pki/ca.key", "conf/htpasswd"]) {
      expect(statSync(join(state, file)).mode & 0o077, file).toBe(0);
    }
  });

  test("the registry wants a login of who pushes and of who pulls", async () => {
    const push = () => run("docker", ["push", image], docker);
    expect(await push()).toMatchObject({ code: 1, out: expect.stringMatching(/no basic auth credentials|unauthorized/) });
    expect((await run("docker", login(), docker, "wrong")).code).not.toBe(0);
    expect(await run("docker", login(), docker, node.password)).toMatchObject({ code: 0 });
    expect(await push()).toMatchObject({ code: 0 });
    const { imagePullSecrets: _, ...without } = podSpec(["wait"]);
    await node.apply(pod("with", podSpec(["wait"])), pod("without", without));
    await ready("with");
    await until(async () => (await field("pod/without", ".status.containerStatuses[0].state.waiting.message")).includes("401"));
    await node.kubectl("delete", "pod", "without", "--namespace=claws", "--now");
  });

  test("a restricted namespace lets no root in", async () => {
    const { securityContext: _, ...loose } = podSpec(["wait"]);
    await expect(node.apply(pod("loose", loose))).rejects.toThrow(/violates PodSecurity "restricted/);
  });

  test("who takes more memory than allowed is stopped", async () => {
    const limits = { limits: { memory: "64Mi" } };
    await node.apply(pod("eater", { ...podSpec(["eat"], { resources: limits }), restartPolicy: "Never" }));
    await until(async () => (await field("pod/eater", ".status.containerStatuses[0].state.terminated.reason")) === "OOMKilled");
  });

  test("a volume keeps its data through a power cut, and names lead to pods", async () => {
    const labels = { app: "keeper" };
    await node.apply(
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "keeper", namespace: "claws" },
        spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
      },
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "keeper", namespace: "claws" },
        spec: {
          serviceName: "keeper",
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: podSpec(["serve", "/data/file"], { volumeMounts: [{ name: "data", mountPath: "/data" }] }),
          },
          volumeClaimTemplates: [
            { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } } },
          ],
        },
      },
    );
    await until(async () => (await field("statefulset/keeper", ".status.readyReplicas")) === "1");
    expect(await field("persistentvolumeclaim/data-keeper-0", ".spec.storageClassName")).toBe("local");
    const line = "started by 10001:10001\n";
    // A service leads to a pod a little after that is ready.
    await until(async () => (await ask("with", "keeper:80")).code === 0);
    expect((await ask("with", "keeper:80")).out).toBe(line);
    const [volume = ""] = readdirSync(join(state, "volumes"));
    expect(statSync(join(state, "volumes", volume))).toMatchObject({ uid: 0, gid: 10001 });

    await restart("node", node);
    await ready("keeper-0", "with");
    await until(async () => (await ask("with", "keeper:80")).code === 0);
    expect((await ask("with", "keeper:80")).out).toBe(line + line);
  });

  test("network policies say who speaks with whom", async () => {
    const policy = (policyName: string, spec: object) => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: policyName, namespace: "claws" },
      spec,
    });
    const address = `${await field("pod/keeper-0", ".status.podIP")}:8080`;
    const api = `10.${Number(number) + 1}.0.1:443`;
    expect((await ask("with", address)).code).toBe(0);
    await node.apply(policy("deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }));
    await until(async () => (await ask("with", address)).out.includes("no route to host"));

    const only = [{ podSelector: { matchLabels: { app: "with" } } }];
    const elsewhere = [{ ipBlock: { cidr: "0.0.0.0/0", except: ["10.0.0.0/8", "192.168.0.0/16"] } }];
    const keeper = [{ podSelector: { matchLabels: { app: "keeper" } } }];
    await node.apply(
      policy("in", {
        podSelector: { matchLabels: { app: "keeper" } },
        policyTypes: ["Ingress"],
        ingress: [{ from: only, ports: [{ port: 8080 }] }],
      }),
      policy("out", {
        podSelector: { matchLabels: { app: "with" } },
        policyTypes: ["Egress"],
        egress: [{ to: elsewhere }, { to: keeper }],
      }),
    );
    await until(async () => (await ask("with", address)).code === 0);
    expect((await ask("with", api)).out).toContain("no route to host");
    expect((await ask("with", `${node.registry}`)).out).toContain("no route to host");
  });

  test("a part that is killed comes back, and so does all after the machine's end", async () => {
    const word = await engine(["restart", "apiserver"]);
    expect(word.code, word.out).toBe(0);
    for (const part of ["node", "registry"]) {
      process.kill(Number(readFileSync(join(state, `run/${part}.pid`), "utf8").split(" ")[0]), "SIGKILL");
    }
    await until(async () => (await engine(["status"])).code === 1);
    const up = await engine(["up"]);
    expect(up.code, up.out).toBe(0);
    await ready("keeper-0");
    expect(await field("pod/keeper-0", ".status.containerStatuses[0].restartCount")).not.toBe("0");
  });

  test("stopped it leaves nothing on the machine; purged nothing at all", async () => {
    expect(await traces(number)).not.toEqual([]);
    await stopCluster(name);
    expect(await traces(number)).toEqual([]);
    expect(settings()).toEqual(before);
    expect(existsSync(join(state, "etcd/member"))).toBe(true);
    const trusted = readFileSync(join(state, "trusted"), "utf8").trim().split("\n");
    expect(trusted.map((folder) => existsSync(join(folder, "ca.crt")))).toEqual(trusted.map(() => true));
    await stopCluster(name, true);
    expect(existsSync(state)).toBe(false);
    expect(trusted.map(existsSync)).toEqual(trusted.map(() => false));
  });
});
