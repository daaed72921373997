import { expect, test } from "vitest";
import { takenFields, takenMessage } from "../../components/kubernetes/owners.ts";

const claw = (memory: string) => ({ name: "claw", image: "i@sha256:1", resources: { limits: { memory, cpu: "1" } } });
const live = (manager: string, operation: string) => ({
  metadata: {
    name: "ada",
    managedFields: [
      {
        manager,
        operation,
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:spec": {
            "f:replicas": {},
            "f:template": {
              "f:spec": {
                "f:containers": {
                  'k:{"name":"claw"}': { ".": {}, "f:name": {}, "f:resources": { "f:limits": { "f:memory": {} } } },
                  'k:{"name":"sidecar"}': { "f:image": {} },
                },
              },
            },
          },
        },
      },
    ],
  },
  spec: {
    replicas: 1,
    serviceName: "ada-pod",
    selector: {},
    template: { spec: { containers: [{ name: "sidecar", image: "other" }, claw("900Mi")] } },
  },
});
const wanted = (memory: string) => ({ spec: { replicas: 1, template: { spec: { containers: [claw(memory)] } } } });

test("a field that another tool applies with another value is taken; with the same value, or one that we do not set, it is not", () => {
  expect(takenFields(live("helm", "Apply"), wanted("512Mi"))).toEqual([
    { manager: "helm", path: ".spec.template.spec.containers[name=claw].resources.limits.memory" },
  ]);
  expect(takenFields(live("helm", "Apply"), wanted("900Mi"))).toEqual([]);
  expect(takenFields(live("helm", "Apply"), { spec: {} })).toEqual([]);
});

test("an edit by hand is not a tool's opinion, and what we applied ourselves is ours", () => {
  expect(takenFields(live("kubectl-edit", "Update"), wanted("512Mi"))).toEqual([]);
  expect(takenFields(live("pulumi-kubernetes-0ba4998e", "Apply"), wanted("512Mi"))).toEqual([]);
});

test("the message names the tool, the field and what to do", () => {
  const text = takenMessage("ada", "ns", takenFields(live("helm", "Apply"), wanted("512Mi")));
  expect(text).toContain('"helm" applies to statefulset/ada in namespace ns too');
  expect(text).toContain("containers[name=claw].resources.limits.memory");
  expect(text).toContain("--field-manager=helm");
});
