import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";
import type { Result } from "../docker/stack.ts";

const root = join(import.meta.dirname, "../..");
const script = join(root, "engine/cluster.sh");

/** A cluster to test on, and the registry that it pulls from. */
export interface Cluster {
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  readonly context: string;
  /** `host:port`, or with a path below it that may be pushed to. */
  readonly registry: string;
  readonly user: string;
  readonly password: string;
  /** It is this checkout's own (engine/cluster.sh), not one that KUBECONFIG names: its node and its files are at hand. */
  readonly own: boolean;
  /** This process's environment with what reaches the cluster: KUBECONFIG, the registry's login, a PATH with kubectl. */
  readonly env: NodeJS.ProcessEnv;
  /** What kubectl prints on stdout. Rejects with its words when it fails. */
  kubectl(...args: string[]): Promise<string>;
  /** As `kubectl`, but the exit code tells; both outputs in one. */
  tryKubectl(...args: string[]): Promise<Result>;
  /** Creates or replaces objects, given as Kubernetes' JSON. */
  apply(...objects: readonly object[]): Promise<string>;
}

/**
 * What of this machine is missing for a cluster, in words; undefined when nothing is. A cluster of one's own needs none of it: KUBECONFIG names it,
 * and CLAWFLEET_TEST_REGISTRY (with _USER and _PASSWORD) a registry that the machine pushes to and the cluster pulls from. KUBECONFIG alone is not
 * taken: many have it set for a cluster on which nobody wants tests.
 */
export function missing(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (given(env)) return undefined;
  if (process.getuid?.() !== 0) return "a cluster of one's own needs root";
  // Where Debian's tools are, engine/cluster.sh installs what is not there.
  return found("containerd") || found("apt-get") ? undefined : "there is no containerd on this machine";
}

/** `describe` for all that needs a cluster: skipped, and said so, where there can be none; in CI that is a failure. */
export const describeOnCluster = describe.skipIf(skipped());

/** As `describeOnCluster`, for tests that need a node at hand: skipped on a cluster that KUBECONFIG names, too. */
export const describeOnOwnCluster = describe.skipIf(skipped() || given(process.env));

function skipped(): boolean {
  return missing() !== undefined && !process.env.CI;
}

/** Whether the environment names a cluster and a registry; what .clawfleet/env has set is not a choice of the user's. */
export function given(env: NodeJS.ProcessEnv): boolean {
  const set = ` ${env.CLAWFLEET_ENV_SET ?? ""} `;
  return Boolean(env.KUBECONFIG && env.CLAWFLEET_TEST_REGISTRY) && !set.includes(" KUBECONFIG ");
}

const started = new Map<string, Promise<Cluster>>();

/**
 * The cluster of the tests: the user's own (see `missing`), else that of engine/cluster.sh, started when it does not run. Whoever is first starts
 * it, and test/kubernetes/setup.ts stops it in the end if it did not run before.
 *
 * @param name Another name is another cluster beside it, for tests that disturb theirs; whoever starts that one stops it (`stopCluster`).
 */
export function cluster(name = process.env.CLAWFLEET_CLUSTER || "clawfleet"): Promise<Cluster> {
  const known = started.get(name);
  if (known !== undefined) return known;
  const one = find(name);
  started.set(name, one);
  return one;
}

async function find(name: string): Promise<Cluster> {
  if (given(process.env)) {
    const { CLAWFLEET_TEST_REGISTRY: registry = "", CLAWFLEET_TEST_REGISTRY_USER: user = "" } = process.env;
    const { CLAWFLEET_TEST_REGISTRY_PASSWORD: password = "" } = process.env;
    const login = { CLAWFLEET_REGISTRY_USER: user, CLAWFLEET_REGISTRY_PASSWORD: password };
    return await reached({ ...process.env, CLAWFLEET_REGISTRY: registry, ...login }, false);
  }
  const why = missing();
  if (why !== undefined) throw new Error(why);
  const env = { ...process.env, CLAWFLEET_CLUSTER: name };
  const up = await run(script, ["up"], env);
  if (up.code !== 0) throw new Error(`engine/cluster.sh up ended with ${up.code}:\n${up.out}`);
  return await reached(await environment(name), true);
}

/** Of an own cluster: what `eval "$(engine/cluster.sh env)"` makes of the environment. */
async function environment(name: string): Promise<NodeJS.ProcessEnv> {
  const env = { ...process.env, CLAWFLEET_CLUSTER: name };
  const { stdout, code, out } = await run("bash", ["-c", `set -e; lines=$("$0" env); eval "$lines"; exec env -0`, script], env);
  if (code !== 0) throw new Error(`engine/cluster.sh env ended with ${code}:\n${out}`);
  const pairs = stdout.split("\0").filter((line) => line.includes("="));
  return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** Whether an own cluster runs and answers. */
export async function runs(name = process.env.CLAWFLEET_CLUSTER || "clawfleet"): Promise<boolean> {
  const { code, stdout } = await run(script, ["env"], { ...process.env, CLAWFLEET_CLUSTER: name });
  return code === 0 && stdout.includes("KUBECONFIG");
}

/** Stops an own cluster; `purge`: and removes all that it has written. */
export async function stopCluster(name: string, purge = false): Promise<void> {
  started.delete(name);
  const { code, out } = await run(script, [purge ? "purge" : "down"], { ...process.env, CLAWFLEET_CLUSTER: name });
  if (code !== 0) throw new Error(`engine/cluster.sh ended with ${code}:\n${out}`);
}

/** Restarts a part of an own cluster. */
export async function restart(what: "kubelet" | "node" | "apiserver", { env }: Cluster): Promise<void> {
  const { code, out } = await run(script, ["restart", what], env);
  if (code !== 0) throw new Error(`engine/cluster.sh restart ${what} ended with ${code}:\n${out}`);
}

async function reached(env: NodeJS.ProcessEnv, own: boolean): Promise<Cluster> {
  const { KUBECONFIG: kubeconfig = "", CLAWFLEET_REGISTRY: registry = "" } = env;
  const kubectl = async (...args: string[]) => okay(await run("kubectl", args, env), args);
  return {
    kubeconfig,
    context: (await kubectl("config", "current-context")).trim(),
    registry,
    user: env.CLAWFLEET_REGISTRY_USER ?? "",
    password: env.CLAWFLEET_REGISTRY_PASSWORD ?? "",
    own,
    env,
    kubectl,
    tryKubectl: async (...args) => {
      const { code, out } = await run("kubectl", args, env);
      return { code, out };
    },
    apply: async (...objects) => {
      const args = ["apply", "--server-side", "--filename", "-"];
      const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
      return okay(await run("kubectl", args, env, list), args);
    },
  };
}

interface Ended extends Result {
  readonly stdout: string;
}

function okay({ code, stdout, out }: Ended, args: readonly string[]): string {
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${out}`);
  return stdout;
}

/** Runs a command to its end, its exit code in the result. Ten minutes at most: a cluster's first start builds it. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ""): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: root, env, timeout: 600_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(command, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 125;
      resolve({ code, stdout, out: stdout + stderr + (code === 125 ? (error?.message ?? "") : "") });
    });
    // A command that ends before it has read all has its exit code to say why.
    child.stdin?.on("error", () => {}).end(input);
  });
}

function found(command: string): boolean {
  const places = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return places.some((place) => {
    try {
      accessSync(join(place, command), constants.X_OK);
      return true;
    } catch {
      return false; // not in this one
    }
  });
}
