import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, cluster, describeOnCluster } from "./cluster.ts";

/** The stand-in kubernetes plugin under the real engine, against a real cluster. */

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, "../..");
const namespace = `plugin-test-${process.pid}`;
const secret = "s3cret-of-the-plugin-test";
const encoded = Buffer.from(secret).toString("base64");

interface Result {
  readonly code: number;
  readonly output: string;
}

const PROGRAM = `
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
const env = process.env;
const ns = env.T_NAMESPACE ?? "";
const where = env.T_RENDER ? { renderYamlToDirectory: env.T_RENDER } : { kubeconfig: env.T_KUBECONFIG ?? "" };
const space = new k8s.Provider("space", { ...where, upsertExistingObjects: true });
const main = new k8s.Provider("main", where);
const namespace = new k8s.core.v1.Namespace("ns", { metadata: { name: ns, annotations: { "pulumi.com/patchFieldManager": "fleet" } } }, { provider: space, retainOnDelete: env.T_RETAIN === "1" });
const o = { provider: main, dependsOn: [namespace] };
const at = (name, annotations) => ({ metadata: { name, namespace: ns, ...(annotations ? { annotations } : {}) } });
new k8s.core.v1.Secret("sec", { ...at("sec"), stringData: { token: pulumi.secret(env.T_TOKEN ?? "") } }, o);
new k8s.core.v1.ConfigMap("cm", { metadata: { namespace: ns }, data: { k: env.T_DATA ?? "v" } }, o);
new k8s.core.v1.ServiceAccount("sa", { ...at("web"), automountServiceAccountToken: false }, o);
new k8s.core.v1.ResourceQuota("quota", { ...at("fleet"), spec: { hard: { "requests.cpu": "4000m", pods: "10" } } }, o);
new k8s.networking.v1.NetworkPolicy("deny", { ...at("deny"), spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"], ingress: [] } }, o);
new k8s.core.v1.Service("svc", { ...at("web", { "pulumi.com/skipAwait": "true" }), spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: "http" }] } }, o);
if (env.T_MORE) new k8s.core.v1.ConfigMap("more", { ...at("more"), data: { a: "1" } }, o);
export const id = new k8s.apps.v1.StatefulSet("web", { ...at("web"), spec: {
  replicas: 1, serviceName: "web", podManagementPolicy: "Parallel", selector: { matchLabels: { app: "web" } },
  template: { metadata: { labels: { app: "web" } }, spec: { serviceAccountName: "web", terminationGracePeriodSeconds: 1, hostNetwork: false, containers: [{
    name: "web", image: env.T_IMAGE ?? "", env: [{ name: "A", value: env.T_A ?? "1" }, { name: "NONE", value: "" }],
    resources: { requests: { cpu: "0.01", memory: "8192Ki" }, limits: { memory: "1024Mi" } },
  }] } },
} }, { ...o, customTimeouts: { create: "90s", update: env.T_TIMEOUT ?? "90s" } }).id;
`;

describeOnCluster("the kubernetes plugin's stand-in", { timeout: 240_000 }, () => {
  let on: Cluster;
  let root = "";
  let env: NodeJS.ProcessEnv = {};

  async function pulumi(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Result> {
    const options = { cwd: join(root, "program"), env: { ...process.env, ...env, ...more }, timeout: 200_000, maxBuffer: 64 * 1024 * 1024 };
    try {
      const { stdout, stderr } = await run("pulumi", [...args, "--non-interactive", "--color", "never"], options);
      return { code: 0, output: stdout + stderr };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const output = "stdout" in error && "stderr" in error ? `${error.stdout}${error.stderr}` : error.message;
      return { code: "code" in error && typeof error.code === "number" ? error.code : -1, output };
    }
  }
  const up = async (more: NodeJS.ProcessEnv = {}, ...args: string[]): Promise<Result> =>
    await pulumi(["up", "--yes", "--skip-preview", ...args], more);
  const get = async (what: string, path: string): Promise<string> =>
    await on.kubectl("get", "-n", namespace, ...what.split(" "), "-o", `jsonpath=${path}`);
  const state = async (): Promise<string> => readFileSync(join(root, "state/.pulumi/stacks/plugin-test/test.json"), "utf8");

  beforeAll(async () => {
    on = await cluster();
    root = mkdtempSync(join(tmpdir(), "clawfleet-plugin-"));
    const plugin = join(root, "home/plugins/resource-kubernetes-v4.32.0");
    for (const directory of [plugin, join(root, "state"), join(root, "program")]) mkdirSync(directory, { recursive: true });
    const file = join(plugin, "pulumi-resource-kubernetes");
    writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${repository}/engine/kubernetes/main.ts' "$@"\n`);
    chmodSync(file, 0o755);
    writeFileSync(join(root, "program/Pulumi.yaml"), "name: plugin-test\nruntime: {name: nodejs, options: {typescript: false}}\n");
    writeFileSync(join(root, "program/package.json"), '{"type": "module", "main": "index.ts"}');
    writeFileSync(join(root, "program/index.ts"), PROGRAM);
    writeFileSync(join(root, "kubeconfig"), readFileSync(on.kubeconfig, "utf8"), { mode: 0o600 });
    symlinkSync(join(repository, "node_modules"), join(root, "program/node_modules"));
    const images = await on.kubectl("get", "nodes", "-o", "jsonpath={.items[*].status.images[*].names[*]}");
    env = {
      PATH: [join(process.execPath, ".."), process.env.PATH].join(delimiter),
      PULUMI_HOME: join(root, "home"),
      PULUMI_BACKEND_URL: `file://${join(root, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "x",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      T_NAMESPACE: namespace,
      T_KUBECONFIG: join(root, "kubeconfig"),
      T_IMAGE: images.split(" ").find((name) => /\/pause[:@]/.test(name)) ?? "registry.k8s.io/pause:3.10",
      T_TOKEN: secret,
    };
    expect((await pulumi(["stack", "init", "test"])).output).toContain("Created stack 'test'");
  }, 600_000);

  afterAll(async () => {
    await pulumi(["destroy", "--yes", "--skip-preview"]);
    await on.tryKubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false");
    rmSync(root, { recursive: true, force: true });
  }, 200_000);

  test("makes everything, waits for it, and keeps secrets out of what it prints and of plain state", async () => {
    const preview = await pulumi(["preview"]);
    expect(preview).toMatchObject({ code: 0, output: expect.stringContaining("11 to create") });
    const result = await up();
    expect(result).toMatchObject({ code: 0, output: expect.stringContaining("11 created") });
    expect(await get("statefulset web", "{.status.readyReplicas}")).toBe("1");
    expect(await get("secret sec", "{.data.token}")).toBe(encoded);
    for (const text of [preview.output, result.output, await state()]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(encoded);
    }
    expect(await state()).toMatch(/"id": ?"plugin-test-\d+\/web"/);
    expect(await state()).toMatch(/"__fieldManager": ?"pulumi-kubernetes-[0-9a-f]{8}"/);
  });

  test("then changes nothing, also after a refresh", async () => {
    expect(await pulumi(["preview", "--refresh", "--expect-no-changes"])).toMatchObject({ code: 0 });
    expect(await pulumi(["preview", "--expect-no-changes"])).toMatchObject({ code: 0 });
  });

  test("changes a variable in place: one path, one pod after the other, fields taken over from the creation", async () => {
    const before = await get("statefulset web", "{.metadata.uid}");
    const preview = await pulumi(["preview", "--json"], { T_A: "2" });
    expect(preview.output).toMatch(/"spec\.template\.spec\.containers\[0\]\.env\[0\]\.value": \{\s*"kind": "update"/);
    const result = await up({ T_A: "2" });
    expect(result).toMatchObject({ code: 0, output: expect.stringContaining("1 updated") });
    expect(await get("pod web-0", "{.spec.containers[0].env[0].value}")).toBe("2");
    expect(await get("statefulset web", "{.metadata.uid}")).toBe(before);
    expect(await get("statefulset web --show-managed-fields", "{.metadata.managedFields[*].manager}")).toMatch(
      /pulumi-kubernetes-[0-9a-f]{8}/,
    );
  });

  test("sees drift: refreshes it into the inputs, puts it right, makes again what is gone", async () => {
    await on.kubectl("label", "-n", namespace, "resourcequota", "fleet", "extra=1");
    await on.kubectl(
      "patch",
      "-n",
      namespace,
      "resourcequota",
      "fleet",
      "--type=merge",
      "-p",
      '{"spec":{"hard":{"pods":"9"}}}',
      "--field-manager=kubectl",
    );
    await on.kubectl("delete", "-n", namespace, "service", "web");
    const preview = await pulumi(["preview", "--refresh", "--diff"], { T_A: "2" });
    expect(preview.output).toContain("+ kubernetes:core/v1:Service: (create)");
    expect(preview.output).toMatch(/~ pods: "9" => "10"/);
    expect(await up({ T_A: "2" }, "--refresh")).toMatchObject({ code: 0, output: expect.stringContaining("1 created") });
    expect(await get("resourcequota fleet", "{.spec.hard.pods}")).toBe("10");
    expect(await get("resourcequota fleet", "{.metadata.labels.extra}")).toBe("1");
  });

  test("another manager's field is a conflict, and says how to go on", async () => {
    const change = '[{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"9"}]';
    await on.kubectl("patch", "-n", namespace, "statefulset", "web", "--type=json", "-p", change, "--field-manager=someone");
    const result = await up({ T_A: "3" });
    expect(result.code).not.toBe(0);
    expect(result.output).toContain("server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/");
    expect(result.output).toMatch(
      /managed by field manager "pulumi-kubernetes-[0-9a-f]{8}" had an apply conflict: Apply failed with 1 conflict: conflict with "someone"/,
    );
    expect(await get("statefulset web", "{.spec.template.spec.containers[0].env[0].value}")).toBe("9");
    // Whoever gives the field up leaves it to the stack.
    const back = '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]';
    await on.kubectl("patch", "-n", namespace, "statefulset", "web", "--type=json", "-p", back);
    expect(await up({ T_A: "2" }, "--refresh")).toMatchObject({ code: 0 });
  });

  test("an object that is already there is not taken over", async () => {
    await on.kubectl("create", "-n", namespace, "configmap", "more", "--from-literal=b=2");
    const result = await up({ T_A: "2", T_MORE: "1" });
    expect(result.code).not.toBe(0);
    expect(result.output).toContain('configmaps "more" already exists');
    expect(result.output).toContain("Intentional upsert: set upsertExistingObjects on the provider");
    expect(await get("configmap more", "{.data}")).toBe('{"b":"2"}');
    await on.kubectl("delete", "-n", namespace, "configmap", "more");
  });

  test("new data makes a new secret: first gone, then made, as its name is fixed; a config map of its own name comes first", async () => {
    const before = await get("secret sec", "{.metadata.uid}");
    const result = await up({ T_A: "2", T_TOKEN: `${secret}2`, T_DATA: "w" });
    expect(result).toMatchObject({ code: 0, output: expect.stringContaining("+-2 replaced") });
    expect(await get("secret sec", "{.metadata.uid}")).not.toBe(before);
    expect(await get("secret sec", "{.data.token}")).toBe(Buffer.from(`${secret}2`).toString("base64"));
    expect((await get("configmaps", "{range .items[*]}{.metadata.name} {end}")).match(/cm-[0-9a-f]{8}/g)).toHaveLength(1);
    expect(result.output).not.toContain(encoded.slice(0, 12));
  });

  test("a pod that does not start: says why, keeps the object in the state, and the next update puts it right", async () => {
    const result = await up({ T_A: "2", T_TOKEN: `${secret}2`, T_DATA: "w", T_IMAGE: "registry.invalid/nothing:1", T_TIMEOUT: "15s" });
    expect(result.code).not.toBe(0);
    expect(result.output).toContain("failed to fully initialize or become live: 'web' timed out waiting to be Ready");
    expect(result.output).toContain("0 out of 1 replicas succeeded readiness checks");
    expect(result.output).toMatch(
      /\[Pod plugin-test-\d+\/web-0\]: containers with unready status: \[web\]\[(ErrImagePull|ImagePullBackOff)\]/,
    );
    expect(await state()).toContain('"initErrors"');
    expect(await up({ T_A: "2", T_TOKEN: `${secret}2`, T_DATA: "w" })).toMatchObject({ code: 0 });
    expect(await state()).not.toContain('"initErrors"');
  });

  test("imports an object that it did not make", async () => {
    await on.kubectl("create", "-n", namespace, "configmap", "found", "--from-literal=k=v");
    const result = await pulumi(
      ["import", "kubernetes:core/v1:ConfigMap", "found", `${namespace}/found`, "--yes", "--protect=false", "--generate-code=false"],
      {
        KUBECONFIG: on.kubeconfig,
      },
    );
    expect(result).toMatchObject({ code: 0, output: expect.stringContaining("1 imported") });
    expect(await state()).toMatch(/"id": ?"plugin-test-\d+\/found"/);
    expect((await pulumi(["state", "delete", `urn:pulumi:test::plugin-test::kubernetes:core/v1:ConfigMap::found`, "--yes"])).code).toBe(0);
    await on.kubectl("delete", "-n", namespace, "configmap", "found");
  });

  /** Does something while the kubeconfig at the same path says something else. */
  async function whileKubeconfig(change: (text: string) => string, what: () => Promise<void>): Promise<void> {
    const file = join(root, "kubeconfig");
    const text = readFileSync(file, "utf8");
    try {
      writeFileSync(file, change(text));
      expect(readFileSync(file, "utf8")).not.toBe(text);
      await what();
    } finally {
      writeFileSync(file, text);
    }
  }

  test("no cluster: previews, but an update, a refresh and a removal say so; PULUMI_K8S_DELETE_UNREACHABLE forgets", async () => {
    const now = { T_A: "2", T_TOKEN: `${secret}2`, T_DATA: "w" };
    const saved = join(root, "saved.json");
    expect((await pulumi(["stack", "export", "--file", saved])).code).toBe(0);
    await whileKubeconfig(
      (text) => text.replace(/(server: https:\/\/[^:]+):\d+/, "$1:1"),
      async () => {
        expect(await pulumi(["preview", "--expect-no-changes"], now)).toMatchObject({ code: 0 });
        expect(await pulumi(["preview"], { ...now, T_A: "5" })).toMatchObject({ code: 0, output: expect.stringContaining("1 to update") });
        const result = await up({ ...now, T_A: "5" });
        expect(result.code).not.toBe(0);
        expect(result.output).toMatch(
          /configured Kubernetes cluster is unreachable: unable to load schema information from the API server: Get "https:.*connection refused/,
        );
        expect((await pulumi(["refresh", "--yes", "--skip-preview"], now)).output).toContain(
          "failed to read resource state due to unreachable cluster",
        );
        const destroyed = await pulumi(["destroy", "--yes", "--skip-preview"], now);
        expect(destroyed.output).toContain('with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"');
        expect(await pulumi(["refresh", "--yes", "--skip-preview"], { ...now, PULUMI_K8S_DELETE_UNREACHABLE: "true" })).toMatchObject({
          code: 0,
        });
        expect(await state()).not.toContain("kubernetes:core/v1:Secret");
      },
    );
    expect((await pulumi(["stack", "import", "--file", saved])).code).toBe(0);
    expect(await pulumi(["preview", "--expect-no-changes"], now)).toMatchObject({ code: 0 });
  });

  test("credentials that are not good: says so", async () => {
    await whileKubeconfig(
      (text) => text.replace(/^(\s+)client-certificate-data:.*$/m, "$1token: not-a-token").replace(/^\s+client-key-data:.*\n/m, ""),
      async () => {
        const result = await up({ T_A: "4", T_TOKEN: `${secret}2`, T_DATA: "w" });
        expect(result.code).not.toBe(0);
        expect(result.output).toContain("configured Kubernetes cluster is unreachable");
        expect(result.output).toContain("the server has asked for the client to provide credentials");
      },
    );
  });

  test("renders YAML in place of a cluster: nothing in a preview, private files, warnings for secrets, only what changed again", async () => {
    const directory = join(root, "rendered");
    expect((await pulumi(["stack", "init", "render"])).code).toBe(0);
    const render = { T_RENDER: directory, T_KUBECONFIG: "", KUBECONFIG: "" };
    expect(await pulumi(["preview"], render)).toMatchObject({ code: 0 });
    expect(() => readdirSync(directory)).toThrow();
    const result = await up(render);
    expect(result).toMatchObject({ code: 0, output: expect.stringContaining("rendered YAML will contain a secret value in plaintext") });
    expect(result.output).toContain(
      `rendered file ${directory}/1-manifest/v1-secret-${namespace}-sec.yaml contains a secret value in plaintext`,
    );
    const manifests = join(directory, "1-manifest");
    const files = readdirSync(manifests);
    expect(files).toContain(`apps_v1-statefulset-${namespace}-web.yaml`);
    expect(files).toContain(`networking.k8s.io_v1-networkpolicy-${namespace}-deny.yaml`);
    expect(files).toContain(`v1-namespace-default-${namespace}.yaml`);
    expect(readdirSync(join(directory, "0-crd"))).toEqual([]);
    expect((statSync(join(manifests, files[0] ?? "")).mode & 0o777).toString(8)).toBe("600");
    expect((statSync(manifests).mode & 0o777).toString(8)).toBe("700");
    const time = (name: string): number => statSync(join(manifests, name)).mtimeMs;
    const unchanged = `v1-service-${namespace}-web.yaml`;
    const before = time(unchanged);
    const map = files.find((name) => name.startsWith(`v1-configmap-${namespace}-cm-`)) ?? "";
    expect(await up({ ...render, T_A: "7", T_DATA: "w" })).toMatchObject({ code: 0 });
    expect(readFileSync(join(manifests, `apps_v1-statefulset-${namespace}-web.yaml`), "utf8")).toContain('value: "7"');
    expect(time(unchanged)).toBe(before);
    expect(readdirSync(manifests)).not.toContain(map);
    expect(await on.kubectl("apply", "--dry-run=server", "-n", namespace, "-f", manifests)).toContain("statefulset.apps/web");
    expect(await pulumi(["destroy", "--yes", "--skip-preview"], render)).toMatchObject({ code: 0 });
    expect(readdirSync(manifests)).toEqual([]);
    expect((await pulumi(["stack", "select", "test"])).code).toBe(0);
  });

  test("removes everything, and waits until it is gone; what is gone already is no problem", async () => {
    await on.kubectl("delete", "-n", namespace, "service", "web");
    const result = await pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(result).toMatchObject({ code: 0, output: expect.stringContaining("11 deleted") });
    expect(await on.kubectl("get", "namespace", namespace, "--ignore-not-found")).toBe("");
  });
});
