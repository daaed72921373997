import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { filesOf, streamOf, writeFiles, yamlOf } from "../../cli/kubernetes/manifests.ts";
import { type Manifest, type RenderArgs, rendered, type SecretsFrom } from "../../cli/kubernetes/render.ts";
import { kubernetesSettings } from "../../components/kubernetes/settings.ts";
import { launch } from "../components/sample.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const image = `registry.example.com/claws/picoclaw@${digest}`;
const settings = kubernetesSettings("prod", (key) => (key === "registry" ? "registry.example.com/claws" : undefined));
const external: SecretsFrom = { kind: "external", store: "vault", storeKind: "ClusterSecretStore" };
const args: RenderArgs = {
  launches: [launch(), launch({ claw: "bob", secretEnv: {} })],
  stack: "prod",
  settings,
  images: new Map([["picoclaw", image]]),
  registryUser: undefined,
  secrets: { kind: "existing" },
};

/** Name of an object as `Kind/name`. */
const nameOf = ({ kind, metadata }: Manifest) =>
  `${kind}/${typeof metadata === "object" && metadata !== null && "name" in metadata ? metadata.name : ""}`;
const only = (manifests: readonly Manifest[], name: string) => manifests.find((one) => nameOf(one) === name);

describe("manifests", () => {
  test("the namespace first, pods last, and no Secret among them", () => {
    const { manifests } = rendered(args);
    expect(manifests.map(nameOf)).toEqual([
      "Namespace/clawfleet-prod",
      "ResourceQuota/fleet",
      "LimitRange/fleet",
      "NetworkPolicy/default-deny",
      ...["ada", "bob"].flatMap((claw) => [`ServiceAccount/${claw}`, `NetworkPolicy/${claw}`, `Service/${claw}`, `Service/${claw}-pod`]),
      "StatefulSet/ada",
      "StatefulSet/bob",
    ]);
  });

  test("a claw's secrets are references to the Secret of its name; what it comes up without may be missing there", () => {
    const { manifests, wanted } = rendered(args);
    expect(wanted).toEqual([
      {
        name: "ada",
        claw: "ada",
        type: "Opaque",
        keys: [
          { key: "TESTCLAW_TOKEN", remote: "prod/ada/gateway-token", optional: false, what: expect.stringContaining("token") },
          { key: "TESTCLAW_key", remote: "anthropic", optional: true, what: expect.stringContaining('"anthropic"') },
        ],
      },
    ]);
    const text = yamlOf(only(manifests, "StatefulSet/ada") ?? {});
    const { env } = parse(text).spec.template.spec.containers[0];
    expect(env).toContainEqual({ name: "TESTCLAW_TOKEN", valueFrom: { secretKeyRef: { name: "ada", key: "TESTCLAW_TOKEN" } } });
    expect(env).toContainEqual({
      name: "TESTCLAW_key",
      valueFrom: { secretKeyRef: { name: "ada", key: "TESTCLAW_key", optional: true } },
    });
    expect(text).toContain(`image: ${image}\n`);
    // What only Pulumi reads, and what only it can know.
    expect(streamOf(manifests)).not.toMatch(/pulumi\.com|secret-hash/);
  });

  test("from a store: an ExternalSecret by each claw, in place of nothing else", () => {
    const { manifests } = rendered({ ...args, secrets: external });
    expect(manifests.filter(({ kind }) => kind !== "ExternalSecret")).toEqual(rendered(args).manifests);
    expect(manifests.filter(({ kind }) => kind === "ExternalSecret")).toEqual([
      {
        apiVersion: "external-secrets.io/v1",
        kind: "ExternalSecret",
        metadata: { name: "ada", namespace: "clawfleet-prod", labels: expect.objectContaining({ "dev.clawfleet.claw": "ada" }) },
        spec: {
          refreshInterval: "1h",
          secretStoreRef: { name: "vault", kind: "ClusterSecretStore" },
          target: { name: "ada", creationPolicy: "Owner" },
          data: [
            { secretKey: "TESTCLAW_TOKEN", remoteRef: { key: "prod/ada/gateway-token" } },
            { secretKey: "TESTCLAW_key", remoteRef: { key: "anthropic" } },
          ],
        },
      },
    ]);
  });

  test("a runtime that is given its token's hash gets it from the stored token", () => {
    const hashed = launch({ secretEnv: { HASH: { kind: "gateway-token", hash: "sha256" } } });
    const { manifests, wanted } = rendered({ ...args, launches: [hashed], secrets: external });
    expect(wanted[0]?.keys[0]?.what).toContain("SHA-256");
    expect(only(manifests, "ExternalSecret/ada")).toMatchObject({
      spec: {
        target: { template: { engineVersion: "v2", mergePolicy: "Merge", data: { HASH: '{{ index . "HASH" | sha256sum }}' } } },
        data: [{ secretKey: "HASH", remoteRef: { key: "prod/ada/gateway-token" } }],
      },
    });
  });

  test("the registry's login is a Secret that every claw's account names", () => {
    const { manifests, wanted } = rendered({ ...args, registryUser: 'an"n', secrets: external });
    expect(wanted[0]).toMatchObject({ name: "clawfleet-registry", type: "kubernetes.io/dockerconfigjson" });
    for (const claw of ["ada", "bob"])
      expect(only(manifests, `ServiceAccount/${claw}`)).toMatchObject({ imagePullSecrets: [{ name: "clawfleet-registry" }] });
    expect(only(manifests, "ExternalSecret/clawfleet-registry")).toMatchObject({
      spec: {
        target: {
          template: {
            type: "kubernetes.io/dockerconfigjson",
            mergePolicy: "Replace",
            data: {
              ".dockerconfigjson":
                '{"auths":{"registry.example.com":{"username":"an\\"n","password":{{ .password | toJson }},"auth":"{{ printf "%s:%s" "an\\"n" .password | b64enc }}"}}}',
            },
          },
        },
        data: [{ secretKey: "password", remoteRef: { key: "prod/registry-password" } }],
      },
    });
  });

  test("YAML has its keys sorted and says the same to readers of YAML 1.1, as kubectl is one", () => {
    const texts = [
      "yes",
      "off",
      "0o17",
      "017",
      "1:30",
      "1_000",
      "0x1F",
      "~",
      "1e3",
      "2026-11-22",
      "- a",
      "a: b",
      "#",
      "",
      " x ",
      "a\nb\n",
      "'",
      '"',
      "\u0007",
    ];
    const manifest: Manifest = { z: 1, b: { y: true, x: texts }, a: null };
    const text = yamlOf(manifest);
    for (const version of ["1.1", "1.2"] as const) expect(parse(text, { version })).toEqual(manifest);
    expect(text.match(/^\w/gm)).toEqual(["a", "b", "z"]);
    // Go's reader knows more of 1.1 than this one: a quoted text means itself to each.
    for (const one of ["yes", "off", "017", "1:30", "1_000", "0o17", "2026-11-22"]) expect(text).toMatch(new RegExp(`- ["']${one}["']\n`));
  });

  test("the same fleet is the same bytes, whatever the order of its maps", () => {
    const turned = launch({ env: Object.fromEntries(Object.entries(launch().env).reverse()) });
    const files = (one: RenderArgs) => [...filesOf(rendered(one), "prod", "clawfleet-prod", one.secrets)];
    expect(files({ ...args, launches: [turned, ...args.launches.slice(1)] })).toEqual(files(args));
  });
});

describe("a directory", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "clawfleet-render-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const files = (claws: readonly string[], stack = "prod") =>
    filesOf(rendered({ ...args, stack, launches: claws.map((claw) => launch({ claw })) }), stack, settings.namespace, args.secrets);

  test("one object a file; Kustomize's list and a README beside them, which no `kubectl apply -f` takes for objects", () => {
    const out = join(dir, "deep/out");
    expect(writeFiles(out, "prod", files(["ada"]))).toEqual({ removed: [], foreign: [] });
    const names = readdirSync(out).sort();
    const objects = names.filter((name) => /\.(ya?ml|json)$/.test(name));
    expect(names.filter((name) => !objects.includes(name))).toEqual(["Kustomization", "README.md"]);
    expect(objects[0]).toBe("0-namespace-clawfleet-prod.yaml");
    expect(objects.at(-1)).toBe("2-statefulset-ada.yaml");
    for (const name of objects) expect(parse(readFileSync(join(out, name), "utf8"))).toHaveProperty("kind");
    expect(parse(readFileSync(join(out, "Kustomization"), "utf8"))).toEqual({
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: objects,
    });
    const readme = readFileSync(join(out, "README.md"), "utf8");
    expect(readme).toContain("| `ada` (Opaque) | `TESTCLAW_TOKEN` | the token of ada's gateway |");
  });

  test("what an earlier render wrote and this one does not, goes; what is somebody else's stays and is named", () => {
    writeFiles(dir, "prod", files(["ada", "bob"]));
    writeFileSync(join(dir, "ingress.yaml"), "kind: Ingress\n");
    mkdirSync(join(dir, "sub"));
    const { removed, foreign } = writeFiles(dir, "prod", files(["ada"]));
    expect(removed).toEqual([
      "1-networkpolicy-bob.yaml",
      "1-service-bob-pod.yaml",
      "1-service-bob.yaml",
      "1-serviceaccount-bob.yaml",
      "2-statefulset-bob.yaml",
    ]);
    expect(foreign).toEqual(["ingress.yaml", "sub"]);
    expect(readdirSync(dir).sort()).toEqual([...files(["ada"]).keys(), "ingress.yaml", "sub"].sort());
  });

  test("nothing is written over somebody else's file, or into another stack's directory", () => {
    writeFileSync(join(dir, "2-statefulset-ada.yaml"), "mine\n");
    expect(() => writeFiles(dir, "prod", files(["ada"]))).toThrow(/2-statefulset-ada\.yaml was not written by this command/);
    expect(readdirSync(dir)).toEqual(["2-statefulset-ada.yaml"]);
    const other = join(dir, "other");
    writeFiles(other, "test", files(["ada"], "test"));
    expect(() => writeFiles(other, "prod", files(["ada"]))).toThrow(/holds the manifests of stack "test"/);
    expect(() => writeFiles(join(dir, "2-statefulset-ada.yaml"), "prod", files(["ada"]))).toThrow(/is not a directory/);
  });
});

describe("the command", { timeout: 90_000 }, () => {
  const main = join(import.meta.dirname, "../../cli/main.ts");
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "clawfleet-render-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** Runs the command line with a `pulumi` that knows the stack `prod` and no other. */
  function render(state: object, config: Record<string, string>, ...rest: string[]) {
    writeFileSync(
      join(dir, "fleet.toml"),
      '[[agent]]\nname = "ada"\nruntime = "picoclaw"\n[agent.model]\nprovider = "anthropic"\nname = "m"\napi_key_ref = "anthropic"\n',
    );
    const values = Object.fromEntries(Object.entries(config).map(([key, value]) => [`clawfleet:${key}`, { value }]));
    writeFileSync(join(dir, "config.json"), JSON.stringify(values));
    writeFileSync(join(dir, "export.json"), JSON.stringify({ deployment: state }));
    const script = `#!/bin/sh
case "$*" in
  *"--stack prod"*) ;;
  *) echo "error: no stack named 'none' found" >&2; exit 6 ;;
esac
case "$*" in
  "stack export"*) cat "${dir}/export.json" ;;
  "config"*) cat "${dir}/config.json" ;;
  *) exit 9 ;;
esac
`;
    writeFileSync(join(dir, "pulumi"), script, { mode: 0o755 });
    const env = {
      PATH: `${dir}:${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: dir,
      ANTHROPIC_API_KEY: "sk-canary",
      CLAWFLEET_TOKEN_SEED: "seed-canary",
      CLAWFLEET_REGISTRY_PASSWORD: "password-canary",
    };
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, "render", ...rest], { env, cwd: dir, encoding: "utf8" });
    expect(stdout + stderr).not.toContain("canary");
    return { code: status, stdout, stderr };
  }

  const config = () => ({ target: "kubernetes", registry: "registry.example.com/claws", fleet: join(dir, "fleet.toml") });
  const built = {
    resources: [
      {
        urn: "urn:pulumi:prod::clawfleet::clawfleet:kubernetes:Fleet$clawfleet:image:RuntimeImage::picoclaw",
        type: "clawfleet:image:RuntimeImage",
        outputs: { image, digest },
      },
    ],
  };

  test("writes where the caller is, twice the same, and says which Secrets are wanted", () => {
    const first = render(built, config(), "prod", "--out", "out");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain(`${dir}/out: 9 objects of 1 claw, one a file\n`);
    expect(first.stdout).toMatch(/^Secret clawfleet-prod\/ada must be there:\n {2}PICOCLAW_\S+ {2}the token of ada's gateway$/m);
    const read = () => readdirSync(join(dir, "out")).map((name) => [name, readFileSync(join(dir, "out", name), "utf8")]);
    const before = read();
    for (const [, text] of before) expect(text).not.toContain("canary");
    expect(render(built, config(), "prod", "--out", join(dir, "out"))).toEqual(first);
    expect(read()).toEqual(before);
  });

  test("to stdout all at once, what is wanted to stderr; as data with --json", () => {
    const { code, stdout, stderr } = render(built, config(), "prod");
    expect([code, stdout.match(/^---$/gm)?.length]).toEqual([0, 9]);
    expect(stderr).toContain("Secret clawfleet-prod/ada must be there");
    const list = render(built, config(), "prod", "--json");
    expect(JSON.parse(list.stdout)).toMatchObject({ kind: "List", items: { length: 9 } });
    const report = render(built, config(), "prod", "--json", "--out", "out");
    expect(JSON.parse(report.stdout)).toMatchObject({
      namespace: "clawfleet-prod",
      images: { picoclaw: image },
      secrets: [{ name: "ada" }],
    });
  });

  test("without images it says how to get them", () => {
    const local = { resources: [{ ...built.resources[0], outputs: { image: digest, digest } }] };
    for (const state of [{}, local]) {
      const { code, stdout, stderr } = render(state, config(), "prod", "--out", "out");
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/knows no pushed image of picoclaw\..*clawfleet render prod --build/);
      expect(readdirSync(dir)).not.toContain("out");
    }
  });

  test("what is wrong on the command line or in the stack is one error, exit code 2, and nothing is written", () => {
    const wrong = (why: RegExp, over: Record<string, string>, ...rest: string[]) => {
      const { code, stdout, stderr } = render(built, { ...config(), ...over }, ...rest, "--out", "out");
      expect([code, stdout], rest.join(" ")).toEqual([2, ""]);
      expect(stderr).toMatch(why);
      expect(readdirSync(dir)).not.toContain("out");
    };
    wrong(/clawfleet render STACK/, {});
    wrong(/clawfleet render STACK/, {}, "prod", "more");
    wrong(/Unknown option '--nosuch'/, {}, "prod", "--nosuch");
    wrong(/there is no stack "none"/, {}, "none");
    wrong(/--secrets is "clear"; it can be existing or external/, {}, "prod", "--secrets", "clear");
    wrong(/wants the store's name: --store NAME/, {}, "prod", "--secrets", "external");
    wrong(/--store is "A B"/, {}, "prod", "--secrets", "external", "--store", "A B");
    wrong(/--store is for --secrets external/, {}, "prod", "--store", "vault");
    wrong(/--store-kind is "Vault"/, {}, "prod", "--secrets", "external", "--store", "vault", "--store-kind", "Vault");
    wrong(/stack "prod" runs on Docker/, { target: "docker" }, "prod");
    wrong(/clawfleet:target of stack "prod" is "moon"; it can be docker or kubernetes/, { target: "moon" }, "prod");
    wrong(/clawfleet:namespace is "kube-system"/, { namespace: "kube-system" }, "prod");
    wrong(/there is no such file/, { fleet: "nowhere.toml" }, "prod");
  });
});
