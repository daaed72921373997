import { runtime as engine, isSecret, type Output, output, secret } from "@pulumi/pulumi";
import { beforeAll, describe, expect, test } from "vitest";
import { KubernetesClaw } from "../../components/kubernetes/claw.ts";
import { KubernetesFleet, type KubernetesFleetArgs } from "../../components/kubernetes/fleet.ts";
import { Provider } from "../../components/kubernetes/resources.ts";
import type { Next } from "../../components/kubernetes/rollout.ts";
import { Secrets } from "../../components/secrets.ts";
import type { Launch } from "../../runtimes/runtime.ts";
import { settings } from "./kubernetes.ts";
import { found, inputsOf, options, register, registered } from "./register.ts";
import { launch } from "./sample.ts";

const marker = "4dabf18193072939515e22adb298388d";
const key = "sk-canary-of-the-tests";
const password = "canary-of-the-registry";

const order = (name: string) => registered.findIndex((one) => one.name === name);
const value = <T>(out: Output<T>) => new Promise<T>((resolve) => out.apply(resolve));
const secretsOf = (anthropic = key) =>
  new Secrets((name) => (name === "anthropic" ? secret(anthropic) : undefined), secret("seed of the tests"), {});
const login = () => ({ username: "robot", password: secret(password) });

function fleetOf(launches: readonly Launch[], change: Partial<KubernetesFleetArgs> = {}) {
  return new KubernetesFleet("fleet", {
    launches,
    stack: "dev",
    settings: settings(),
    secrets: secretsOf(),
    provider: new Provider("kubernetes", { context: "here" }),
    namespaceProvider: new Provider("kubernetes-namespace", { context: "here" }, true),
    ...change,
  });
}

describe("a fleet of two claws of one runtime", () => {
  const launches = [launch(), launch({ claw: "bob", secretEnv: {} })];
  let fleet: KubernetesFleet;
  beforeAll(async () => {
    fleet = await register(() => fleetOf(launches, { login: login() }));
  });

  test("is a namespace and its limits, one image per runtime, and five objects per claw, six with secrets", () => {
    expect(registered.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "clawfleet:image:RuntimeImage picoclaw",
      "clawfleet:kubernetes:Claw ada",
      "clawfleet:kubernetes:Claw bob",
      "clawfleet:kubernetes:Fleet fleet",
      "docker:index/registryImage:RegistryImage picoclaw-push",
      "docker:index/remoteImage:RemoteImage picoclaw-image",
      "kubernetes:apps/v1:StatefulSet ada-statefulset",
      "kubernetes:apps/v1:StatefulSet bob-statefulset",
      "kubernetes:core/v1:LimitRange fleet-limits",
      "kubernetes:core/v1:Namespace fleet-namespace",
      "kubernetes:core/v1:ResourceQuota fleet-quota",
      "kubernetes:core/v1:Secret ada-secret",
      "kubernetes:core/v1:Secret fleet-registry",
      "kubernetes:core/v1:Service ada-headless",
      "kubernetes:core/v1:Service ada-service",
      "kubernetes:core/v1:Service bob-headless",
      "kubernetes:core/v1:Service bob-service",
      "kubernetes:core/v1:ServiceAccount ada-account",
      "kubernetes:core/v1:ServiceAccount bob-account",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy ada-policy",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy bob-policy",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy fleet-default-deny",
      "pulumi:providers:kubernetes kubernetes",
      "pulumi:providers:kubernetes kubernetes-namespace",
      "pulumi:pulumi:Stack clawfleet-dev",
    ]);
  });

  test("takes over only the namespace where it is there already, and never deletes it", () => {
    expect(inputsOf("kubernetes")).toEqual({ context: "here", enablePatchForce: "true" });
    expect(inputsOf("kubernetes-namespace")).toEqual({ context: "here", enablePatchForce: "true", upsertExistingObjects: "true" });
    const providers = registered.filter(({ type }) => type.startsWith("kubernetes:")).map(({ name, provider }) => [name, provider]);
    for (const [name, provider] of providers) {
      expect(provider, name).toMatch(name === "fleet-namespace" ? /::kubernetes-namespace::/ : /::kubernetes::/);
    }
    expect(options.get("fleet-namespace")).toMatchObject({ retainOnDelete: true });
  });

  test("starts each claw after what it needs, and waits for it", () => {
    for (const name of [
      "fleet-namespace",
      "fleet-quota",
      "fleet-limits",
      "fleet-default-deny",
      "fleet-registry",
      "ada-secret",
      "ada-policy",
    ])
      expect(order(name), name).toBeLessThan(order("ada-statefulset"));
    expect(order("fleet-namespace")).toBeLessThan(order("ada-secret"));
    expect(options.get("ada-statefulset")).toMatchObject({
      ignoreChanges: ["spec.volumeClaimTemplates"],
      customTimeouts: { create: "300s", update: "300s" },
      version: "4.32.0",
    });
    for (const { name, type } of registered) if (type.startsWith("kubernetes:")) expect(options.get(name)?.parent, name).toBeDefined();
  });

  test("runs what was pushed, by its digest", () => {
    const container = inputsOf("ada-statefulset")?.spec.template.spec.containers[0];
    expect(container.image).toBe("registry.example.com/claws/picoclaw@sha256:pushed");
    // What runs the last image would else be removed first, for Pulumi to remove it from the registry.
    for (const name of ["picoclaw-image", "picoclaw-push"]) expect(options.get(name)?.deleteBeforeReplace, name).toBe(false);
  });

  test("has values in Secrets alone, under names that tell nothing", async () => {
    const { data, metadata } = inputsOf("ada-secret") ?? {};
    expect(data[marker]).toBeDefined();
    expect(Buffer.from(data.value.TESTCLAW_key, "base64").toString()).toBe(key);
    expect(Buffer.from(data.value.TESTCLAW_TOKEN, "base64").toString()).toMatch(/^[0-9a-f]{64}$/);
    expect(metadata.name).toMatch(/^ada-[0-9a-f]{10}$/);
    const spec = inputsOf("ada-statefulset")?.spec.template;
    expect(spec.spec.containers[0].env).toContainEqual({
      name: "TESTCLAW_key",
      valueFrom: { secretKeyRef: { name: metadata.name, key: "TESTCLAW_key" } },
    });
    expect(`ada-${spec.metadata.annotations["dev.clawfleet.secret-hash"]}`).toBe(metadata.name);
    const elsewhere = JSON.stringify(registered.filter(({ name }) => name !== "ada-secret"));
    for (const text of [key, Buffer.from(key).toString("base64"), "seed of the tests"]) expect(elsewhere).not.toContain(text);
    expect(JSON.stringify(inputsOf("ada-statefulset"))).not.toContain(marker);
  });

  test("gives the registry's login to who pushes and to who pulls, as secrets", () => {
    const { authConfig } = inputsOf("picoclaw-push") ?? {};
    expect(authConfig).toEqual({
      [marker]: expect.any(String),
      value: { address: "registry.example.com", username: "robot", password },
    });
    const { data, metadata, type } = inputsOf("fleet-registry") ?? {};
    expect(type).toBe("kubernetes.io/dockerconfigjson");
    expect(data[marker]).toBeDefined();
    const auth = Buffer.from(`robot:${password}`).toString("base64");
    expect(JSON.parse(Buffer.from(data.value[".dockerconfigjson"], "base64").toString())).toEqual({
      auths: { "registry.example.com": { username: "robot", password, auth } },
    });
    expect(inputsOf("ada-account")?.imagePullSecrets).toEqual([{ name: metadata.name }]);
    expect(metadata.name).toMatch(/^clawfleet-registry-[0-9a-f]{10}$/);
    const elsewhere = JSON.stringify(registered.filter(({ name }) => !["picoclaw-push", "fleet-registry"].includes(name)));
    expect(elsewhere).not.toContain(password);
  });

  test("gives an inventory without secrets", async () => {
    const claws = output(fleet.claws);
    expect(await isSecret(claws)).toBe(false);
    expect((await value(claws))[0]).toEqual({
      name: "ada",
      target: "kubernetes",
      runtime: "picoclaw",
      version: "1.2.3",
      url: "http://ada.clawfleet-dev.svc:8080",
      healthUrl: "http://ada.clawfleet-dev.svc:8080/health",
      imageDigest: "sha256:pushed",
      container: "ada-0",
      volume: "state-ada-0",
      uid: 10042,
      namespace: "clawfleet-dev",
    });
  });
});

test("another value makes another Secret, and nothing else changes but who refers to it", async () => {
  const objects = async (anthropic: string) => {
    await register(() => fleetOf([launch()], { secrets: secretsOf(anthropic) }));
    return new Map(registered.map(({ name, inputs }) => [name, JSON.stringify(inputs)]));
  };
  const [one, other] = [await objects("one value"), await objects("another value")];
  expect(
    [...one]
      .filter(([name, inputs]) => other.get(name) !== inputs)
      .map(([name]) => name)
      .sort(),
  ).toEqual(["ada-secret", "ada-statefulset"]);
});

test("a quota that shrinks comes after the claws, which need what they had until then", async () => {
  await register(() => fleetOf([launch(), launch({ claw: "bob", secretEnv: {} })], { quotaLast: true }));
  for (const name of ["ada-statefulset", "bob-statefulset"]) expect(order(name)).toBeLessThan(order("fleet-quota"));
  await register(() => fleetOf([launch()]));
  expect(order("fleet-quota")).toBeLessThan(order("ada-statefulset"));
});

test("published images are run by the digest that they are pulled under, and from where they are pulled", async () => {
  await register(() => fleetOf([launch()], { images: "pull", settings: settings({ registry: "ghcr.io/codervisor" }) }));
  expect(inputsOf("ada-statefulset")?.spec.template.spec.containers[0].image).toBe(`ghcr.io/codervisor/picoclaw@sha256:${"ab".repeat(32)}`);
  expect(found("picoclaw-push")).toBeUndefined();
});

test("a preview of a new fleet shows every object, with names and without values", async () => {
  await register(() => fleetOf([launch()], { login: login() }), true);
  expect(registered.filter(({ type }) => type.startsWith("kubernetes:")).length).toBe(11);
  expect(inputsOf("ada-secret")?.metadata.name).toMatch(/^ada-[0-9a-f]{10}$/);
});

describe("a next version", () => {
  const tried: string[] = [];
  const rollout = (answer: (next: Next) => Promise<void>) => ({
    tried: answer,
    watch: (next: Next) => {
      tried.push(`watched ${next.launch.claw}`);
    },
  });

  test("is tried when all that it needs is there, and the StatefulSet waits for it", async () => {
    let seen = -1;
    await register(() =>
      fleetOf([launch()], {
        rollout: rollout(async ({ template, secrets }) => {
          const pod = await value(template);
          seen = order("ada-statefulset");
          expect(order("ada-secret")).toBeGreaterThan(-1);
          expect(pod.spec.containers[0]?.image).toBe("registry.example.com/claws/picoclaw@sha256:pushed");
          expect(await value(secrets)).toContain(key);
          expect(await isSecret(secrets)).toBe(true);
        }),
      }),
    );
    expect(seen).toBe(-1);
    expect(order("ada-statefulset")).toBeGreaterThan(-1);
    expect(tried).toContain("watched ada");
  });
});

test("a claw without a secret it needs is refused before anything of it is registered", async () => {
  const secretEnv = { BOT: { kind: "ref", name: "bot", required: true, path: ["agent", 0] } } as const;
  await register(() => true);
  const make = () =>
    new KubernetesClaw("ada", {
      launch: launch({ secretEnv }),
      stack: "dev",
      settings: settings(),
      image: "a@sha256:1",
      secrets: secretsOf(),
    });
  expect(make).toThrow('claw "ada": no value for the secret "bot"');
  await engine.disconnect();
  expect(registered.map(({ name }) => name)).toEqual(["clawfleet-dev"]);
});

test("without a token seed no Secret can be named", async () => {
  await register(() => true);
  const secrets = new Secrets(() => secret(key), undefined, {});
  const secretEnv = { KEY: { kind: "ref", name: "anthropic", required: false, path: [] } } as const;
  const make = () =>
    new KubernetesClaw("ada", { launch: launch({ secretEnv }), stack: "dev", settings: settings(), image: "a@sha256:1", secrets });
  expect(make).toThrow(/^no seed for gateway tokens: /);
  await engine.disconnect();
});
