/** `clawfleet render` on a real cluster: what kubectl makes of its files is what `pulumi up` makes of the fleet. */
import { createHmac } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { cluster, describeOnCluster } from "./cluster.ts";
import { KubernetesStack } from "./stack.ts";

/** Unmistakable when it turns up where it must not. */
const key = "sk-canary-of-render-77c0";

// One claw that others may reach, one that may not be left out of it, and one without its model's key.
const fleet = `
[defaults]
runtime = "picoclaw"
[defaults.model]
provider = "openai"
name = "m"
api_key_ref = "canary"
[[agent]]
name = "ada"
[agent.network]
ingress = ["claw:bea", "10.1.0.0/16"]
[[agent]]
name = "bea"
[agent.security]
memory_limit = "512m"
cpus = 0.5
`;
const claws = ["ada", "bea"];
const kinds = "statefulsets,services,serviceaccounts,networkpolicies,resourcequotas,limitranges";

const list = z.object({ items: z.array(z.record(z.string(), z.unknown())) });
const wanted = z.object({
  secrets: z.array(z.object({ name: z.string(), type: z.string(), keys: z.array(z.object({ key: z.string() })) })),
});

let stack: KubernetesStack;
let out: string;

const render = (...args: string[]) => stack.clawfleet("render", stack.name, ...args);
const files = () => new Map(readdirSync(out).map((name) => [name, readFileSync(join(out, name), "utf8")]));
const token = (claw: string) =>
  createHmac("sha256", stack.env.CLAWFLEET_TOKEN_SEED ?? "")
    .update(`gateway-token:${claw}`)
    .digest("hex");

/**
 * A live object without what the cluster adds or counts, and without what is different on purpose between the two ways:
 *
 * - annotations that only tell Pulumi something (`pulumi.com/...`), which manifests do not have
 * - the hash of a claw's Secret: who renders knows no values
 * - Secrets' names: `up` names one by its content (`ada-0123456789`), manifests by a name that can be known (`ada`)
 * - `optional` at a reference to a secret without which the claw comes up: `up` knows that it is there
 */
function comparable(value: unknown, path = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => comparable(one, `${path}[]`));
  if (typeof value === "string") {
    const names = /\.secretKeyRef\.name$|\.imagePullSecrets\[\]\.name$/.test(path);
    return names ? value.replace(/-[0-9a-f]{10}$/, "") : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const dropped = [
    ".status",
    ...["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"].map((one) => `.metadata.${one}`),
    // The cluster's choice of an address; that there is none is said by None.
    ...(path === ".spec" && "clusterIP" in value && value.clusterIP !== "None" ? [".spec.clusterIP", ".spec.clusterIPs"] : []),
  ];
  const entries = Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    const at = `${path}.${name}`;
    if (dropped.includes(at) || at.endsWith(".secretKeyRef.optional")) return [];
    if (/annotations\.(pulumi\.com\/.*|dev\.clawfleet\.secret-hash)$/.test(at)) return [];
    const plain = comparable(one, at);
    return name === "annotations" && typeof plain === "object" && Object.keys(plain ?? {}).length === 0 ? [] : [[name, plain]];
  });
  return Object.fromEntries(entries);
}

/** What is in the fleet's namespace, and that itself, by kind and name. */
async function live(): Promise<Map<string, unknown>> {
  const inside = list.parse(JSON.parse(await stack.kubectl("get", kinds, "--selector=dev.clawfleet.stack", "--output=json"))).items;
  const namespace: unknown = JSON.parse(await stack.kubectl("get", "namespace", stack.namespace, "--output=json"));
  const named = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) });
  const pairs = [namespace, ...inside].map((object): [string, unknown] => {
    const { kind, metadata } = named.parse(object);
    return [`${kind}/${metadata.name}`, comparable(object)];
  });
  return new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const ready = () => stack.kubectl("wait", ...claws.map((claw) => `pod/${claw}-0`), "--for=condition=Ready", "--timeout=120s");

describeOnCluster("clawfleet render", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    stack = new KubernetesStack(await cluster(), "render", fleet, { CLAWFLEET_SECRET_CANARY: key });
    out = join(stack.dir, "manifests");
    await stack.init();
  }, 600_000);

  afterAll(async () => {
    await stack?.remove();
  }, 180_000);

  test("wants images, and says how to get them", async () => {
    const { code, out: said } = await render("--out", out);
    expect(code).toBe(1);
    expect(said).toContain(`clawfleet render ${stack.name} --build`);
    expect(existsSync(out)).toBe(false);
  });

  test("--build builds and pushes them, and touches nothing else", { timeout: 600_000 }, async () => {
    const { code, out: said } = await render("--build", "--out", out);
    expect(code, said).toBe(0);
    expect(said).toMatch(/: 14 objects of 2 claws, one a file$/m);
    expect(said).not.toContain(key);
    expect(await stack.cluster.kubectl("get", "namespaces", "--output=name")).not.toContain(stack.namespace);
    expect(await stack.state()).not.toMatch(/"type": "kubernetes:(core|apps)/);
  });

  test("is the same bytes again, and no secret is in it", async () => {
    const before = files();
    expect((await render("--out", out)).code).toBe(0);
    expect(files()).toEqual(before);
    const secrets = [key, stack.cluster.password, stack.env.CLAWFLEET_TOKEN_SEED ?? "", ...claws.map(token)].filter((one) => one !== "");
    for (const text of before.values()) {
      for (const secret of secrets) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(Buffer.from(secret).toString("base64").replace(/=+$/, ""));
      }
    }
    expect([...before.values()].join("\n")).not.toMatch(/^kind: Secret$/m);
    for (const claw of claws) {
      expect(before.get(`2-statefulset-${claw}.yaml`)).toMatch(
        new RegExp(`image: "?${stack.cluster.registry}/picoclaw@sha256:[0-9a-f]{64}"?\n`),
      );
    }
  });

  test("kubectl makes of the files what up makes of the fleet", { timeout: 600_000 }, async () => {
    const applied = await stack.cluster.tryKubectl("apply", "--server-side", "--filename", out);
    expect(applied.code, applied.out).toBe(0);
    await secretsByHand();
    await ready();
    // Kustomize reads the same.
    const diff = await stack.cluster.tryKubectl("diff", "--server-side", "--kustomize", out);
    expect(diff.out.split("\n").filter((line) => line !== "" && !line.startsWith("Warning: "))).toEqual([]);
    expect(diff.code).toBe(0);
    const byKubectl = await live();
    const health = ["/usr/local/bin/entrypoint", "health"];
    for (const claw of claws) expect((await stack.exec(claw, ...health)).code).toBe(0);

    await stack.cluster.kubectl("delete", "namespace", stack.namespace, "--timeout=180s");
    await stack.up();
    const byUp = await live();
    expect([...byUp.keys()]).toEqual([...byKubectl.keys()]);
    for (const [name, object] of byUp) expect(byKubectl.get(name), name).toEqual(object);
    expect(byUp.size).toBe(14);
  });

  test("another fleet: the files of a claw that left are gone", async () => {
    stack.fleet(fleet.slice(0, fleet.indexOf('[[agent]]\nname = "bea"')).replace('"claw:bea", ', ""));
    const { code, out: said } = await render("--out", out, "--json");
    expect(code, said).toBe(0);
    expect(JSON.parse(said)).toMatchObject({ removed: expect.arrayContaining(["2-statefulset-bea.yaml"]), foreign: [] });
    expect([...files().keys()].filter((name) => name.includes("bea"))).toEqual([]);
  });

  /** Makes the Secrets that render has said are wanted. */
  async function secretsByHand(): Promise<void> {
    const { code, out: said } = await render("--out", out, "--json");
    expect(code, said).toBe(0);
    const { registry, user, password } = stack.cluster;
    const auth = Buffer.from(`${user}:${password}`).toString("base64");
    const login = { auths: { [registry.split("/")[0] ?? ""]: { username: user, password, auth } } };
    const objects = wanted.parse(JSON.parse(said)).secrets.map(({ name, type, keys }) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: stack.namespace },
      type,
      stringData: Object.fromEntries(
        keys.map((one) => [one.key, type !== "Opaque" ? JSON.stringify(login) : /token/.test(one.key) ? token(name) : key]),
      ),
    }));
    await stack.cluster.apply(...objects);
  }
});
