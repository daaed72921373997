import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiException, CoreV1Event, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { messageOf } from "../../cli/errors.ts";
import { clusterLines } from "../../cli/kubernetes/doctor.ts";
import { linesOf } from "../../cli/kubernetes/logs.ts";
import { driftOf, idOf, type LiveObject, registeredAs, typeOf } from "../../cli/kubernetes/objects.ts";
import { eventLines, stateOf, uidIn } from "../../cli/kubernetes/pods.ts";
import { nextCommands, typed } from "../../cli/next.ts";
import { findPlugin } from "../../cli/plugins.ts";
import type { State } from "../../cli/pulumi.ts";
import { launch } from "../components/sample.ts";

const set: LiveObject = {
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  name: "ada",
  namespace: "clawfleet-dev",
  uid: "u1",
  generation: 2,
  resourceVersion: "100",
  created: new Date(0),
  claw: "ada",
  terminating: false,
};
const { generation, ...ungenerated } = set;
const service: LiveObject = { ...ungenerated, apiVersion: "v1", kind: "Service", uid: "u2" };
const quota: LiveObject = { ...ungenerated, apiVersion: "v1", kind: "ResourceQuota", uid: "u3", name: "fleet" };

/** What the state says of an object as it is. */
const known = (object: LiveObject) => ({
  urn: "urn",
  type: typeOf(object),
  id: idOf(object),
  outputs: {
    metadata: { uid: object.uid, resourceVersion: object.resourceVersion, ...(object.generation && { generation: object.generation }) },
  },
});

describe("what differs from the state", () => {
  const state: State = { resources: [set, service, quota].map(known) };

  test("nothing, also when the cluster has noted something in a status", () => {
    const busy = [{ ...set, resourceVersion: "150" }, service, { ...quota, resourceVersion: "160" }];
    expect(driftOf(state, busy)).toEqual([]);
    expect(driftOf(undefined, busy)).toEqual([]);
    expect(generation).toBe(2);
  });

  test("what was edited, made anew, removed or is going", () => {
    const name = "clawfleet-dev/ada";
    expect(driftOf(state, [{ ...set, generation: 3 }, service, quota])).toEqual([`StatefulSet ${name} was edited`]);
    expect(driftOf(state, [set, { ...service, resourceVersion: "101" }, quota])).toEqual([`Service ${name} was edited`]);
    expect(driftOf(state, [{ ...set, uid: "u9" }, service, quota])).toEqual([`StatefulSet ${name} was made anew`]);
    expect(driftOf(state, [service, quota])).toEqual([`StatefulSet ${name} is gone`]);
    expect(driftOf(state, [{ ...set, terminating: true }, service, quota])).toEqual([`StatefulSet ${name} is gone`]);
  });

  test("objects have the types, ids and names that the program registers them by", () => {
    expect([typeOf(set), typeOf(service), idOf(set)]).toEqual([
      "kubernetes:apps/v1:StatefulSet",
      "kubernetes:core/v1:Service",
      "clawfleet-dev/ada",
    ]);
    const names = [
      set,
      service,
      { ...service, name: "ada-pod" },
      { ...service, kind: "Secret", name: "ada-0123456789" },
      { ...service, kind: "ServiceAccount" },
      { ...service, kind: "NetworkPolicy" },
    ].map((object) => registeredAs(object).join("-"));
    expect(names).toEqual(["ada-statefulset", "ada-service", "ada-headless", "ada-secret", "ada-account", "ada-policy"]);
    const shared = ["ResourceQuota", "LimitRange", "NetworkPolicy", "Secret"].map((kind) => registeredAs({ kind, name: "x" }).join("-"));
    expect(shared).toEqual(["fleet-quota", "fleet-limits", "fleet-default-deny", "fleet-registry"]);
  });
});

describe("pods", () => {
  const pod = (status: object, metadata: object = {}): V1Pod => Object.assign(new V1Pod(), { metadata, status });
  const container = (state: object) => pod({ phase: "Pending", containerStatuses: [{ name: "claw", state }] });

  test("a state in a word", () => {
    expect(stateOf(undefined)).toBe("missing");
    expect(stateOf(pod({ phase: "Pending" }))).toBe("pending");
    expect(stateOf(container({ running: {} }))).toBe("running");
    expect(stateOf(container({ waiting: { reason: "ImagePullBackOff" } }))).toBe("ImagePullBackOff");
    expect(stateOf(container({ terminated: { reason: "OOMKilled", exitCode: 137 } }))).toBe("OOMKilled");
    expect(stateOf(pod({ phase: "Running" }, { deletionTimestamp: new Date() }))).toBe("terminating");
  });

  test("the newest events of a claw's own objects, oldest first, one line each", () => {
    const event = (name: string, seconds: number, message: string, count?: number): CoreV1Event =>
      Object.assign(new CoreV1Event(), {
        type: "Warning",
        reason: "Failed",
        message,
        count,
        lastTimestamp: new Date(seconds * 1000),
        involvedObject: { name },
        metadata: {},
      });
    const events = [
      event("ada-0", 30, "third"),
      event("ada-0", 10, "first"),
      event("bob-0", 20, "no"),
      event("ada", 20, "second\n line", 4),
    ];
    expect(eventLines(events, ["ada-0", "ada"], 2)).toEqual(["Warning Failed (4 times): second line", "Warning Failed: third"]);
  });

  test("the uid is the lowest of the claw's own processes", () => {
    const status = (name: string, uid: number) => `Name:\t${name}\nUmask:\t0022\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`;
    expect(uidIn([status("pause", 0), status("picoclaw", 10003), status("sh", 10003), status("cat", 10003)].join(""))).toBe(10003);
    expect(uidIn([status("picoclaw", 10003), status("sudo", 0)].join(""))).toBe(0);
    // A probe that the node is just starting.
    expect(uidIn([status("picoclaw", 10003), status("runc:[2:INIT]", 0)].join(""))).toBe(10003);
    expect(uidIn(status("pause", 0))).toBeUndefined();
  });

  test("a log's lines show no secret, nor what is left of a longer one", () => {
    expect(linesOf("key=abc123 \n\nseed abc\n", ["abc", "abc123", ""])).toEqual(["key=***", "seed ***"]);
  });
});

test("what the API server refuses is said in its own words, without its answer's headers", () => {
  const status = { kind: "Status", code: 403, message: 'services is forbidden: User "ann" cannot list' };
  const headers = { "audit-id": "1" };
  for (const body of [status, JSON.stringify(status)])
    expect(messageOf(new ApiException(403, "Forbidden", body, headers))).toBe(`the cluster refuses: ${status.message}`);
  expect(messageOf(new ApiException(500, "x", "", headers))).toBe("the cluster refuses: status 500");
  expect(messageOf(new Error("else"))).toBe("else");
});

describe("what to type next", () => {
  test("by make or in a shell, with the stack where another would be taken", () => {
    expect(typed("up", "dev", "", "", {})).toBe("clawfleet up");
    expect(typed("logs", "k8s", "ada", "-f", {})).toBe("clawfleet logs ada -f --stack k8s");
    expect(typed("logs", "k8s", "ada", "-f", { PULUMI_STACK: "k8s" })).toBe("clawfleet logs ada -f");
    expect(typed("preview", "k8s", "", "--diff", {})).toBe("pulumi preview --diff --stack k8s");
    expect(typed("up", "dev", "", "", { MAKELEVEL: "1" })).toBe("make up");
    expect(typed("port-forward", "k8s", "ada", "", { MAKELEVEL: "1", STACK: "k8s" })).toBe("make forward CLAW=ada STACK=k8s");
    expect(typed("logs", "k8s", "ada", "-f", { MAKELEVEL: "1", PULUMI_STACK: "k8s" })).toBe("make logs CLAW=ada ARGS=-f");
  });

  test("a claw on Kubernetes has to be brought here first", () => {
    const line = /(clawfleet port-|make )forward/;
    expect(nextCommands("dev", "kubernetes", [launch()], "fleet.toml").join("\n")).toMatch(line);
    expect(nextCommands("dev", "docker", [launch()], "fleet.toml").join("\n")).not.toMatch(line);
  });
});

describe("doctor", () => {
  test("the kubernetes plugin is told apart as the docker one is", () => {
    const dir = mkdtempSync(join(tmpdir(), "clawfleet-plugins-"));
    try {
      const env = { PULUMI_HOME: dir, PATH: join(dir, "bin") };
      expect(findPlugin(env, "kubernetes")).toMatchObject({ kind: "missing", version: "4.32.0" });
      const folder = join(dir, "plugins/resource-kubernetes-v4.32.0");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "pulumi-resource-kubernetes"), "#!/bin/sh\n");
      expect(findPlugin(env, "kubernetes")).toMatchObject({ kind: "stand-in", path: join(folder, "pulumi-resource-kubernetes") });
      expect(findPlugin(env)).toMatchObject({ kind: "missing" });
      writeFileSync(join(folder, "pulumi-resource-kubernetes"), "\x7fELF");
      expect(findPlugin(env, "kubernetes")).toMatchObject({ kind: "official" });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test("a cluster's version and storage, or why there is none", () => {
    expect(clusterLines(undefined)).toEqual({ cluster: "none: no kubeconfig" });
    expect(clusterLines({ missing: "it is away" })).toEqual({ cluster: "it is away" });
    const storageClasses = [
      { name: "fast", default: false, provisioner: "p1" },
      { name: "local", default: true, provisioner: "p2" },
    ];
    expect(clusterLines({ context: "c", server: "https://x", version: "v1.34.1", storageClasses })).toEqual({
      cluster: "v1.34.1 at https://x, context c",
      storage: "fast by p1, local (default) by p2",
    });
  });
});
