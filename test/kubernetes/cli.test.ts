/** The command line on a stack whose target is a real cluster: what people run beside Pulumi, and what it says. */
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";
import { endGroup, freePort, type Running, until } from "../docker/stack.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { KubernetesStack } from "./stack.ts";

const { health, stateDir, uid, version } = runtime.descriptor;

/** Unmistakable when it turns up where it must not. */
const key = "sk-canary-of-cli-5b1d";

const fleet = (port: number, rest = "") =>
  `[[agent]]\nname = "ada"\nruntime = "picoclaw"\nport = ${port}\n[agent.model]\nprovider = "openai"\nname = "m"\napi_key_ref = "canary"\n${rest}`;

let stack: KubernetesStack;
let port: number;
let first: string;
let kept: () => Promise<void>;

/** What runs of the claw, so that a test can say that it is the same one still. */
const podUid = () => stack.field("pod/ada-0", ".metadata.uid");

/** A forward under way, once it has said where. */
async function forwarding(...args: string[]): Promise<{ readonly running: Running; readonly url: string }> {
  const running = stack.start([process.execPath, "cli/main.ts", "port-forward", "ada", ...args]);
  await running.printed(/until Ctrl-C/);
  return { running, url: `http://127.0.0.1:${args[0] ?? port}` };
}

/** The claw's answer through a forward, on a connection of its own; undefined when that came to nothing. */
function answer(url: string, seconds = 5): Promise<unknown> {
  return new Promise((resolve) => {
    // Without an agent nothing is kept for the next request: a connection that is kept ends with the pod that it leads to.
    const asked = get(`${url}${health.path}`, { agent: false, timeout: seconds * 1000 }, async (response) => {
      resolve(JSON.parse(await text(response)));
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(undefined));
  });
}

describeOnCluster("clawfleet on Kubernetes", { timeout: 180_000 }, () => {
  beforeAll(async () => {
    port = await freePort();
    stack = new KubernetesStack(await cluster(), "cli", fleet(port), { CLAWFLEET_SECRET_CANARY: key });
    // Who runs the tests by make is told to type make.
    delete stack.env.MAKELEVEL;
    stack.settings({ "clawfleet:readyTimeout": "60" });
    await stack.init();
    first = await stack.up();
    kept = await stack.keep("ada", stateDir);
  }, 600_000);

  afterAll(async () => {
    await stack?.remove();
  }, 180_000);

  test("up shows the table and what to do next", () => {
    expect(first).toMatch(
      new RegExp(`^ada +picoclaw ${version} +http://ada\\.${stack.namespace}\\.svc:8080 +healthy .* ${uid} +- +[0-9a-f]{12}$`, "m"),
    );
    expect(first).toMatch(new RegExp(`^ {2}clawfleet port-forward ada +brings it to http://127\\.0\\.0\\.1:${port}$`, "m"));
    expect(first).not.toContain(key);
  });

  test("status asks the cluster and the claw; as data with --json", async () => {
    const plain = await stack.clawfleet("status");
    expect(plain).toMatchObject({ code: 0, out: expect.stringMatching(/^CLAW +RUNTIME.*\nada +picoclaw .* healthy /) });
    const { code, out } = await stack.clawfleet("status", "--json");
    expect(code).toBe(0);
    const digest = (await stack.field("statefulset/ada", ".spec.template.spec.containers[0].image")).split("@")[1];
    expect(JSON.parse(out)).toEqual([
      {
        name: "ada",
        runtime: "picoclaw",
        version,
        url: `http://ada.${stack.namespace}.svc:8080`,
        state: "running",
        healthy: true,
        answer: expect.stringContaining("ok"),
        uid,
        image: { digest },
        container: "ada-0",
        volume: "state-ada-0",
        namespace: stack.namespace,
      },
    ]);
  });

  test("logs: the last lines, followed until the claw ends, and who is meant when a name is wrong", async () => {
    const all = await stack.clawfleet("logs", "ada");
    expect(all.code).toBe(0);
    const lines = all.out.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(2);
    expect(await stack.clawfleet("logs", "ada", "--tail", "2")).toEqual({ code: 0, out: `${lines.slice(-2).join("\n")}\n` });
    const followed = stack.start([process.execPath, "cli/main.ts", "logs", "ada", "-f", "--tail", "1"]);
    try {
      await followed.printed(/\n/);
      expect(followed.process.exitCode).toBeNull();
      await stack.kubectl("delete", "pod", "ada-0");
      expect((await followed.done).code).toBe(0);
    } finally {
      endGroup(followed.process, "SIGKILL");
    }
    await stack.kubectl("wait", "pod/ada-0", "--for=condition=Ready", "--timeout=60s");
    const wrong = await stack.clawfleet("logs", "adda");
    expect(wrong).toEqual({ code: 2, out: `clawfleet: no claw "adda" in stack "${stack.name}": did you mean "ada"?\n` });
  });

  test("port-forward brings the claw to the fleet file's port, and to its successor after it was replaced", async () => {
    const { running, url } = await forwarding();
    try {
      expect(await answer(url)).toMatchObject(health.expect);
      const before = await podUid();
      await stack.kubectl("delete", "pod", "ada-0", "--wait=false");
      await until(async () => (await stack.tryKubectl("get", "pod", "ada-0", "-o", "jsonpath={.metadata.uid}")).out !== before);
      // The connection waits for the new pod; nobody starts the command anew.
      expect(await answer(url, 60)).toMatchObject(health.expect);
      expect(await podUid()).not.toBe(before);
      running.process.kill("SIGINT");
      const { code, out } = await running.done;
      expect([code, out.split("\n")[0]]).toEqual([0, `${url} is ada (${stack.namespace}/ada-0) until Ctrl-C`]);
      expect(await answer(url)).toBeUndefined();
    } finally {
      endGroup(running.process, "SIGKILL");
    }
  });

  test("port-forward to another port, with large answers and several connections; a port that is taken is said", async () => {
    const other = await freePort();
    const { running, url } = await forwarding(String(other));
    try {
      const many = await Promise.all(Array.from({ length: 20 }, () => answer(url, 20)));
      for (const one of many) expect(one).toMatchObject(health.expect);
      const taken = await stack.clawfleet("port-forward", "ada", String(other));
      expect(taken.code).toBe(1);
      expect(taken.out).toMatch(
        new RegExp(`^clawfleet: port ${other} is taken by .+ \\(process ${running.process.pid}\\): .*clawfleet port-forward ada \\d+\n$`),
      );
    } finally {
      endGroup(running.process, "SIGTERM");
    }
    expect((await running.done).code).toBe(0);
    for (const bad of ["0", "65536", "x"]) expect((await stack.clawfleet("port-forward", "ada", bad)).code).toBe(2);
    expect((await stack.clawfleet("port-forward", "adda")).out).toContain('did you mean "ada"?');
  });

  test("up puts right what somebody edited or removed, on the same claim", async () => {
    await stack.kubectl("scale", "statefulset/ada", "--replicas=0");
    expect(await stack.up()).toContain(`StatefulSet ${stack.namespace}/ada was edited`);
    await stack.kubectl("delete", "statefulset", "ada");
    expect((await stack.clawfleet("status")).code).toBe(1);
    const out = await stack.up();
    expect(out).toContain(`StatefulSet ${stack.namespace}/ada is gone`);
    expect(out).toMatch(/^ada .* healthy /m);
    await kept();
    expect(await stack.up()).not.toMatch(/was edited|is gone|was made anew/);
  });

  test("up says why a claw does not come up, with its events, and without its secrets", { timeout: 300_000 }, async () => {
    stack.fleet(fleet(port, "[agent.security]\nmax_open_files = 4096\n"));
    await stack.kubectl("create", "quota", "tight", "--hard=pods=0");
    await stack.kubectl("delete", "pod", "ada-0");
    try {
      const { code, out } = await stack.clawfleet("up");
      expect(code).not.toBe(0);
      expect(out).toMatch(/^ada: no pod$/m);
      expect(out).toMatch(/^ {2}\| Warning FailedCreate.*exceeded quota/m);
      expect(out).toMatch(/No data is lost: every claw's claim is as it was.*`clawfleet up`/);
      expect(out).not.toContain(key);
    } finally {
      await stack.kubectl("delete", "quota", "tight");
    }
    await stack.up();
    await kept();
  });

  test("what keeps up from starting is said before anything is changed", async () => {
    const before = await podUid();
    const state = await stack.state();
    const closed = await freePort();
    const kubeconfig = `${stack.dir}/closed`;
    const config = await stack.kubectl("config", "view", "--raw", "--minify", "--flatten");
    writeFileSync(kubeconfig, config.replace(/server: .*/, `server: https://127.0.0.1:${closed}`), { mode: 0o600 });
    const env = { ...stack.env };
    try {
      stack.env.KUBECONFIG = kubeconfig;
      const away = await stack.clawfleet("up");
      expect(away.code).toBe(1);
      expect(away.out).toContain(`does not answer at https://127.0.0.1:${closed}`);
      stack.env.KUBECONFIG = `${stack.dir}/none`;
      expect(await stack.clawfleet("status")).toMatchObject({ code: 1, out: expect.stringContaining(`there is no ${stack.dir}/none`) });
      stack.env.KUBECONFIG = env.KUBECONFIG;
      stack.env.DOCKER_HOST = `unix://${stack.dir}/none.sock`;
      const daemon = await stack.clawfleet("up");
      expect(daemon).toMatchObject({ code: 1, out: expect.stringContaining(`Docker does not answer at unix://${stack.dir}/none.sock`) });
      // Only images need the daemon.
      expect((await stack.clawfleet("status")).code).toBe(0);
    } finally {
      Object.assign(stack.env, { KUBECONFIG: env.KUBECONFIG, DOCKER_HOST: env.DOCKER_HOST });
    }
    expect(await podUid()).toBe(before);
    expect(await stack.state()).toBe(state);
  });

  test("down keeps the claim and the namespace, and says so; up finds the data again", async () => {
    const { code, out } = await stack.clawfleet("down");
    expect(code, out).toBe(0);
    expect(out).toContain(`Kept, with all data: state-ada-0 (and the namespace ${stack.namespace})\n  clawfleet up `);
    expect(await stack.kubectl("get", "statefulsets,pods,services,secrets,networkpolicies", "--output=name")).toBe("");
    expect(await stack.kubectl("get", "persistentvolumeclaims", "--output=name")).toBe("persistentvolumeclaim/state-ada-0\n");
    expect(await stack.clawfleet("status")).toMatchObject({ code: 1, out: expect.stringContaining("no claws in stack") });
    await stack.up();
    await kept();
  });

  test("clean asks, keeps what is not the fleet's, and else leaves nothing", async () => {
    const unasked = await stack.clawfleet("clean");
    expect(unasked.code).toBe(2);
    expect(unasked.out).toContain(
      `Removes stack "${stack.name}" from the namespace "${stack.namespace}" (context "${stack.cluster.context}")`,
    );
    await kept();
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "somebody-elses", namespace: stack.namespace },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
    };
    await stack.cluster.apply(claim);
    const guest = await stack.clawfleet("clean", "--yes");
    expect(guest.code, guest.out).toBe(0);
    expect(guest.out).toContain("removed claim state-ada-0\n");
    expect(guest.out).toContain(`kept the namespace ${stack.namespace}: others are in it (claim somebody-elses)`);
    await stack.kubectl("delete", "persistentvolumeclaim", "somebody-elses");
    const all = await stack.clawfleet("clean", "--yes");
    expect(all).toMatchObject({ code: 0, out: expect.stringContaining(`removed namespace ${stack.namespace}\n`) });
    expect(await stack.cluster.kubectl("get", "namespaces", "--output=name")).not.toContain(`namespace/${stack.namespace}\n`);
  });
});
