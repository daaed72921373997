import { describe, expect, test } from "vitest";
import { labelValue, publicHash, secretHash } from "../../components/kubernetes/names.ts";
import { clawObjects, type FleetObjectsArgs, fleetObjects, namespaceObjects } from "../../components/kubernetes/objects/index.ts";
import { amount, mebibytes, processors } from "../../components/kubernetes/objects/quantity.ts";
import { quotaChange } from "../../components/kubernetes/room.ts";
import type { Launch } from "../../runtimes/runtime.ts";
import { settings } from "./kubernetes.ts";
import { descriptor, launch } from "./sample.ts";

const image = "registry.example.com/claws/picoclaw@sha256:1";
const secret = { name: "ada-0123456789", hash: "0123456789", keys: ["TESTCLAW_TOKEN", "TESTCLAW_key"] };

function claw(change: Partial<Launch> = {}, more: Partial<Parameters<typeof clawObjects>[0]> = {}) {
  const one = launch(change);
  return clawObjects({ launch: one, launches: [one], stack: "dev", settings: settings(), image, secret, pullSecrets: [], ...more });
}

const labels = {
  "app.kubernetes.io/component": "claw",
  "app.kubernetes.io/instance": "ada",
  "app.kubernetes.io/managed-by": "pulumi",
  "app.kubernetes.io/name": "picoclaw",
  "app.kubernetes.io/part-of": "clawfleet",
  "app.kubernetes.io/version": "1.2.3",
  "dev.clawfleet.claw": "ada",
  "dev.clawfleet.runtime": "picoclaw",
  "dev.clawfleet.stack": "dev",
};
const selector = { "app.kubernetes.io/component": "claw", "dev.clawfleet.claw": "ada" };

describe("a claw", () => {
  test("is one pod, confined, limited and checked, with its state on a claim that stays", () => {
    const exec = { command: ["/usr/local/bin/entrypoint", "health"] };
    expect(claw().statefulSet).toEqual({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "ada", namespace: "clawfleet-dev", labels },
      spec: {
        replicas: 1,
        serviceName: "ada-pod",
        selector: { matchLabels: selector },
        podManagementPolicy: "Parallel",
        updateStrategy: { type: "RollingUpdate" },
        revisionHistoryLimit: 3,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
        template: {
          metadata: {
            labels,
            annotations: {
              "dev.clawfleet.config-hash": expect.stringMatching(/^[0-9a-f]{10}$/),
              "dev.clawfleet.secret-hash": "0123456789",
            },
          },
          spec: {
            serviceAccountName: "ada",
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            shareProcessNamespace: true,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 10042,
              runAsGroup: 10042,
              fsGroup: 10042,
              fsGroupChangePolicy: "OnRootMismatch",
              seccompProfile: { type: "RuntimeDefault" },
            },
            terminationGracePeriodSeconds: 12,
            restartPolicy: "Always",
            dnsConfig: { options: [{ name: "ndots", value: "2" }] },
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: { "app.kubernetes.io/component": "claw", "dev.clawfleet.stack": "dev" } },
              },
            ],
            containers: [
              {
                name: "claw",
                image,
                imagePullPolicy: "IfNotPresent",
                env: [
                  { name: "ALPHA", value: "a=b" },
                  { name: "CLAWFLEET_NOFILE", value: "65536" },
                  { name: "TESTCLAW_TOKEN", valueFrom: { secretKeyRef: { name: "ada-0123456789", key: "TESTCLAW_TOKEN" } } },
                  { name: "TESTCLAW_key", valueFrom: { secretKeyRef: { name: "ada-0123456789", key: "TESTCLAW_key" } } },
                  { name: "ZED", value: "z" },
                ],
                ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
                resources: {
                  requests: { cpu: "50m", memory: "128Mi", "ephemeral-storage": "256Mi" },
                  limits: { cpu: "1500m", memory: "1Gi", "ephemeral-storage": "256Mi" },
                },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  capabilities: { drop: ["ALL"] },
                  privileged: false,
                  readOnlyRootFilesystem: true,
                  runAsNonRoot: true,
                },
                startupProbe: { exec, periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 10 },
                livenessProbe: { exec, periodSeconds: 30, failureThreshold: 3, timeoutSeconds: 10 },
                readinessProbe: { exec, periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 10 },
                volumeMounts: [
                  { name: "state", mountPath: "/home/testclaw/.testclaw" },
                  { name: "run-claw", mountPath: "/run/claw" },
                  { name: "tmp", mountPath: "/tmp" },
                  { name: "home-testclaw-cache", mountPath: "/home/testclaw/.cache" },
                ],
              },
            ],
            volumes: [
              { name: "run-claw", emptyDir: { medium: "Memory", sizeLimit: "4Mi" } },
              { name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
              { name: "home-testclaw-cache", emptyDir: { medium: "Memory", sizeLimit: "32Mi" } },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            metadata: { name: "state", labels: selector },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        ],
      },
    });
  });

  test("has an account without a token, and the registries' logins there, where a new one restarts nothing", () => {
    expect(claw().serviceAccount).toEqual({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "ada", namespace: "clawfleet-dev", labels },
      automountServiceAccountToken: false,
    });
    const { serviceAccount, statefulSet } = claw({}, { pullSecrets: ["one", "two"] });
    expect(serviceAccount.imagePullSecrets).toEqual([{ name: "one" }, { name: "two" }]);
    expect(JSON.stringify(statefulSet)).not.toContain("imagePullSecrets");
  });

  test("is reached by two Services, inside the cluster only, which nothing waits for", () => {
    const { service, headless } = claw();
    const metadata = { name: "ada", namespace: "clawfleet-dev", labels, annotations: { "pulumi.com/skipAwait": "true" } };
    const spec = { type: "ClusterIP", selector, ports: [{ name: "http", port: 8080, targetPort: "http", protocol: "TCP" }] };
    expect(service).toEqual({ apiVersion: "v1", kind: "Service", metadata, spec });
    expect(headless).toEqual({ ...service, metadata: { ...metadata, name: "ada-pod" }, spec: { ...spec, clusterIP: "None" } });
  });

  test("takes storage and isolation from the stack's settings", () => {
    const own = settings({ storageClass: "fast", storageSize: "5Gi", runtimeClass: "gvisor", hostUsers: false, namespace: "claws" });
    const { statefulSet, service } = claw({}, { settings: own });
    expect(statefulSet.spec.volumeClaimTemplates[0]?.spec).toEqual({
      accessModes: ["ReadWriteOnce"],
      storageClassName: "fast",
      resources: { requests: { storage: "5Gi" } },
    });
    expect(statefulSet.spec.template.spec).toMatchObject({ runtimeClassName: "gvisor", hostUsers: false });
    expect([statefulSet.metadata.namespace, service.metadata.namespace]).toEqual(["claws", "claws"]);
  });

  test("without secrets has no Secret, and no word of one; with values, one that cannot be changed", () => {
    const none = claw({ secretEnv: {} }, { secret: undefined });
    expect(none.secret).toBeUndefined();
    expect(JSON.stringify(none.statefulSet)).not.toMatch(/secret/i);
    expect(claw().secret).toBeUndefined();
    expect(claw({}, { secret: { ...secret, data: { TESTCLAW_TOKEN: "dA==" } } }).secret).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "ada-0123456789", namespace: "clawfleet-dev", labels },
      type: "Opaque",
      immutable: true,
      data: { TESTCLAW_TOKEN: "dA==" },
    });
  });

  test("gets values that Kubernetes would read as variables as they are, and a secret before a plain value of its name", () => {
    const env = { A: "$(HOME)", B: "a$$b", C: "5$ and $X", D: "$", TESTCLAW_key: "plain" };
    expect(claw({ env }).statefulSet.spec.template.spec.containers[0]?.env).toEqual([
      { name: "A", value: "$$(HOME)" },
      { name: "B", value: "a$$$$b" },
      { name: "C", value: "5$ and $X" },
      { name: "CLAWFLEET_NOFILE", value: "65536" },
      { name: "D", value: "$" },
      { name: "TESTCLAW_TOKEN", valueFrom: { secretKeyRef: { name: "ada-0123456789", key: "TESTCLAW_TOKEN" } } },
      { name: "TESTCLAW_key", valueFrom: { secretKeyRef: { name: "ada-0123456789", key: "TESTCLAW_key" } } },
    ]);
  });

  test("asks for no more than it may have", () => {
    const { resources } = claw({ cpus: 0.01, memoryMiB: 64 }).statefulSet.spec.template.spec.containers[0] ?? {};
    expect(resources?.requests).toMatchObject({ cpu: "10m", memory: "64Mi" });
  });
});

describe("who may talk to whom", () => {
  const dns = {
    to: [
      {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
        podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
      },
      { ipBlock: { cidr: "169.254.20.10/32" } },
    ],
    ports: [
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
    ],
  };

  test("by default a claw reaches names and the public internet, and nobody reaches it", () => {
    const { spec } = claw().networkPolicy;
    expect(spec).toEqual({
      podSelector: { matchLabels: selector },
      policyTypes: ["Ingress", "Egress"],
      egress: [
        dns,
        {
          to: [{ ipBlock: { cidr: "0.0.0.0/0", except: expect.any(Array) } }, { ipBlock: { cidr: "::/0", except: expect.any(Array) } }],
        },
      ],
    });
    const text = JSON.stringify(spec);
    for (const range of ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"]) {
      expect(text).toContain(`"${range}"`);
    }
    // Kubernetes reads it as an IPv4 range, and refuses it.
    expect(text).not.toContain("::ffff:");
  });

  test("nowhere is nowhere: no names either", () => {
    const { spec } = claw({ network: { egress: [], ingress: [] } }).networkPolicy;
    expect(spec).toEqual({ podSelector: { matchLabels: selector }, policyTypes: ["Ingress", "Egress"] });
  });

  test("ranges, ports, namespaces and claws", () => {
    const { spec } = claw({
      network: {
        egress: [
          { kind: "range", cidr: "10.0.0.0/8", port: 5432 },
          { kind: "range", cidr: "fd00::/8" },
        ],
        ingress: [
          { kind: "claw", name: "bob" },
          { kind: "namespace", name: "web" },
          { kind: "range", cidr: "192.168.1.5/32" },
        ],
      },
    }).networkPolicy;
    expect(spec.egress).toEqual([
      dns,
      { to: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [{ protocol: "TCP", port: 5432 }] },
      { to: [{ ipBlock: { cidr: "fd00::/8" } }] },
    ]);
    expect(spec.ingress).toEqual([
      {
        from: [
          { podSelector: { matchLabels: { "app.kubernetes.io/component": "claw", "dev.clawfleet.claw": "bob" } } },
          { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "web" } } },
          { ipBlock: { cidr: "192.168.1.5/32" } },
        ],
        ports: [{ protocol: "TCP", port: 8080 }],
      },
    ]);
  });

  test("who lets a claw in is reached by it, on that port alone", () => {
    const ada = launch({ network: { egress: [], ingress: [] } });
    const bob = launch({ claw: "bob", network: { egress: [], ingress: [{ kind: "claw", name: "ada" }] } });
    const { networkPolicy } = claw({}, { launch: ada, launches: [ada, bob] });
    const to = [{ podSelector: { matchLabels: { "app.kubernetes.io/component": "claw", "dev.clawfleet.claw": "bob" } } }];
    expect(networkPolicy.spec.egress).toEqual([dns, { to, ports: [{ protocol: "TCP", port: 8080 }] }]);
  });
});

describe("a fleet's namespace", () => {
  const launches = [launch(), launch({ claw: "bob", cpus: 0.5, memoryMiB: 256 })];
  const of = (change = {}) => namespaceObjects({ launches, stack: "dev", settings: settings(change) });

  test("takes only pods of the strictest standard, and keeps one owner of its fields", () => {
    const { namespace } = of();
    expect(namespace.metadata).toEqual({
      name: "clawfleet-dev",
      labels: {
        "app.kubernetes.io/managed-by": "pulumi",
        "app.kubernetes.io/part-of": "clawfleet",
        "dev.clawfleet.stack": "dev",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "latest",
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "latest",
      },
      annotations: { "pulumi.com/patchFieldManager": "clawfleet-dev" },
    });
  });

  test("has room for all claws twice, and for the state of their trials", () => {
    const hard = {
      pods: "4",
      "requests.cpu": "200m",
      "requests.memory": "512Mi",
      "requests.ephemeral-storage": "1Gi",
      "limits.cpu": "4",
      "limits.memory": "2560Mi",
      // Twice 512, and 1024 for each of two trials.
      "limits.ephemeral-storage": "3Gi",
      "services.loadbalancers": "0",
      "services.nodeports": "0",
    };
    expect(of().quota.spec).toEqual({ hard });
    const own = { pods: "9", "requests.storage": "20Gi" };
    expect(of({ quota: own }).quota.spec).toEqual({ hard: { ...hard, ...own } });
  });

  test("limits what says nothing", () => {
    const small = { cpu: "100m", memory: "64Mi", "ephemeral-storage": "64Mi" };
    expect(of().limits.spec.limits).toEqual([{ type: "Container", default: small, defaultRequest: small }]);
  });

  test("lets nobody in or out", () => {
    expect(of().defaultDeny.metadata.name).toBe("default-deny");
    expect(of().defaultDeny.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });
});

describe("all objects", () => {
  const launches = [launch(), launch({ claw: "bob", secretEnv: {} })];
  const args: FleetObjectsArgs = {
    launches,
    stack: "dev",
    settings: settings({ imagePullSecrets: ["own"] }),
    image: ({ name, version }) => `registry.example.com/claws/${name}@sha256:${version}`,
    secretOf: ({ claw: name }) => (name === "ada" ? { ...secret, data: { TESTCLAW_TOKEN: "dA==" } } : undefined),
    pullSecret: { name: "clawfleet-registry-1", dockerConfig: "e30=" },
  };
  const names = (change: Partial<FleetObjectsArgs> = {}) =>
    fleetObjects({ ...args, ...change }).map(({ kind, metadata }) => `${kind} ${metadata.name}`);

  test("come in an order in which they can be applied, plain to the last field", () => {
    expect(names()).toEqual([
      "Namespace clawfleet-dev",
      "ResourceQuota fleet",
      "LimitRange fleet",
      "NetworkPolicy default-deny",
      "Secret clawfleet-registry-1",
      "ServiceAccount ada",
      "NetworkPolicy ada",
      "Service ada",
      "Service ada-pod",
      "Secret ada-0123456789",
      "StatefulSet ada",
      "ServiceAccount bob",
      "NetworkPolicy bob",
      "Service bob",
      "Service bob-pod",
      "StatefulSet bob",
    ]);
    const objects = fleetObjects(args);
    expect(JSON.parse(JSON.stringify(objects))).toEqual(objects);
    expect(objects.find(({ kind }) => kind === "ServiceAccount")).toMatchObject({
      imagePullSecrets: [{ name: "own" }, { name: "clawfleet-registry-1" }],
    });
  });

  test("without values are without Secrets, and refer to them all the same", () => {
    const without = names({ secretOf: () => secret, pullSecret: { name: "login" } });
    expect(without.filter((name) => name.startsWith("Secret"))).toEqual([]);
    expect(JSON.stringify(fleetObjects({ ...args, secretOf: () => secret, pullSecret: { name: "login" } }))).toContain('"name":"login"');
  });
});

describe("hashes and labels", () => {
  test("a secret's hash changes with the value, the name and the key, not with the order, and is not the value's own", () => {
    const hash = secretHash("seed", { a: "1", b: "2" });
    expect(hash).toMatch(/^[0-9a-f]{10}$/);
    expect(secretHash("seed", { b: "2", a: "1" })).toBe(hash);
    const others = [
      secretHash("seed", { a: "1", b: "3" }),
      secretHash("seed", { a: "1", c: "2" }),
      secretHash("other", { a: "1", b: "2" }),
    ];
    expect(new Set([hash, ...others, secretHash("seed", { a: '1","b":"2' }), publicHash({ a: "1", b: "2" })]).size).toBe(6);
  });

  test("the configuration's hash does not depend on the order of variables", () => {
    const hash = (env: Record<string, string>) => claw({ env }).statefulSet.spec.template.metadata.annotations["dev.clawfleet.config-hash"];
    expect(hash({ A: "1", B: "2" })).toBe(hash({ B: "2", A: "1" }));
    expect(hash({ A: "1", B: "2" })).not.toBe(hash({ A: "1", B: "3" }));
  });

  test.each([
    ["1.2.3", "1.2.3"],
    ["v0.4.0+build", "v0.4.0-build"],
    ["-a_b.", "a_b"],
    ["x".repeat(70), "x".repeat(63)],
    [`${"x".repeat(62)}-y`, "x".repeat(62)],
  ])("label value %j", (text, expected) => {
    expect(labelValue(text)).toBe(expected);
  });

  test("quantities are written as the API server gives them back", () => {
    expect([mebibytes(512), mebibytes(1024), mebibytes(1536), mebibytes(4096)]).toEqual(["512Mi", "1Gi", "1536Mi", "4Gi"]);
    expect([processors(1), processors(1.5), processors(0.05), processors(0.1 + 0.2)]).toEqual(["1", "1500m", "50m", "300m"]);
  });

  test("quantities are compared by what they are", () => {
    expect(["1", "1500m", "1Gi", "1G", "0.5Mi", "0"].map(amount)).toEqual([1, 1.5, 2 ** 30, 1e9, 2 ** 19, 0]);
    expect(["", "many", "1x"].map(amount)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  test.each([
    [{ pods: "2" }, { pods: "2" }, false, {}],
    [{ memory: "1Gi" }, { memory: "1024Mi" }, false, {}],
    [{ pods: "2" }, { pods: "4" }, false, { pods: "4" }],
    [{ pods: "4" }, { pods: "2" }, true, {}],
    [{ pods: "2", memory: "4Gi" }, { pods: "6", memory: "512Mi" }, true, { pods: "6" }],
    // What was not limited before is limited from now on.
    [{}, { "requests.storage": "1Gi" }, true, {}],
    [{ "requests.storage": "1Gi" }, {}, false, {}],
  ])("a quota from %j to %j", (before, after, shrinks, grown) => {
    expect(quotaChange(before, after)).toEqual({ shrinks, grown });
  });

  test("volumes of the same descriptor have names of their own", () => {
    const names = claw().statefulSet.spec.template.spec.volumes.map(({ name }) => name);
    expect(new Set(names).size).toBe(descriptor.tmpfs.length + 1);
  });
});
