/** The same claws on Docker and on Kubernetes, all six runtimes: what runs is the same but for a short list, each entry with its reason. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACKNOWLEDGE } from "../../fleet/schema.ts";
import { type Agent, translated } from "../../runtimes/fixtures.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { launchesOf } from "../../runtimes/launch.ts";
import type { Descriptor, Runtime } from "../../runtimes/runtime.ts";
import { freePort, TestStack } from "../docker/stack.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { dockerFacts, kubernetesFacts } from "./parity-api.ts";
import { compare } from "./parity-differences.ts";
import { type Exec, type Facts, type Reading, read } from "./parity-facts.ts";
import { type Kind, kindOf, pushImages, removeImages } from "./parity-images.ts";
import { applyWithoutDocker } from "./parity-refused.ts";
import { KubernetesStack } from "./stack.ts";

const runtimes = [...(await loadRuntimes(runtimeNames())).values()];
/** Those that Kubernetes takes, and those that need Docker, which it refuses. */
const [taken, refused] = [runtimes.filter(needsNoDocker), runtimes.filter((runtime) => !needsNoDocker(runtime))];
function needsNoDocker({ descriptor }: Runtime): boolean {
  return descriptor.docker === undefined;
}

const limits = ({ minMemoryMiB }: Descriptor) => ({ memoryMiB: minMemoryMiB + 200, cpus: 1.5, openFiles: 4096 });

/** Of each kind of setting what the runtime has: a model with a key, a tool, memory, a heartbeat, limits. */
function agentOf(runtime: Runtime): Agent {
  const { memoryMiB, cpus, openFiles } = limits(runtime.descriptor);
  const settings: Agent[] = [
    ...runtime.tools
      .map((name) => ({ tools: [{ name, allowed: true }] }))
      .filter((agent) => isTaken(runtime, agent))
      .slice(0, 1),
    ...[{ memory: { max_history: 40 } }, { schedule: { heartbeat: "30m" } }].filter((agent) => isTaken(runtime, agent)),
  ];
  return {
    ...Object.fromEntries(settings.flatMap((agent) => Object.entries(agent))),
    model: { provider: "anthropic", name: "claude-sonnet-4-6", api_key_ref: "anthropic" },
    security: { memory_limit: `${memoryMiB}m`, cpus, max_open_files: openFiles },
  };
}
const isTaken = (runtime: Runtime, agent: Agent) => translated(runtime, agent).problems.length === 0;

const clawOf = ({ name }: Descriptor) => `the-${name}`;
const fleetOf = (some: readonly Runtime[], ports: ReadonlyMap<Runtime, number>) =>
  stringify({
    agent: some.map((runtime) => ({
      ...{ name: clawOf(runtime.descriptor), runtime: runtime.descriptor.name, port: ports.get(runtime) },
      ...agentOf(runtime),
      ...(needsNoDocker(runtime) ? {} : { docker: { access: "shared", acknowledge: ACKNOWLEDGE } }),
    })),
  });

test("a difference that is not on the list is told, and so is an entry of the list that nothing differs by", () => {
  const list = [
    { fact: /^restart$/, docker: /^unless-stopped$/, kubernetes: /^Always$/, why: "only there" },
    { fact: /^gone$/, docker: /^here$/, why: "no more" },
    { fact: /^other$/, why: "of others", runtimes: ["nullclaw"] },
  ];
  const docker = new Map(Object.entries({ Uid: "1", restart: "unless-stopped", user: "1:1" }));
  const kubernetes = new Map(Object.entries({ Uid: "0", restart: "Always", user: "1:1", more: "x" }));
  expect(compare("picoclaw", docker, kubernetes, list)).toEqual({
    unexpected: ["Uid: 1 on Docker, 0 on Kubernetes", "more: (none) on Docker, x on Kubernetes"],
    unused: ["/^gone$/: no more"],
  });
});

describeOnCluster("a claw on Docker and on Kubernetes", { timeout: 120_000 }, () => {
  const kinds = new Map<Descriptor, Kind>();
  const ports = new Map<Runtime, number>();
  let registry = "";
  let docker: TestStack;
  let kubernetes: KubernetesStack;

  beforeAll(async () => {
    const own = await cluster();
    for (const { descriptor } of runtimes) kinds.set(descriptor, await kindOf(descriptor));
    for (const [{ title }, kind] of kinds)
      if (kind === "reporter") console.warn(`${title}: its image without the runtime, which is not to be had here`);
    for (const runtime of runtimes) ports.set(runtime, await freePort());
    registry = await pushImages(own, `parity-${randomBytes(4).toString("hex")}`, kinds);
    const fleet = fleetOf(taken, ports);
    const env = { CLAWFLEET_SECRET_ANTHROPIC: "sk-parity" };
    const images = { "clawfleet:images": "pull", "clawfleet:registry": registry };
    docker = new TestStack("parity", fleet, env);
    docker.config(images);
    await docker.init();
    kubernetes = new KubernetesStack(own, "parity", fleet, env);
    kubernetes.settings(images);
    await kubernetes.init();
    await up(docker);
    await up(kubernetes);
  }, 1_500_000);

  afterAll(async () => {
    await docker?.remove();
    await kubernetes?.remove();
    await removeImages(registry, kinds.keys());
  }, 300_000);

  test("every runtime is compared, by itself or by its image without it", () => {
    expect([...kinds.keys()].map(({ name }) => name).sort()).toEqual(runtimeNames().toSorted());
    expect(refused.map(({ descriptor }) => descriptor.name)).toContain("nanoclaw");
    expect(taken.length).toBeGreaterThanOrEqual(5);
  });

  test.each(taken.map(({ descriptor }) => descriptor))("$title: what it runs in is the same but for the list", expectSame);

  describe.each(refused)("$descriptor.title, which needs Docker", ({ descriptor }) => {
    const claw = clawOf(descriptor);

    test("is refused, and nothing is changed", async () => {
      const before = await kubernetes.kubectl("get", "all,secrets,networkpolicies", "--output", "name");
      kubernetes.fleet(fleetOf(runtimes, ports));
      const up = await kubernetes.clawfleet("up");
      const preview = await kubernetes.pulumi("preview");
      expect(up.code, up.out).toBe(2);
      expect(preview.code).not.toBe(0);
      for (const { out } of [up, preview]) expect(out).toMatch(/fleet\.toml:\d+:\d+: access "shared" is for fleets on Docker/);
      expect(await kubernetes.kubectl("get", "all,secrets,networkpolicies", "--output", "name")).toBe(before);
    });

    test("what it would run in without Docker is the same but for the list", { timeout: 600_000 }, async () => {
      docker.fleet(fleetOf(runtimes, ports));
      await up(docker);
      const { launches } = await launchesOf(join(docker.dir, "fleet.toml"));
      const launch = launches.find((one) => one.claw === claw);
      if (launch === undefined) throw new Error(`no ${claw} in the fleet`);
      const here = await dockerFacts(docker, descriptor, claw, registry);
      await applyWithoutDocker(kubernetes, launch, `${registry}/${descriptor.name}@${here.get("image")}`, { anthropic: "sk-parity" });
      await expectSame(descriptor);
    });
  });

  async function expectSame(runtime: Descriptor): Promise<void> {
    const claw = clawOf(runtime);
    const [here, there] = [await readIn(docker, runtime), await readIn(kubernetes, runtime)];
    const facts = [
      merged(here.facts, await dockerFacts(docker, runtime, claw, registry)),
      merged(there.facts, await kubernetesFacts(kubernetes, runtime, claw)),
    ] as const;
    expect(compare(runtime.name, ...facts)).toEqual({ unexpected: [], unused: [] });
    await expectLimits(runtime, here, there);
  }

  /** The limits are the fleet file's; where the engine can hold a container to them, the kernel has them. */
  async function expectLimits(runtime: Descriptor, here: Reading, there: Reading): Promise<void> {
    const { memoryMiB, cpus, openFiles } = limits(runtime);
    const { MemoryLimit, CpuCfsQuota } = await docker.docker.info();
    for (const [reading, memory, processor] of [
      [here, MemoryLimit, CpuCfsQuota],
      [there, true, true],
    ] as const) {
      expect(reading.facts.get("open files")).toBe(`${openFiles}/${openFiles}`);
      if (memory) expect(kernelMemory(reading)).toBe(memoryMiB);
      if (processor) expect(kernelProcessors(reading)).toBe(cpus);
    }
  }
});

/** As `stack.up()`, with the time that five runtimes may take to start at once. */
async function up(stack: TestStack): Promise<void> {
  const { code, out } = await stack.start([process.execPath, "cli/main.ts", "up"], 900).done;
  if (code !== 0) throw new Error(`up ended with ${code}:\n${out}`);
}

const merged = (...facts: Facts[]): Facts => new Map(facts.flatMap((some) => [...some]));

function readIn(stack: TestStack, runtime: Descriptor): Promise<Reading> {
  const exec: Exec = async (command) => {
    const { code, out } = await stack.exec(clawOf(runtime), ...command);
    if (code !== 0) throw new Error(`ended with ${code}:\n${out}`);
    return out;
  };
  return read(exec, runtime);
}

/** MiB, by cgroup v2 or v1. */
const kernelMemory = ({ cgroup }: Reading) => Number(cgroup.get("memory.max") ?? cgroup.get("memory/memory.limit_in_bytes")) / 2 ** 20;

function kernelProcessors({ cgroup }: Reading): number {
  const [quota, period] = cgroup.get("cpu.max")?.split(" ") ?? [cgroup.get("cpu/cpu.cfs_quota_us"), cgroup.get("cpu/cpu.cfs_period_us")];
  return Number(quota) / Number(period);
}
