import type { V1Pod } from "@kubernetes/client-node";
import { output } from "@pulumi/pulumi";
import { afterEach, describe, expect, test } from "vitest";
import { podTemplate } from "../../components/kubernetes/objects/pod.ts";
import { type KnownTemplate, trialPod } from "../../components/kubernetes/objects/trial.ts";
import { failureOf, isReady, redacted, waitOf } from "../../components/kubernetes/podstate.ts";
import { covers, tryNext } from "../../components/kubernetes/trial.ts";
import { settings } from "./kubernetes.ts";
import { type Answer, type FakeApi, fakeApi } from "./kubernetes-api.ts";
import { launch } from "./sample.ts";

const own = settings({ readyTimeout: 1 });
const pods = "/api/v1/namespaces/clawfleet-dev/pods";

/** A claw's next version, as it is when everything is known. */
async function template(image = "claws/picoclaw@sha256:2"): Promise<KnownTemplate> {
  const made = output(podTemplate({ launch: launch({ secretEnv: {} }), stack: "dev", settings: own, image, secret: undefined }));
  return await new Promise((resolve) => made.apply(resolve));
}

const pod = (status: V1Pod["status"], name = "ada-trial-1"): V1Pod => ({
  metadata: { name, namespace: "clawfleet-dev" },
  ...(status && { status }),
});
const ready = (name: string) => pod({ conditions: [{ type: "Ready", status: "True" }] }, name);
const state = (container: object, more: object = {}): V1Pod["status"] => ({
  containerStatuses: [
    { name: "claw", image: "", imageID: "", ready: false, restartCount: 0, containerID: "containerd://1", state: container, ...more },
  ],
});

describe("a trial", () => {
  const apis: FakeApi[] = [];
  afterEach(async () => {
    for (const api of apis.splice(0)) await api.close();
  });

  /** Tries a version where the pod that serves and the trial's pod are these; gives the error and what was asked. */
  async function tried(answers: { serving?: V1Pod; made?: Answer; trial?: V1Pod; log?: string; live?: string }) {
    const api = await fakeApi((method, path) => {
      if (method === "DELETE") return {};
      if (method === "POST") return answers.made ?? ready("ada-trial-1");
      if (path === `${pods}/ada-0`) return answers.serving;
      if (path === `${pods}/ada-trial-1`) return answers.trial;
      return path === `${pods}/ada-trial-1/log` ? answers.log : undefined;
    });
    apis.push(api);
    const live = await template(answers.live ?? "claws/picoclaw@sha256:1");
    const said: string[] = [];
    const error = await tryNext(
      api.cluster,
      own,
      { spec: { selector: {}, serviceName: "", template: JSON.parse(JSON.stringify(live)) } },
      { launch: launch({ secretEnv: {} }), template: await template(), secrets: ["s3cret"] },
      (line) => said.push(line),
    ).then(
      () => "",
      (thrown: unknown) => String(thrown),
    );
    return { error, said, ...api };
  }

  const deletes = (asked: readonly string[]) => asked.filter((one) => one.startsWith("DELETE")).map((one) => decodeURIComponent(one));
  const selector = "labelSelector=app.kubernetes.io/component=trial,dev.clawfleet.claw=ada";

  test("that becomes ready lets the version pass, and is removed, as are those that an earlier run left", async () => {
    const { error, asked, said, sent } = await tried({ serving: ready("ada-0"), trial: ready("ada-trial-1") });
    expect(error).toBe("");
    expect(said).toHaveLength(1);
    expect(deletes(asked)).toHaveLength(2);
    for (const one of deletes(asked)) expect(one).toContain(selector);
    expect(asked.findLastIndex((one) => one.startsWith("DELETE"))).toBe(asked.length - 1);
    expect(JSON.parse(sent.find((body) => body.includes("generateName")) ?? "")).toMatchObject({
      metadata: { generateName: "ada-trial-", labels: { "app.kubernetes.io/component": "trial" } },
    });
  });

  test.each([
    ["ends", pod(state({ terminated: { exitCode: 2, reason: "Error" } })), /stays: it ended \(exit code 2\)\n {2}\| bad \*\*\*\nMend it/],
    ["takes too much memory", pod(state({ terminated: { exitCode: 137, reason: "OOMKilled" } })), /it used more memory than its limit/],
    ["has no image", pod(state({ waiting: { reason: "ErrImagePull", message: "no such\n image" } })), /ErrImagePull: no such image/],
    ["has a wrong image", pod(state({ waiting: { reason: "InvalidImageName" } })), /stays: InvalidImageName:/],
    [
      "lacks its Secret",
      pod(state({ waiting: { reason: "CreateContainerConfigError", message: "no s3cret" } })),
      /ConfigError: no \*\*\*\n/,
    ],
    ["is ended by the node", pod({ phase: "Failed", reason: "Evicted", message: "disk" }), /Evicted: disk/],
    ["never answers", pod(state({ running: {} })), /it is not ready after 1 s: it runs, but does not answer its health check/],
    [
      "finds no node",
      pod({ conditions: [{ type: "PodScheduled", status: "False", message: "0/1 nodes" }] }),
      /not ready after 1 s: 0\/1 nodes/,
    ],
  ])("that %s keeps the version away, says why, and is removed", async (_what, trial, message) => {
    const { error, asked } = await tried({ serving: ready("ada-0"), trial, log: "bad s3cret\n\n" });
    expect(error).toMatch(/^Error: claw "ada": its next version does not come up, so the one that runs stays: /);
    expect(error).toMatch(message);
    expect(error).not.toContain("s3cret");
    expect(deletes(asked)).toHaveLength(2);
  });

  test("that the cluster refuses keeps the version away", async () => {
    const made = { code: 403, message: "exceeded quota: fleet" };
    const { error, asked } = await tried({ serving: ready("ada-0"), made });
    expect(error).toContain("the cluster refuses its pod: exceeded quota: fleet");
    expect(deletes(asked)).toHaveLength(2);
  });

  test("is not made where nothing serves, or nothing would change", async () => {
    for (const answers of [
      {},
      { serving: pod(state({ running: {} }), "ada-0") },
      { serving: ready("ada-0"), live: "claws/picoclaw@sha256:2" },
    ]) {
      const { error, asked, said } = await tried(answers);
      expect(error).toBe("");
      expect(said).toEqual([]);
      expect(asked.filter((one) => !one.startsWith("GET"))).toEqual([]);
    }
  });
});

test("a trial's pod is the claw's in all but its state, and no Service or policy selects it", async () => {
  const next = await template();
  const { metadata, spec } = trialPod("ada", next, 90);
  expect(metadata.labels).toEqual({ ...next.metadata.labels, "app.kubernetes.io/component": "trial" });
  const { containers, volumes, restartPolicy, activeDeadlineSeconds, terminationGracePeriodSeconds, ...rest } = spec;
  expect({ restartPolicy, activeDeadlineSeconds, terminationGracePeriodSeconds }).toEqual({
    restartPolicy: "Never",
    activeDeadlineSeconds: 90,
    terminationGracePeriodSeconds: 1,
  });
  expect(next.spec).toMatchObject(rest);
  expect(volumes).toEqual([...next.spec.volumes, { name: "state", emptyDir: { sizeLimit: "1Gi" } }]);
  const { resources, ...container } = containers[0] ?? {};
  expect(next.spec.containers[0]).toMatchObject(container);
  expect(resources?.limits).toEqual({ ...next.spec.containers[0]?.resources.limits, "ephemeral-storage": "1Gi" });
});

test.each([
  [{ a: 1, added: 2 }, { a: 1 }, true],
  [{ a: 1 }, { a: 2 }, false],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [{ a: [1, 2] }, { a: [1] }, false],
  [{ a: [{ b: 1, c: 2 }] }, { a: [{ b: 1 }] }, true],
  [undefined, { a: {} }, false],
  [{}, { a: {} }, true],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: "1" }, { a: 1 }, false],
])("%j covers %j: %s", (live, wanted, expected) => {
  expect(covers(live, wanted)).toBe(expected);
});

test("what a pod's state means", () => {
  expect(isReady(undefined)).toBe(false);
  expect(isReady(ready("ada-0"))).toBe(true);
  expect(isReady({ ...ready("ada-0"), metadata: { deletionTimestamp: new Date() } })).toBe(false);
  expect(failureOf(pod(state({ waiting: { reason: "ContainerCreating" } })))).toBeUndefined();
  expect(failureOf(pod(state({ running: {} })))).toBeUndefined();
  const crashed = state({ waiting: { reason: "CrashLoopBackOff" } }, { restartCount: 3, lastState: { terminated: { exitCode: 1 } } });
  expect(failureOf(pod(crashed))).toBe("it ended (exit code 1) and was restarted 3 times");
  expect(waitOf(pod(state({ waiting: { reason: "ContainerCreating" } })))).toBe("ContainerCreating");
  expect(redacted("abc ab", ["ab", "abc", ""])).toBe("*** ***");
});
