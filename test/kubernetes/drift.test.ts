/** What others change on the cluster is seen by a refresh and put right by an update; what an update changes is never gone meanwhile. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";
import { endGroup } from "../docker/stack.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { answered, KubernetesStack, open } from "./stack.ts";

const { health, stateDir } = runtime.descriptor;
const set = "statefulset/ada";
const container = ".spec.template.spec.containers[0]";
const fleet = (rest = "") =>
  `[[agent]]\nname = "ada"\nruntime = "picoclaw"\n[agent.model]\nprovider = "openai"\nname = "m"\napi_key_ref = "canary"\n${open}${rest}`;

let stack: KubernetesStack;
let kept: () => Promise<void>;

/** What each test must not change: the workload and its claim are the same as at the beginning. */
let workload: string;
let claim: string;

async function noChanges(): Promise<void> {
  const { code, out } = await stack.pulumi("preview", "--refresh", "--expect-no-changes");
  expect(code, out).toBe(0);
}

async function putRight(named: RegExp): Promise<void> {
  const seen = await stack.pulumi("preview", "--refresh", "--diff", "--expect-no-changes");
  expect(seen.code, seen.out).not.toBe(0);
  expect(seen.out).toMatch(named);
  const up = await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");
  expect(up.code, up.out).toBe(0);
  await answers();
  await noChanges();
}

async function answers(): Promise<void> {
  expect(await answered(`${await stack.address("ada")}${health.path}`)).toMatchObject(health.expect);
}

describeOnCluster("a claw that others edit", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    stack = new KubernetesStack(await cluster(), "drift", fleet(), { CLAWFLEET_SECRET_CANARY: "sk-canary-of-drift-1" });
    await stack.init();
    await stack.up();
    kept = await stack.keep("ada", stateDir);
    workload = await stack.field(set, ".metadata.uid");
    claim = await stack.field("persistentvolumeclaim/state-ada-0", ".metadata.uid");
  }, 600_000);

  afterAll(async () => {
    await stack?.remove();
  }, 180_000);

  const same = async () => {
    expect(await stack.field(set, ".metadata.uid")).toBe(workload);
    expect(await stack.field("persistentvolumeclaim/state-ada-0", ".metadata.uid")).toBe(claim);
    await kept();
  };

  test("the image", async () => {
    const image = await stack.field(set, `${container}.image`);
    await stack.kubectl("set", "image", set, `${await stack.field(set, `${container}.name`)}=${stack.cluster.registry}/other:1`);
    await putRight(/other:1/);
    expect(await stack.field(set, `${container}.image`)).toBe(image);
    await same();
  });

  test("a variable", async () => {
    await stack.kubectl("set", "env", set, "PICOCLAW_agents__defaults__restrict_to_workspace=false");
    await putRight(/restrict_to_workspace|env/);
    const env = await stack.kubectl("get", set, `--output=jsonpath={range ${container}.env[*]}{.name}={.value}{"\\n"}{end}`);
    expect(env).toContain("PICOCLAW_agents__defaults__restrict_to_workspace=true");
    await same();
  });

  test("the number of replicas", async () => {
    await stack.kubectl("scale", set, "--replicas=0");
    await putRight(/replicas/);
    expect(await stack.field(set, ".spec.replicas")).toBe("1");
    await same();
  });

  test("a deleted Service", async () => {
    await stack.kubectl("delete", "service", "ada");
    await putRight(/ada/);
    await same();
  });

  test("a deleted StatefulSet: its claim stays, and is the new one's", async () => {
    await stack.kubectl("delete", set);
    await putRight(/ada/);
    workload = await stack.field(set, ".metadata.uid");
    await same();
  });

  test("a field that another tool has taken: the message says which, whose and what to do", async () => {
    const spec = {
      template: {
        spec: { containers: [{ name: await stack.field(set, `${container}.name`), resources: { limits: { memory: "900Mi" } } }] },
      },
    };
    const file = join(stack.dir, "theirs.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "ada" }, spec }));
    await stack.kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "--filename", file);
    stack.fleet(fleet('[agent.security]\nmemory_limit = "512m"\n'));
    const { code, out } = await stack.clawfleet("up");
    expect(code, out).not.toBe(0);
    expect(out).toContain('"other"');
    expect(out).toMatch(/memory/);
    expect(out).toContain("--field-manager=other");
    expect(out).not.toMatch(/^\s+at .*\.ts:/m);
    await answers();
    await same();
    // What it says to do is done: the other tool gives the field up.
    writeFileSync(file, JSON.stringify({ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "ada" } }));
    await stack.kubectl("apply", "--server-side", "--field-manager=other", "--filename", file);
    await stack.up();
    expect(await stack.field(set, `${container}.resources.limits.memory`)).toBe("512Mi");
    await same();
  });

  test("a secret that changes rolls the pod; nothing is deleted first", async () => {
    const secrets = async () =>
      (await stack.kubectl("get", "secrets", "--output=name"))
        .trim()
        .split("\n")
        .filter((name) => /^secret\/ada-/.test(name));
    const [before] = await secrets();
    const pod = await stack.field("pod/ada-0", ".metadata.uid");
    const output = '--output=jsonpath={.type} {.object.kind}/{.object.metadata.name}{"\\n"}';
    const watch = stack.start([
      "kubectl",
      "--namespace",
      stack.namespace,
      "get",
      "statefulsets",
      "--watch",
      "--output-watch-events",
      output,
    ]);
    await watch.printed(/ADDED StatefulSet/);
    try {
      stack.env.CLAWFLEET_SECRET_CANARY = "sk-canary-of-drift-2";
      await stack.up();
      await watch.printed(/MODIFIED StatefulSet\/ada/);
    } finally {
      endGroup(watch.process, "SIGTERM");
    }
    expect((await watch.done).out).not.toMatch(/DELETED/);
    expect(await stack.field("pod/ada-0", ".metadata.uid")).not.toBe(pod);
    const after = await secrets();
    expect(after).toHaveLength(1);
    expect(after[0]).not.toBe(before);
    const environment = (await stack.exec("ada", "sh", "-c", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")).out;
    expect(environment.includes("sk-canary-of-drift-2")).toBe(true);
    expect(environment.includes("sk-canary-of-drift-1")).toBe(false);
    await same();
    await noChanges();
  });
});
