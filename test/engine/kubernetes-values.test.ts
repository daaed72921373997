import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { podWarnings } from "../../engine/kubernetes/await/pod.ts";
import { parseWaitFor } from "../../engine/kubernetes/await/wait-for.ts";
import { proxyFor } from "../../engine/kubernetes/connection.ts";
import { contains, difference, mergePatch, parsePath } from "../../engine/kubernetes/diff.ts";
import { differenceOf } from "../../engine/kubernetes/diff-resource.ts";
import { forceNewPaths } from "../../engine/kubernetes/force-new.ts";
import { knownResource, parseToken } from "../../engine/kubernetes/kinds.ts";
import { ambientKubeconfig, defaultNamespace, parseKubeconfig, readKubeconfig, target } from "../../engine/kubernetes/kubeconfig.ts";
import { handOver, managedByOthers, union } from "../../engine/kubernetes/managed-fields.ts";
import { normalize, prune } from "../../engine/kubernetes/normalize.ts";
import { canonicalQuantity } from "../../engine/kubernetes/quantity.ts";
import { markSecrets, plainProps, secret } from "../../engine/kubernetes/secrets.ts";
import { checkProvider, diffProvider } from "../../engine/kubernetes/settings.ts";

const mutable = { secrets: false, configMaps: false };

describe("values as the API server writes them", () => {
  test.each([
    ["0.5", "500m"],
    ["0.05", "50m"],
    ["1000m", "1"],
    ["1024Mi", "1Gi"],
    ["512Mi", "512Mi"],
    ["1536Mi", "1536Mi"],
    ["0.5Gi", "512Mi"],
    ["1e3", "1e3"],
    ["1000", "1k"],
    ["128974848", "128974848"],
    ["0", "0"],
    ["0.0000000001", "1n"],
    ["64Mi", "64Mi"],
    ["nonsense", "nonsense"],
    ["", ""],
  ])("%s is %s", (written, canonical) => {
    expect(canonicalQuantity(written)).toBe(canonical);
  });

  test("what is empty, off or 0 for the server is left out, what is not stays", () => {
    const spec = {
      hostNetwork: false,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      tolerations: [],
      nodeSelector: {},
      containers: [
        {
          name: "c",
          env: [{ name: "E", value: "" }],
          resources: { limits: { cpu: "0.5" } },
          livenessProbe: { initialDelaySeconds: 0, exec: { command: [""] } },
          volumeMounts: [{ name: "v", mountPath: "/v", readOnly: false }],
        },
      ],
      volumes: [{ name: "v", emptyDir: {} }],
    };
    expect(normalize({ apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels: { a: "" }, annotations: {} }, spec })).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", labels: { a: "" } },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "c",
            env: [{ name: "E" }],
            resources: { limits: { cpu: "500m" } },
            livenessProbe: { exec: { command: [""] } },
            volumeMounts: [{ name: "v", mountPath: "/v" }],
          },
        ],
        volumes: [{ name: "v", emptyDir: {} }],
      },
    });
    const policy = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      spec: { podSelector: {}, ingress: [], policyTypes: ["Ingress"] },
    };
    expect(normalize(policy).spec).toEqual({ podSelector: {}, policyTypes: ["Ingress"] });
  });

  test("custom resources and objects with unknown values stay as they are", () => {
    const custom = { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "t" }, spec: { list: [], off: false } };
    expect(normalize(custom)).toEqual(custom);
    const unknown = { apiVersion: "v1", kind: "Secret", metadata: {}, stringData: { a: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" } };
    expect(normalize(unknown)).toEqual(unknown);
  });
});

describe("differences", () => {
  const set = (spec: object) => ({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "s", namespace: "n" },
    spec: JSON.parse(JSON.stringify(spec)),
  });
  const diff = (before: object, now: object, ignored: string[] = []) => {
    const old = set(before);
    return differenceOf("kubernetes:apps/v1:StatefulSet", { ...old, __inputs: old }, set(now), ignored, true, mutable);
  };

  test("what cannot change in place replaces, deleted first as the name is fixed", () => {
    const found = diff({ serviceName: "a", replicas: 1 }, { serviceName: "b", replicas: 2 });
    expect(found.changes.map(({ path, replace }) => [path, replace])).toEqual([
      ["spec.serviceName", true],
      ["spec.replicas", false],
    ]);
    expect(found).toMatchObject({ replaces: ["spec.serviceName"], deleteBeforeReplace: true });
    expect(diff({ volumeClaimTemplates: [{ spec: { a: "1" } }] }, { volumeClaimTemplates: [{ spec: { a: "2" } }] }).replaces).toEqual([
      "spec.volumeClaimTemplates[0].spec.a",
    ]);
  });

  test("what is ignored is not seen, at it or below it", () => {
    expect(
      diff({ volumeClaimTemplates: [{ a: "1" }] }, { volumeClaimTemplates: [{ a: "2" }] }, ["spec.volumeClaimTemplates"]).changes,
    ).toEqual([]);
    expect(contains("spec.a", "spec.ab")).toBe(false);
    expect(contains('metadata.annotations["a.b/c"]', 'metadata.annotations["a.b/c"]')).toBe(true);
    expect(parsePath('spec.ports[0]["x.y"].z')).toEqual(["spec", "ports", 0, "x.y", "z"]);
  });

  test("elements added to a list and taken away", () => {
    expect(diff({ l: [{ a: 1 }, { b: 2 }] }, { l: [{ a: 1 }] }).changes).toMatchObject([
      { path: "spec.l[1]", kind: "DELETE", inputDiff: true },
    ]);
    expect(diff({ l: [{ a: 1 }] }, { l: [{ a: 1 }, { b: 2 }] }).changes).toMatchObject([{ path: "spec.l[1]", kind: "ADD" }]);
    expect(diff({ l: [{ a: 1, b: 2 }] }, { l: [{ a: 1 }] }).changes).toMatchObject([{ path: "spec.l[0].b", kind: "DELETE" }]);
  });

  test("a pod's container settings replace it, wherever the container stands", () => {
    const paths = forceNewPaths({ apiVersion: "v1", kind: "Pod" }, false, mutable);
    const pod = (image: string) => ({ spec: { containers: [{ name: "a" }, { name: "b", image }] } });
    expect(difference(pod("1"), pod("2"), paths)).toMatchObject([{ path: "spec.containers[1].image", replace: true }]);
  });

  test("secrets and config maps are replaced for their data unless the provider says otherwise", () => {
    const of = (kind: string, secrets: boolean, immutable = false) =>
      forceNewPaths({ apiVersion: "v1", kind, immutable }, false, { secrets, configMaps: secrets }).some(([key]) => key === "data");
    expect([of("Secret", false), of("Secret", true), of("Secret", true, true)]).toEqual([true, false, true]);
    expect([of("ConfigMap", false), of("ConfigMap", true), of("ConfigMap", true, true)]).toEqual([true, false, true]);
  });

  test("a merge patch and a pruned object", () => {
    expect(mergePatch({ a: 1, b: { c: 1 }, d: 1 }, { a: 1, b: { c: 2 } })).toEqual({ b: { c: 2 }, d: null });
    expect(mergePatch({ a: [1] }, { a: [1] })).toBeUndefined();
    expect(prune({ a: 1, b: { c: 1, d: 2 }, e: [{ f: 1, g: 2 }] }, { b: { c: 9 }, e: [{ f: 0 }] })).toEqual({ b: { c: 1 }, e: [{ f: 1 }] });
  });
});

describe("secrets", () => {
  test("stay marked where the inputs mark them, a list as a whole, a Secret's data always", () => {
    const ins = { spec: { a: secret("x"), list: [{ v: secret("y") }] } };
    const outs = { spec: { a: "x", b: "z", list: [{ v: "y" }] } };
    expect(markSecrets(outs, ins)).toEqual({ spec: { a: secret("x"), b: "z", list: secret([{ v: "y" }]) } });
    expect(markSecrets({ kind: "Secret", data: { a: "1" } }, {})).toEqual({ kind: "Secret", data: secret({ a: "1" }) });
    expect(plainProps(ins)).toEqual({ spec: { a: "x", list: [{ v: "y" }] } });
  });
});

describe("managed fields", () => {
  const entry = (manager: string, operation: string, fieldsV1: object) => ({
    manager,
    operation,
    apiVersion: "v1",
    fieldsType: "FieldsV1",
    fieldsV1,
  });

  test("those of the creation and of kubectl go over to the object's manager, others stay", () => {
    const others = entry("controller", "Update", { "f:status": {} });
    const managedFields = [
      entry("pulumi-kubernetes", "Update", { "f:data": { "f:a": {} } }),
      others,
      entry("kubectl", "Update", { "f:data": { "f:b": {} } }),
    ];
    expect(handOver(JSON.parse(JSON.stringify({ metadata: { managedFields } })), "me")).toEqual([
      others,
      entry("me", "Apply", { "f:data": { "f:a": {}, "f:b": {} } }),
    ]);
    expect(handOver({ metadata: { managedFields: [] } }, "me")).toBeUndefined();
  });

  test("sets keep their members when they are united", () => {
    expect(union({ "f:a": {} }, { "f:a": { "f:b": {} } })).toEqual({ "f:a": { ".": {}, "f:b": {} } });
  });

  test("a field that only others manage is theirs", () => {
    const it = JSON.parse(JSON.stringify({ metadata: { managedFields: [entry("them", "Update", { "f:spec": { "f:replicas": {} } })] } }));
    expect(managedByOthers(it, "me", ["spec", "replicas"])).toBe(true);
    expect(managedByOthers(it, "them", ["spec", "replicas"])).toBe(false);
    expect(managedByOthers(it, "me", ["spec", "other"])).toBe(false);
  });
});

describe("kubeconfigs", () => {
  const directory = mkdtempSync(join(tmpdir(), "clawfleet-kubeconfig-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const yaml = (name: string, current = name): string =>
    `current-context: ${current}\ncontexts: [{name: ${name}, context: {cluster: ${name}, user: u, namespace: of-${name}}}]\n` +
    `clusters: [{name: ${name}, cluster: {server: "https://${name}:6443", certificate-authority: ca.crt}}]\nusers: [{name: u, user: {token: ${name}}}]\n`;
  const write = (name: string, text: string): string => {
    const file = join(directory, name);
    writeFileSync(file, text);
    return file;
  };

  test("of several files the first to say something wins; files that are not there are no problem", async () => {
    const files = [write("a", yaml("a")), join(directory, "none"), write("b", yaml("b"))];
    const config = await ambientKubeconfig({ KUBECONFIG: files.join(":") });
    expect([...config.clusters.keys()].sort()).toEqual(["a", "b"]);
    expect(config.current).toBe("a");
    expect(config.users.get("u")).toEqual({ token: "a" });
    expect(target(config, { context: "b" }, {}).cluster).toEqual({
      server: "https://b:6443",
      "certificate-authority": join(directory, "ca.crt"),
    });
    expect(defaultNamespace(config, {})).toBe("of-a");
    expect(defaultNamespace(config, { namespace: "own" })).toBe("own");
  });

  test("a path or the text itself; what is wrong is said without repeating it", async () => {
    expect((await readKubeconfig(write("c", yaml("c")))).current).toBe("c");
    expect((await readKubeconfig(yaml("d"))).current).toBe("d");
    await expect(readKubeconfig("/nowhere/config")).rejects.toThrow("/nowhere/config: no such file");
    const broken = await parseKubeconfig('{"users": "topsecret').catch((error: Error) => error.message);
    expect(broken).toBe("it is neither YAML nor JSON");
    expect(() => target({ clusters: new Map(), users: new Map(), contexts: new Map(), current: "" }, {}, {})).toThrow(
      "no configuration has been provided",
    );
    const config = await parseKubeconfig(yaml("e"));
    expect(() => target(config, { context: "x" }, {})).toThrow('context "x" does not exist');
  });

  test("another cluster replaces, another file for the same cluster does not, and an identifier decides alone", async () => {
    const olds = { kubeconfig: yaml("a") };
    expect(await diffProvider(olds, { kubeconfig: yaml("b") })).toEqual({ changed: ["kubeconfig"], replaces: ["kubeconfig"] });
    expect((await diffProvider(olds, { kubeconfig: yaml("a").replace("token: a", "token: new") })).replaces).toEqual([]);
    const same = await diffProvider({ ...olds, clusterIdentifier: "1" }, { kubeconfig: yaml("b"), clusterIdentifier: "1" });
    expect(same).toEqual({ changed: ["kubeconfig"], replaces: [] });
    expect((await diffProvider({ ...olds, clusterIdentifier: "1" }, { ...olds, clusterIdentifier: "2" })).replaces).toEqual([
      "clusterIdentifier",
    ]);
  });

  test("options that do not go together", () => {
    const reasons = (inputs: { [key: string]: string }) => checkProvider("urn", inputs, {}).map(({ reason }) => reason);
    expect(reasons({ renderYamlToDirectory: "d", context: "c" })).toEqual([
      '"context" arg is not compatible with "renderYamlToDirectory" arg',
    ]);
    expect(reasons({ alwaysRender: "true" })).toEqual(['"alwaysRender" requires "renderYamlToDirectory" to be set']);
    expect(reasons({ kubeconfig: "k", upsertExistingObjects: "true", version: "4.32.0" })).toEqual([]);
  });

  test("the environment's proxy, unless NO_PROXY names the server, also as a network", () => {
    const proxy = (server: string, noProxy: string) =>
      proxyFor(new URL(server), {}, { HTTPS_PROXY: "http://proxy:3128", NO_PROXY: noProxy });
    expect(proxy("https://192.168.134.1:6443", "")).toBe("http://proxy:3128");
    expect(proxy("https://192.168.134.1:6443", "10.0.0.0/8, 192.168.0.0/16")).toBeUndefined();
    expect(proxy("https://api.example.com", ".example.com")).toBeUndefined();
    expect(proxy("https://api.example.com", "ample.com")).toBe("http://proxy:3128");
    expect(proxy("https://127.0.0.1:6443", "")).toBeUndefined();
    expect(proxyFor(new URL("https://a"), { "proxy-url": "http://own" }, {})).toBe("http://own");
  });
});

describe("waiting", () => {
  const object = (status: object, generation = 1) => JSON.parse(JSON.stringify({ metadata: { generation }, status }));
  const good = (annotation: string, status: object, generation = 1) =>
    parseWaitFor(annotation).every((test) => test(object(status, generation)).good);

  test("for a condition, and for a value at a path", () => {
    const ready = { observedGeneration: 1, conditions: [{ type: "Ready", status: "True" }], phase: "Up", list: [{ "a.b": 3 }] };
    expect(good("condition=ready", ready)).toBe(true);
    expect(good("condition=Ready=False", ready)).toBe(false);
    expect(good("condition=Ready", ready, 2)).toBe(false);
    expect(good("jsonpath={.status.phase}=Up", ready)).toBe(true);
    expect(good('jsonpath={.status.list[0]["a.b"]}=3', ready)).toBe(true);
    expect(good('["jsonpath={.status.phase}", "condition=Ready=False"]', ready)).toBe(false);
    expect(() => parseWaitFor("jsonpath={.status[*].x}")).toThrow("is not implemented by this stand-in");
    expect(() => parseWaitFor("whatever")).toThrow('expected a "jsonpath=" or "condition=" prefix');
    expect(() => parseWaitFor("[]")).toThrow("at least one condition");
  });

  test("says of a pod what keeps it, its container and why the last one ended", () => {
    const pod = {
      metadata: { name: "p", namespace: "n" },
      status: {
        conditions: [
          { type: "PodScheduled", status: "True" },
          { type: "Initialized", status: "True" },
          { type: "Ready", status: "False", reason: "ContainersNotReady", message: "containers with unready status: [c]" },
        ],
        containerStatuses: [
          {
            name: "c",
            ready: false,
            state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
            lastState: { terminated: { reason: "Error", exitCode: 3, finishedAt: "2026-11-22T00:00:00Z" } },
          },
        ],
      },
    };
    expect(podWarnings([pod])).toEqual([
      '[Pod n/p]: containers with unready status: [c][CrashLoopBackOff] back-off\ncontainer "c" terminated at 2026-11-22T00:00:00Z (Error: exit code 3)',
    ]);
  });
});

describe("kinds", () => {
  test("have the server's names", () => {
    expect(knownResource("networking.k8s.io/v1", "NetworkPolicy")).toMatchObject({ plural: "networkpolicies", namespaced: true });
    expect(knownResource("v1", "Endpoints")?.plural).toBe("endpoints");
    expect(knownResource("core/v1", "Namespace")).toMatchObject({ plural: "namespaces", namespaced: false });
    expect(knownResource("networking.k8s.io/v1", "IngressClass")?.plural).toBe("ingressclasses");
    expect(knownResource("example.com/v1", "Thing")).toBeUndefined();
    expect(parseToken("kubernetes:example.com/v1:Thing")).toEqual({ apiVersion: "example.com/v1", kind: "Thing" });
    expect(() => parseToken("kubernetes:yaml/v2:ConfigFile")).toThrow("official kubernetes plugin");
    expect(() => parseToken("docker:index/container:Container")).toThrow("unrecognized resource type");
  });
});
