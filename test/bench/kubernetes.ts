/** What a fleet costs on Kubernetes, against an empty Pulumi program and against `kubectl` with the same objects. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Cluster } from "../kubernetes/cluster.ts";
import { KubernetesStack } from "../kubernetes/stack.ts";
import { Bench } from "./bench.ts";
import { fleetOf } from "./fleets.ts";
import { cost, inTurn } from "./measure.ts";
import { inSeconds, say } from "./report.ts";

/** @returns the lines of the part's table */
export async function measureKubernetes(rounds: number, cluster: Cluster): Promise<string[]> {
  const bench = new Bench(rounds);
  try {
    const stacks = await Promise.all([1, 5, 20].map(async (count) => [count, await stackOf(bench, cluster, count)] as const));
    const empty = await bench.emptyProgram(stacks[0]?.[1].env ?? {});
    for (const [count, stack] of stacks) await up(bench, empty, stack, count);
    await firstPreview(bench, await stackOf(bench, cluster, 500), 500);
    return bench.report.lines();
  } finally {
    await bench.remove();
  }
}

const stackOf = (bench: Bench, cluster: Cluster, count: number): Promise<KubernetesStack> =>
  bench.init(new KubernetesStack(cluster, `bench${count}`, fleetOf(count)));

const preview = ({ env }: KubernetesStack) => cost(["pulumi", "--non-interactive", "preview"], env);

type EmptyProgram = Awaited<ReturnType<Bench["emptyProgram"]>>;

async function up(bench: Bench, empty: EmptyProgram, stack: KubernetesStack, count: number): Promise<void> {
  say(`up of ${count} on Kubernetes ...`);
  // Builds the image, puts it into the registry and onto the node, and gives the objects' digests to `render`.
  await stack.up();
  const { folder, files } = await manifests(stack, join(bench.place, `manifests-${count}`));
  if (count === 20) {
    const [base = 0, noop = 0] = await inTurn(bench.rounds + 2, [() => empty("preview"), async () => (await preview(stack)).seconds]);
    const result = `${(noop / base).toFixed(2)}x`;
    bench.report.row("no-op preview of 20 claws / empty program", inSeconds(noop), inSeconds(base), result);
  }
  const kubectl = (...args: string[]) => cost(["kubectl", "--namespace", stack.namespace, ...args], stack.env);
  // The namespace stays, on both sides; what is in it goes, with the data.
  const kinds = "statefulsets,services,secrets,serviceaccounts,networkpolicies,resourcequotas,limitranges";
  const clear = async () => {
    await kubectl("delete", kinds, "--all", "--ignore-not-found");
    await kubectl("delete", "persistentvolumeclaims", "--all");
  };
  const destroy = () => cost(["pulumi", "--non-interactive", "destroy", "--yes", "--skip-preview"], stack.env);
  await destroy();
  await clear();
  const [base = 0, ours = 0, theirs = 0] = await inTurn(bench.rounds, [
    () => empty("up", "--yes", "--skip-preview"),
    async () => {
      const { seconds } = await cost(["pulumi", "--non-interactive", "up", "--yes", "--skip-preview"], stack.env);
      await destroy();
      await clear();
      return seconds;
    },
    async () => {
      const applied = await kubectl("apply", "--server-side", "--recursive", "--filename", folder);
      const waited = await kubectl("wait", "--for=jsonpath={.status.readyReplicas}=1", "statefulsets", "--all", "--timeout=600s");
      await clear();
      return applied.seconds + waited.seconds;
    },
  ]);
  bench.report.row(
    `up of ${count === 1 ? "1 claw" : `${count} claws`} / kubectl apply of the same ${files} objects, and wait`,
    inSeconds(ours),
    `${inSeconds(theirs)} (empty program ${inSeconds(base)})`,
    `${(ours / theirs).toFixed(2)}x; ${((ours - base) / theirs).toFixed(2)}x without an empty program run`,
  );
}

const Report = z.object({
  files: z.array(z.string()),
  secrets: z.array(z.object({ name: z.string(), type: z.string(), keys: z.array(z.object({ key: z.string() })) })),
});

/** The stack's objects as files, with the Secrets that `clawfleet render` leaves to others. */
async function manifests(stack: KubernetesStack, folder: string): Promise<{ folder: string; files: number }> {
  const { code, out } = await stack.clawfleet("render", stack.name, "--out", folder, "--json");
  if (code !== 0) throw new Error(`render ended with ${code}:\n${out}`);
  const { files, secrets } = Report.parse(JSON.parse(out.slice(out.indexOf("{"))));
  const auth = Buffer.from(`${stack.cluster.user}:${stack.cluster.password}`).toString("base64");
  const login = JSON.stringify({ auths: { [stack.cluster.registry]: { auth } } });
  const objects = secrets.map(({ name, type, keys }) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: stack.namespace },
    type,
    stringData: Object.fromEntries(keys.map(({ key }) => [key, key === ".dockerconfigjson" ? login : "0".repeat(64)])),
  }));
  // After the namespace's own file.
  writeFileSync(join(folder, "zz-secrets.json"), JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  return { folder, files: files.filter((file) => /^\d-/.test(file)).length + objects.length };
}

async function firstPreview(bench: Bench, stack: KubernetesStack, count: number): Promise<void> {
  say(`preview of ${count} on Kubernetes ...`);
  const { seconds, peakMiB } = await preview(stack);
  const result = `${inSeconds(seconds)}, ${peakMiB.toFixed(0)} MiB`;
  bench.report.row(`first preview of ${count} claws`, result, "", result);
}
