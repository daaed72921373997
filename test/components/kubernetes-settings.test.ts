import { expect, test } from "vitest";
import { refuseOnKubernetes } from "../../components/kubernetes/refused.ts";
import { kubernetesSettings, readySeconds, SettingsError } from "../../components/kubernetes/settings.ts";
import { parseFleet } from "../../fleet/load.ts";

const registry = "registry.example.com/claws";
const read = (config: Record<string, string>, stack = "dev") => kubernetesSettings(stack, (key) => config[key]);

function errorOf(config: Record<string, string>, stack?: string): string {
  try {
    read(config, stack);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  return "no error";
}

test("only the registry must be said", () => {
  expect(read({ registry })).toEqual({
    namespace: "clawfleet-dev",
    storageSize: "1Gi",
    registry,
    imagePullSecrets: [],
    quota: {},
    trial: true,
  });
  expect(errorOf({})).toBe(
    "clawfleet:registry is not set: a cluster pulls its images, so say where to: pulumi config set clawfleet:registry registry.example.com/claws",
  );
  expect(read({ images: "pull" }).registry).toBe("ghcr.io/codervisor");
});

test("everything", () => {
  const config = {
    kubeconfig: "~/.kube/other",
    context: "prod",
    namespace: "claws",
    storageClass: "fast.ssd",
    storageSize: "1.5Gi",
    registry: "192.168.134.254:5000/claws/of_mine",
    registryUser: "robot$claws",
    imagePullSecrets: '["one","two"]',
    runtimeClass: "gvisor",
    hostUsers: "false",
    quota: '{"pods":9,"requests.storage":"20Gi"}',
    readyTimeout: "900",
    trial: "false",
  };
  expect(read(config)).toEqual({
    ...config,
    imagePullSecrets: ["one", "two"],
    hostUsers: false,
    quota: { pods: "9", "requests.storage": "20Gi" },
    readyTimeout: 900,
    trial: false,
  });
});

test.each([
  ["kubeconfig", "apiVersion: v1\nkind: Config", /^clawfleet:kubeconfig is .* credentials themselves do not belong into a stack's config$/],
  ["namespace", "My_Claws", 'clawfleet:namespace is "My_Claws"; it must be lower-case letters, digits and dashes, at most 63'],
  ["namespace", "default", /^clawfleet:namespace is "default", which is not only this fleet's/],
  ["namespace", "kube-system", /^clawfleet:namespace is "kube-system", which is not only this fleet's/],
  ["storageClass", "Fast", /^clawfleet:storageClass is "Fast"; it must be a name as Kubernetes has them/],
  ["storageSize", "1GB", 'clawfleet:storageSize is "1GB"; it must be a quantity like "1Gi" or "500m"'],
  ["registry", "https://registry.example.com", /^clawfleet:registry is .* without https:\/\/ and tag$/],
  ["registry", "registry.example.com/claws:latest", /^clawfleet:registry is /],
  ["imagePullSecrets", "one", 'clawfleet:imagePullSecrets must be a list of names: ["login"]'],
  ["imagePullSecrets", '["One"]', /^clawfleet:imagePullSecrets must be a list/],
  ["imagePullSecrets", '{"a":1}', /^clawfleet:imagePullSecrets must be a list/],
  ["hostUsers", "no", 'clawfleet:hostUsers is "no"; it must be true or false'],
  ["quota", '["pods"]', 'clawfleet:quota must be a map of quantities: {"requests.storage": "20Gi"}'],
  ["quota", '{"pods":"many"}', /^clawfleet:quota has no quantity for pods; /],
  ["readyTimeout", "0", /^clawfleet:readyTimeout is "0"; it must be a whole number of seconds$/],
  ["trial", "off", 'clawfleet:trial is "off"; it must be true or false'],
])("%s = %j is refused", (key, value, message) => {
  const error = errorOf({ registry, [key]: value });
  if (typeof message === "string") expect(error).toBe(message);
  else expect(error).toMatch(message);
  expect(error.split("\n")).toHaveLength(1);
});

test("all that is wrong is said at once; a stack whose name is no namespace needs one", () => {
  expect(errorOf({ storageSize: "x", trial: "y" }).split("\n")).toHaveLength(3);
  expect(errorOf({ registry }, "Org_Prod")).toMatch(/^clawfleet:namespace is needed: "clawfleet-Org_Prod", from the stack's name, is none/);
  expect(read({ registry, namespace: "prod" }, "Org_Prod").namespace).toBe("prod");
});

test("a claw has three minutes and what its runtime takes, or what is said", () => {
  expect(readySeconds(read({ registry }), 120)).toBe(300);
  expect(readySeconds(read({ registry, readyTimeout: "60" }), 120)).toBe(60);
});

test("claws that cannot be on Kubernetes are refused where they stand in the file", () => {
  const text = `[[agent]]
name = "1st"
runtime = "picoclaw"

[[agent]]
name = "ada"
runtime = "picoclaw"
[agent.docker]
access = "shared"
acknowledge = "agents on this daemon can control each other"

[[agent]]
name = "ada-pod"
runtime = "picoclaw"
`;
  const loaded = parseFleet(text, "f.toml", { runtimes: ["picoclaw"] });
  const message = (line: number, column: number, what: string) => `f.toml:${line}:${column}: ${what}`;
  expect(() => refuseOnKubernetes(loaded)).toThrow(
    [
      message(2, 1, '"1st" starts with a digit, which the name of a Kubernetes Service may not'),
      message(9, 1, 'access "shared" is for fleets on Docker: on Kubernetes there is no Docker daemon to share'),
      message(13, 1, '"ada-pod" is on Kubernetes the name of a Service of claw "ada"; give one of them another name'),
    ].join("\n"),
  );
  expect(() =>
    refuseOnKubernetes(parseFleet('[[agent]]\nname = "a"\nruntime = "picoclaw"\n', "f.toml", { runtimes: ["picoclaw"] })),
  ).not.toThrow();
});
