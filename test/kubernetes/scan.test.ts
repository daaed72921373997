/**
 * A fleet's manifests before others' eyes: kubeconform by the cluster's own schemas, kube-linter, kube-score and polaris with all that they check.
 * What they may find stands in policy/exceptions/, each with its reason.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { z } from "zod";
import { streamOf } from "../../cli/kubernetes/manifests.ts";
import { rendered } from "../../cli/kubernetes/render.ts";
import { fleetObjects } from "../../components/kubernetes/objects/index.ts";
import { kubernetesSettings } from "../../components/kubernetes/settings.ts";
import { launchesOf } from "../../runtimes/launch.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { externalSecretsCrd, installExternalSecretsCrd } from "./external-secrets.ts";
import { Exceptions, exceptionsOf, type Judge, judged, judges, kubeconform, linterChecks, scannerPath } from "./scanners.ts";
import { writeSchemas } from "./schemas.ts";

const Thing = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
type Thing = z.infer<typeof Thing>;

const image = `registry.example.com/claws/claw@sha256:${"0123456789abcdef".repeat(4)}`;
const settings = kubernetesSettings("scan", (key) => (key === "registry" ? "registry.example.com/claws" : undefined));

/** The runtimes that the trio is without, and all that can be said of the network. */
const others = `
[defaults]
model = { provider = "anthropic", name = "claude-sonnet-4-6", api_key_ref = "anthropic" }

[[agent]]
name = "iron"
runtime = "ironclaw"
port = 9090

[agent.network]
egress = ["10.0.0.0/8:5432", "192.168.1.5/32", "internet"]
ingress = ["claw:null", "namespace:web", "10.1.0.0/16"]

[[agent]]
name = "null"
runtime = "nullclaw"
port = 6060

[agent.network]
egress = []
`;

/** What `up` makes of a fleet, and what `render` writes of it, each as one YAML text. */
async function manifestsOf(fleet: string): Promise<{ up: string; existing: string; external: string }> {
  const { launches } = await launchesOf(fleet);
  const args = { launches, stack: "scan", settings };
  const up = fleetObjects({
    ...args,
    image: () => image,
    pullSecret: { name: "clawfleet-registry-0123456789", dockerConfig: "e30=" },
    secretOf: ({ claw, secretEnv }) => {
      const keys = Object.keys(secretEnv).sort();
      return { name: `${claw}-0123456789`, hash: "0123456789", keys, data: Object.fromEntries(keys.map((key) => [key, "c2VjcmV0"])) };
    },
  });
  const by = { ...args, images: new Map(launches.map(({ runtime }) => [runtime.name, image])), registryUser: "claws" };
  const external = { kind: "external", store: "vault", storeKind: "ClusterSecretStore" } as const;
  return {
    up: up.map((object) => `---\n${stringify(object, { sortMapEntries: true, aliasDuplicateObjects: false })}`).join(""),
    existing: streamOf(rendered({ ...by, secrets: { kind: "existing" } }).manifests),
    external: streamOf(rendered({ ...by, secrets: external }).manifests),
  };
}

const Workload = Thing.extend({
  kind: z.literal("StatefulSet"),
  spec: z.looseObject({ template: z.looseObject({ spec: z.looseObject({ containers: z.array(z.looseObject({})) }) }) }),
});
type Workload = z.infer<typeof Workload>;

let dir = "";
let files: readonly string[] = [];
/** Of the trio as `up` makes it. */
let things: readonly Thing[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "clawfleet-scan-"));
  const other = join(dir, "others.toml");
  await writeFile(other, others);
  const trio = await manifestsOf(join(import.meta.dirname, "../../fleets/trio.toml"));
  things = thingsIn(trio.up);
  const texts = { ...trio, others: (await manifestsOf(other)).up };
  files = await Promise.all(Object.entries(texts).map(([name, text]) => put(name, text)));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const thingsIn = (text: string) => parseAllDocuments(text).map((document) => Thing.parse(document.toJS()));

async function put(name: string, text: string): Promise<string> {
  const path = join(dir, `${name}.yaml`);
  await writeFile(path, text);
  return path;
}

/** Another file of manifests: the trio's with one claw's workload changed. */
async function withAda(name: string, change: (spec: Workload["spec"]) => unknown): Promise<string> {
  const list = things.map((thing) => {
    const { data } = Workload.safeParse(structuredClone(thing));
    if (data === undefined || data.metadata.name !== "ada") return thing;
    change(data.spec);
    return data;
  });
  return await put(name, list.map((thing) => `---\n${stringify(thing)}`).join(""));
}

/** What is wrong with a pod and its first container, and the check of each scanner that finds it; kube-score has none for folders of the node. */
const wrongs: readonly { what: string; container?: object; pod?: object; found: { readonly [judge in Judge]?: string } }[] = [
  {
    what: "a privileged container",
    container: { securityContext: { privileged: true } },
    found: { "kube-linter": "privileged-container", "kube-score": "container-security-context-privileged", polaris: "runAsPrivileged" },
  },
  {
    what: "no limits",
    container: { resources: {} },
    found: { "kube-linter": "unset-memory-requirements", "kube-score": "container-resources", polaris: "memoryLimitsMissing" },
  },
  {
    what: "an image by :latest",
    container: { image: "registry.example.com/claws/claw:latest" },
    found: { "kube-linter": "latest-tag", "kube-score": "container-image-tag", polaris: "tagNotSpecified" },
  },
  {
    what: "no probes",
    container: { livenessProbe: undefined, readinessProbe: undefined },
    found: { "kube-linter": "no-liveness-probe", "kube-score": "pod-probes", polaris: "livenessProbeMissing" },
  },
  {
    what: "a folder of the node",
    container: { volumeMounts: [{ name: "etc", mountPath: "/host" }] },
    pod: { volumes: [{ name: "etc", hostPath: { path: "/etc" } }] },
    found: { "kube-linter": "sensitive-host-mounts", polaris: "hostPathSet" },
  },
];

const names: readonly Judge[] = ["kube-linter", "kube-score", "polaris"];
describe.each(names)("%s", (name) => {
  beforeAll(() => scannerPath(name), 900_000);

  test("finds nothing but what is accepted, and every acceptance is still needed", async () => {
    const findings = await Promise.all(files.map(judges[name]));
    expect(judged(findings.flat(), await exceptionsOf(name))).toEqual({ open: [], unused: [] });
  });

  const cases = wrongs.flatMap(({ found, ...wrong }) => (found[name] === undefined ? [] : [{ ...wrong, check: found[name] }]));
  test.each(cases)("finds $what", async ({ what, container, pod, check }) => {
    const path = await withAda(`${name}, ${what}`, ({ template: { spec } }) => {
      Object.assign(spec, pod);
      Object.assign(spec.containers[0] ?? {}, container);
    });
    const { open } = judged(await judges[name](path), await exceptionsOf(name));
    expect(open).toContainEqual({ check, object: "StatefulSet/ada", message: expect.any(String) });
  });
});

test("kube-linter has the checks that it is told to leave out", async () => {
  const known = await linterChecks();
  expect((await exceptionsOf("kube-linter")).off.filter(({ check }) => !known.includes(check))).toEqual([]);
}, 900_000);

test("an exception without a reason is none", () => {
  const accepted = [{ check: "latest-tag", kind: "StatefulSet" }];
  expect(() => Exceptions.parse({ accepted })).toThrow("reason");
  expect(() => Exceptions.parse({ accepted: [{ ...accepted[0], reason: "because" }] })).toThrow("reason");
});

describeOnCluster("kubeconform, by the cluster's own schemas", () => {
  let schemas = "";
  beforeAll(async () => {
    await scannerPath("kubeconform");
    const { kubectl } = await cluster();
    schemas = join(dir, "schemas");
    // All that the project makes; nothing else of its kind has a schema then.
    const versions = ["v1", "apps/v1", "networking.k8s.io/v1"];
    await writeSchemas(schemas, (path) => kubectl("get", "--raw", path), versions, [await externalSecretsCrd()]);
  }, 900_000);

  test("finds that all objects fit", async () => {
    for (const file of files) {
      const count = thingsIn(await readFile(file, "utf8")).length;
      expect(count).toBeGreaterThan(10);
      expect(await kubeconform(file, schemas)).toEqual({ valid: count, wrong: [] });
    }
  });

  const misfits: { what: string; change: (spec: Workload["spec"]) => unknown; says: RegExp }[] = [
    { what: "a field that there is not", change: ({ template: { spec } }) => Object.assign(spec, { hostUser: false }), says: /hostUser/ },
    {
      what: "the same deep inside",
      change: ({ template: { spec } }) => Object.assign(spec.containers[0] ?? {}, { readinessProbe: { exec: { comand: ["true"] } } }),
      says: /comand/,
    },
    { what: "a value of another type", change: (spec) => Object.assign(spec, { replicas: "one" }), says: /replicas/ },
    { what: "a field left out that must be there", change: (spec) => Object.assign(spec, { selector: undefined }), says: /selector/ },
  ];
  test.each(misfits)("finds $what", async ({ what, change, says }) => {
    const { valid, wrong } = await kubeconform(await withAda(what, change), schemas);
    expect(wrong).toEqual([{ check: "statusInvalid", object: "StatefulSet/ada", message: expect.stringMatching(says) }]);
    expect(valid).toBe(things.length - 1);
  });

  /** The first ExternalSecret that is rendered. */
  async function externalSecret() {
    const External = Thing.extend({ kind: z.literal("ExternalSecret"), spec: z.looseObject({ target: z.looseObject({}) }) });
    const all = thingsIn((await manifestsOf(join(import.meta.dirname, "../../fleets/trio.toml"))).external);
    return External.parse(all.find(({ kind }) => kind === "ExternalSecret"));
  }

  test("knows the External Secrets Operator's ExternalSecret, by the operator's own definition", async () => {
    const one = await externalSecret();
    const check = async (object: object) => await kubeconform(await put("external", stringify(object)), schemas);
    expect(await check(one)).toEqual({ valid: 1, wrong: [] });
    const misspelt = await check({ ...one, spec: { ...one.spec, target: { ...one.spec.target, creationPolice: "Owner" } } });
    expect(misspelt.wrong).toEqual([expect.objectContaining({ message: expect.stringContaining("creationPolice") })]);
    // A version of it that the operator does not have any more.
    const older = await check({ ...one, apiVersion: "external-secrets.io/v1alpha1" });
    expect(older.wrong).toEqual([
      expect.objectContaining({ check: "statusError", message: expect.stringContaining("could not find schema") }),
    ]);
  });

  test("agrees with the cluster once that has the definition", async () => {
    const { kubectl, tryKubectl } = await cluster();
    const one = await externalSecret();
    await installExternalSecretsCrd(kubectl);
    const create = async (target: object) => {
      const path = await put(
        "created",
        stringify({ ...one, metadata: { name: "scan", namespace: "default" }, spec: { ...one.spec, target } }),
      );
      return await tryKubectl("create", "--dry-run=server", "--validate=strict", "--filename", path);
    };
    expect(await create(one.spec.target)).toEqual({ code: 0, out: expect.stringContaining("created (server dry run)") });
    const misspelt = await create({ ...one.spec.target, creationPolice: "Owner" });
    expect(misspelt.code).not.toBe(0);
    expect(misspelt.out).toContain("creationPolice");
  }, 120_000);
});
