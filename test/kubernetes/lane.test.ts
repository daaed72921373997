/** Which cluster the tests take: never one by accident. */
import { expect, test } from "vitest";
import { given } from "./cluster.ts";

test.each([
  ["nothing is set", {}, false],
  ["KUBECONFIG alone is set, as many people have it", { KUBECONFIG: "/home/me/.kube/config" }, false],
  ["a registry alone", { CLAWFLEET_TEST_REGISTRY: "registry.example.com/tests" }, false],
  ["both are set", { KUBECONFIG: "/c", CLAWFLEET_TEST_REGISTRY: "registry.example.com/tests" }, true],
  [
    "KUBECONFIG is of the set-up's own shell",
    { KUBECONFIG: "/c", CLAWFLEET_TEST_REGISTRY: "r", CLAWFLEET_ENV_SET: " A KUBECONFIG B" },
    false,
  ],
])("a cluster is the user's when both it and a registry are named: %s", (_, env, expected) => {
  expect(given(env)).toBe(expected);
});
