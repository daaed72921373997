import { expect, test } from "vitest";
import { parseFleet } from "../../fleet/load.ts";
import { parseEgress, parseIngress } from "../../fleet/network.ts";

test.each([
  ["internet", { kind: "internet" }],
  ["10.0.0.0/8", { kind: "range", cidr: "10.0.0.0/8" }],
  ["0.0.0.0/0", { kind: "range", cidr: "0.0.0.0/0" }],
  ["192.168.1.5/32", { kind: "range", cidr: "192.168.1.5/32" }],
  ["10.0.0.0/8:1", { kind: "range", cidr: "10.0.0.0/8", port: 1 }],
  ["10.0.0.0/8:65535", { kind: "range", cidr: "10.0.0.0/8", port: 65535 }],
  ["::/0", { kind: "range", cidr: "::/0" }],
  ["2001:db8::/32", { kind: "range", cidr: "2001:db8::/32" }],
  ["2001:db8:0:0:0:0:0:1/128", { kind: "range", cidr: "2001:db8:0:0:0:0:0:1/128" }],
  ["[fd00::/8]:443", { kind: "range", cidr: "fd00::/8", port: 443 }],
  ["[10.0.0.0/8]:443", { kind: "range", cidr: "10.0.0.0/8", port: 443 }],
])("egress %s", (text, expected) => {
  expect(parseEgress(text)).toEqual(expected);
});

test.each([
  "",
  "Internet",
  "10.0.0.0",
  "10.0.0.1/8",
  "10.0.0.0/33",
  "10.0.0.0/08",
  "10.0.0/8",
  "10.0.0.0/8:0",
  "10.0.0.0/8:65536",
  "10.0.0.0/8:",
  "fd00::1/8",
  "fd00::/8:443",
  "fd00::/129",
  "::ffff:10.0.0.0/104",
  "[fd00::/8",
  "fd00::/8]:443",
  "claw:ada",
])("no egress: %j", (text) => {
  expect(parseEgress(text)).toBeUndefined();
});

test.each([
  ["claw:ada", { kind: "claw", name: "ada" }],
  ["namespace:kube-system", { kind: "namespace", name: "kube-system" }],
  ["10.0.0.0/8", { kind: "range", cidr: "10.0.0.0/8" }],
  ["fd00::/8", { kind: "range", cidr: "fd00::/8" }],
])("ingress %s", (text, expected) => {
  expect(parseIngress(text)).toEqual(expected);
});

test.each(["", "internet", "claw:", "claw:Ada", "pod:ada", "namespace:-a", "10.0.0.0/8:80", "10.0.0.1/8"])("no ingress: %j", (text) => {
  expect(parseIngress(text)).toBeUndefined();
});

test("an empty list is nowhere and nobody, and an agent's list takes the place of the default one", () => {
  const text = `defaults.network = { egress = ["10.0.0.0/8"], ingress = ["namespace:web"] }
[[agent]]
name = "ada"
runtime = "openclaw"
network.egress = []
`;
  const [claw] = parseFleet(text, "f.toml", { runtimes: ["openclaw"] }).fleet.claws;
  expect(claw?.network).toEqual({ egress: [], ingress: [{ kind: "namespace", name: "web" }] });
});
