/** What goes wrong on a cluster ends in a message that says what it is, while the version before serves on; the next update converges. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import YAML from "yaml";
import { z } from "zod";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";
import { endGroup, type Result, until } from "../docker/stack.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { answered, KubernetesStack, open } from "./stack.ts";

const { health, stateDir } = runtime.descriptor;
const fleet = (rest = "", claw = "ada") => `[[agent]]\nname = "${claw}"\nruntime = "picoclaw"\n${open}${rest}`;
const limited = (limits: string) => fleet(`[agent.security]\n${limits}\n`);

/** Nothing is waited for longer than it takes, and what never comes is given up early. */
const settings = { "clawfleet:readyTimeout": "20" };

let stack: KubernetesStack;
let address: string;
let kept: () => Promise<void>;
const others: KubernetesStack[] = [];

async function another(purpose: string, config: Record<string, string>, env: NodeJS.ProcessEnv = {}): Promise<KubernetesStack> {
  const one = new KubernetesStack(await cluster(), purpose, fleet(), env);
  others.push(one);
  one.settings({ ...settings, ...config });
  return await one.init();
}

/** Asks the claw for its health, one question after the other, until told to stop; gives the number of good answers and the bad ones. */
function asking(): () => Promise<{ good: number; bad: string[] }> {
  let stop = false;
  const bad: string[] = [];
  let good = 0;
  const all = (async () => {
    while (!stop) {
      try {
        const response = await fetch(`${address}${health.path}`, { signal: AbortSignal.timeout(5000) });
        expect(await response.json()).toMatchObject(health.expect);
        good += 1;
      } catch (error) {
        bad.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return async () => {
    stop = true;
    await all;
    return { good, bad };
  };
}

/** The message is one for a person. */
function expectClear({ code, out }: Result, ...words: (string | RegExp)[]): void {
  expect(code, out).not.toBe(0);
  for (const word of words) expect(out).toMatch(word);
  expect(out).not.toMatch(/^\s+at .*\.ts:/m);
  expect(out).not.toMatch(/UnhandledPromiseRejection|node:internal/);
}

/** Runs `clawfleet up`, which must fail with these words, while the claw serves on as it is. */
async function failsWhileServing(...words: (string | RegExp)[]): Promise<void> {
  await failsMeanwhile(() => stack.clawfleet("up"), words);
}

async function failsMeanwhile(update: () => Promise<Result>, words: readonly (string | RegExp)[]): Promise<void> {
  const pod = await stack.field("pod/ada-0", ".metadata.uid");
  const stop = asking();
  const result = await update();
  const { good, bad } = await stop();
  expectClear(result, ...words);
  expect(bad).toEqual([]);
  expect(good).toBeGreaterThan(0);
  expect(await stack.field("pod/ada-0", ".metadata.uid")).toBe(pod);
  expect(await stack.field("pod/ada-0", ".status.containerStatuses[0].restartCount")).toBe("0");
  await kept();
}

/** Kubeconfig as the cluster's, changed. */
async function kubeconfig(name: string, change: (config: z.infer<typeof kubeconfigSchema>) => void): Promise<string> {
  const { kubeconfig: from } = await cluster();
  const parsed = kubeconfigSchema.parse(YAML.parse(readFileSync(from, "utf8")));
  change(parsed);
  const file = join(stack.dir, `${name}.yaml`);
  writeFileSync(file, YAML.stringify(parsed));
  return file;
}
const kubeconfigSchema = z.looseObject({
  clusters: z.tuple([z.looseObject({ cluster: z.looseObject({ server: z.string() }) })]),
  users: z.tuple([z.looseObject({ user: z.record(z.string(), z.unknown()) })]),
});

const stateSchema = z.looseObject({
  deployment: z.looseObject({
    resources: z.array(z.looseObject({ type: z.string(), outputs: z.record(z.string(), z.unknown()).optional() })),
  }),
});

describeOnCluster("a fault while a claw serves", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    stack = new KubernetesStack(await cluster(), "faults", fleet());
    stack.settings(settings);
    await stack.init();
    await stack.up();
    address = await stack.address("ada");
    await answered(`${address}${health.path}`);
    kept = await stack.keep("ada", stateDir);
  }, 600_000);

  afterAll(async () => {
    await stack?.remove();
  }, 300_000);

  test("the new version never becomes healthy: its last words are shown", async () => {
    // Too little processor time to come up with in its time.
    stack.fleet(limited("cpus = 0.01"));
    stack.settings({ "clawfleet:readyTimeout": "3" });
    try {
      await failsWhileServing(/claw "ada": its next version does not come up/, /not ready after 3 s/);
    } finally {
      stack.settings(settings);
    }
  });

  test("the new version ends at once", async () => {
    stack.fleet(fleet("[agent.extras.agents.defaults]\nmodel_name = 'no-such-model'\n"));
    await failsWhileServing(/ada/, /no-such-model/);
  });

  test("the new version's image is not in the registry", async () => {
    const state = await stack.state();
    const gone = `sha256:${"0".repeat(64)}`;
    const changed = stateSchema.parse(JSON.parse(state));
    const pushed = changed.deployment.resources.filter(({ type }) => type === "docker:index/registryImage:RegistryImage");
    expect(pushed).toHaveLength(1);
    for (const { outputs } of pushed) if (outputs !== undefined) outputs.sha256Digest = gone;
    stack.fleet(fleet());
    await importState(JSON.stringify(changed));
    try {
      // Not by clawfleet, which would look first what the registry has.
      await failsMeanwhile(() => stack.pulumi("up", "--yes", "--skip-preview"), [gone, /not found|manifest unknown/i]);
    } finally {
      await importState(state);
    }
  });

  test("the quota does not allow it", async () => {
    stack.fleet(limited('memory_limit = "2g"'));
    stack.settings({ ...settings, "clawfleet:quota": JSON.stringify({ "limits.memory": "1536Mi" }) });
    try {
      await failsWhileServing(/quota/, /limits\.memory/, /ada/);
    } finally {
      stack.settings(settings);
    }
  });

  test("the API server is not there", async () => {
    stack.env.KUBECONFIG = await kubeconfig("port", ({ clusters: [{ cluster }] }) => {
      cluster.server = cluster.server.replace(/:\d+$/, ":6");
    });
    await failsWhileServing(/ECONNREFUSED|connection refused|does not answer/, /:6\b/);
  });

  test("the login has expired", async () => {
    stack.env.KUBECONFIG = await kubeconfig("expired", ({ users: [{ user }] }) => {
      expiredCertificate(user);
    });
    await failsWhileServing(/expired/, /expired\.yaml/);
  });

  test("there is no such context", async () => {
    stack.env.KUBECONFIG = (await cluster()).kubeconfig;
    stack.settings({ ...settings, "clawfleet:context": "clawfleat" });
    try {
      await failsWhileServing(/"?clawfleat"?/, new RegExp((await cluster()).context));
    } finally {
      stack.settings(settings);
    }
  });

  test("Pulumi is killed in the middle of an update", async () => {
    stack.env.KUBECONFIG = (await cluster()).kubeconfig;
    stack.fleet(limited("max_open_files = 4096"));
    const before = await stack.field("statefulset/ada", ".metadata.generation");
    const up = stack.start([process.execPath, "cli/main.ts", "up"]);
    await until(async () => (await stack.field("statefulset/ada", ".metadata.generation")) !== before);
    endGroup(up.process, "SIGKILL");
    await up.done;
    await converges();
    expect((await stack.exec("ada", "sh", "-c", "cat /proc/[0-9]*/limits")).out).toMatch(/^Max open files\s+4096\s/m);
  });

  test("the plugin is killed in the middle of an update", async () => {
    stack.fleet(limited("max_open_files = 2048"));
    const up = stack.start([process.execPath, "cli/main.ts", "up"]);
    await up.printed(/ada-statefulset updating/);
    const plugins = pluginsOf(up.process.pid ?? 0);
    expect(plugins.length).toBeGreaterThan(0);
    for (const pid of plugins) process.kill(pid, "SIGKILL");
    expectClear(await up.done, /kubernetes/);
    await converges();
    expect((await stack.exec("ada", "sh", "-c", "cat /proc/[0-9]*/limits")).out).toMatch(/^Max open files\s+2048\s/m);
  });

  async function importState(text: string): Promise<void> {
    const file = join(stack.dir, "state.json");
    writeFileSync(file, text);
    const { code, out } = await stack.pulumi("stack", "import", "--file", file);
    expect(code, out).toBe(0);
  }

  async function converges(): Promise<void> {
    await stack.up();
    const again = await stack.pulumi("preview", "--refresh", "--expect-no-changes");
    expect(again, again.out).toMatchObject({ code: 0 });
    await kept();
    expect((await stack.kubectl("get", "pods", "--output=name")).trim()).toBe("pod/ada-0");
  }
});

describeOnCluster("a fault before anything is there", { timeout: 300_000 }, () => {
  afterAll(async () => {
    for (const one of others) await one.remove();
  }, 300_000);

  test("no such storage class: said with those that there are, and nothing is made", async () => {
    const one = await another("class", { "clawfleet:storageClass": "no-such-class" });
    expectClear(await one.clawfleet("up"), /"?no-such-class"?/, /local/);
    expect((await one.tryKubectl("get", "all", "--output=name")).out).not.toContain("statefulset");
    one.settings(settings);
    await one.up();
  });

  test("its namespace is being deleted", async () => {
    const one = await another("going", {});
    const metadata = { name: "holder", namespace: one.namespace, finalizers: ["tests.clawfleet.dev/hold"] };
    await one.cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: one.namespace } });
    await one.cluster.apply({ apiVersion: "v1", kind: "ConfigMap", metadata });
    await one.cluster.kubectl("delete", "namespace", one.namespace, "--wait=false");
    try {
      expectClear(await one.clawfleet("up"), new RegExp(`${one.namespace}.* is being deleted`));
    } finally {
      await one.kubectl("patch", "configmap", "holder", "--type=merge", "--patch", '{"metadata":{"finalizers":null}}');
    }
    await one.cluster.kubectl("wait", "--for=delete", `namespace/${one.namespace}`, "--timeout=60s");
    await one.up();
  });
});

/** Puts a client certificate in place whose time is over, signed by itself: nobody needs to ask the server to see that. */
function expiredCertificate(user: { [key: string]: unknown }): void {
  const dir = mkdtempSync(join(stack.dir, "ca-"));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: dir, stdio: "pipe" });
  const section =
    "[d]\ndatabase = index\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n";
  writeFileSync(join(dir, "config"), `[ca]\ndefault_ca = d\n${section}`);
  writeFileSync(join(dir, "index"), "");
  writeFileSync(join(dir, "serial"), "01\n");
  openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-subj", "/CN=nobody", "-out", "request");
  const dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"];
  openssl(
    "ca",
    "-batch",
    "-config",
    "config",
    "-selfsign",
    "-keyfile",
    "key",
    "-in",
    "request",
    "-out",
    "certificate",
    "-notext",
    ...dates,
  );
  for (const name of Object.keys(user)) delete user[name];
  user["client-certificate-data"] = readFileSync(join(dir, "certificate")).toString("base64");
  user["client-key-data"] = readFileSync(join(dir, "key")).toString("base64");
}

/** The processes of the kubernetes plugin below another: one for each of the program's two providers. */
function pluginsOf(ancestor: number): number[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const processes = lines.map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).filter((match) => match !== null);
  const below = new Set([ancestor]);
  for (let size = 0; size < below.size; ) {
    size = below.size;
    for (const [, pid, parent] of processes) if (below.has(Number(parent))) below.add(Number(pid));
  }
  return processes.filter(([, pid, , args = ""]) => below.has(Number(pid)) && pluginCommand.test(args)).map(([, pid]) => Number(pid));
}
const pluginCommand = /engine\/kubernetes\/|pulumi-resource-kubernetes/;
