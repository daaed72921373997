import { expect } from "vitest";
import { endGroup, freePort, type Result, type Running, TestStack, until } from "../docker/stack.ts";
import type { Cluster } from "./cluster.ts";

/** Lines of an `[[agent]]` that let everybody in, this machine too. */
export const open = '[agent.network]\ningress = ["0.0.0.0/0"]\n';

/**
 * A stack of its own on a cluster, on the real program: own name, backend, secrets, fleet file and namespace.
 * `remove()` leaves nothing of it: namespace, claims, files.
 */
export class KubernetesStack extends TestStack {
  readonly cluster: Cluster;
  readonly #forwards: Running[] = [];

  constructor(cluster: Cluster, purpose: string, fleet: string, env: NodeJS.ProcessEnv = {}) {
    // Not all of it: a stack of the tests has its own backend, passphrase and seed.
    const { KUBECONFIG, CLAWFLEET_CLUSTER, CLAWFLEET_REGISTRY, PATH } = cluster.env;
    const login = { CLAWFLEET_REGISTRY_USER: cluster.user, CLAWFLEET_REGISTRY_PASSWORD: cluster.password };
    super(purpose, fleet, { KUBECONFIG, CLAWFLEET_CLUSTER, CLAWFLEET_REGISTRY, PATH, ...login, ...env });
    this.cluster = cluster;
    this.settings({});
  }

  /** The fleet's namespace. */
  get namespace(): string {
    return `clawfleet-${this.name}`;
  }

  /** Writes the stack's config anew: the cluster's, and what is given beside it or instead of it. */
  settings(values: Record<string, string>): void {
    this.config({
      "clawfleet:target": "kubernetes",
      "clawfleet:context": this.cluster.context,
      "clawfleet:registry": this.cluster.registry,
      ...values,
    });
  }

  /** kubectl in the fleet's namespace; see `Cluster.kubectl`. */
  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectl("--namespace", this.namespace, ...args);
  }

  tryKubectl(...args: string[]): Promise<Result> {
    return this.cluster.tryKubectl("--namespace", this.namespace, ...args);
  }

  /** One field of an object (`statefulset/ada`), by its JSONPath without braces: `.metadata.uid`. */
  field(object: string, path: string): Promise<string> {
    return this.kubectl("get", object, "--output", `jsonpath={${path}}`);
  }

  /** Name of a claw's pod. */
  override container(claw: string): string {
    return `${claw}-0`;
  }

  /** Runs a command in a claw's pod; the exit code tells. */
  override exec(claw: string, ...command: string[]): Promise<Result> {
    return this.tryKubectl("exec", this.container(claw), "--", ...command);
  }

  /**
   * Where a claw's Service is reached from here. An own cluster's Services have a route on this machine, which is an outsider to the claw: its
   * `network.ingress` must let it in (`open`). Another cluster's are forwarded.
   */
  async address(claw: string): Promise<string> {
    if (!this.cluster.own) return await this.forwarded(claw);
    const output = "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}";
    return `http://${await this.kubectl("get", "service", claw, "--output", output)}`;
  }

  /** Where the pod that a claw has now is reached from here, whatever its policy says: by kubectl's port-forward. */
  async forwarded(claw: string): Promise<string> {
    const port = await freePort();
    const forward = this.start(["kubectl", "--namespace", this.namespace, "port-forward", `service/${claw}`, `${port}:http`], 3600);
    this.#forwards.push(forward);
    await forward.printed(/Forwarding from 127/);
    return `http://127.0.0.1:${port}`;
  }

  /**
   * Puts something into a claw's state directory and gives a function that fails unless it is there, unchanged.
   *
   * @param stateDir of the claw's runtime
   */
  async keep(claw: string, stateDir: string): Promise<() => Promise<void>> {
    const text = `dear diary of ${claw} in ${this.name}`;
    const written = await this.exec(claw, "sh", "-c", `echo "${text}" > ${stateDir}/diary`);
    expect(written).toEqual({ code: 0, out: "" });
    return async () => expect(await this.exec(claw, "cat", `${stateDir}/diary`)).toEqual({ code: 0, out: `${text}\n` });
  }

  override async remove(): Promise<void> {
    for (const { process, done } of this.#forwards.splice(0)) {
      endGroup(process, "SIGTERM");
      await done;
    }
    // Nobody waits for the claws' own ends: only their namespace's matters.
    await this.tryKubectl("delete", "statefulsets,pods", "--all", "--grace-period=0", "--force", "--wait=false");
    await this.cluster.kubectl("delete", "namespace", this.namespace, "--ignore-not-found", "--timeout=120s");
    await super.remove();
  }
}

/** A claw's health answer, once there is one: a Service follows a moment after its pod. Rejects when there is none for a minute. */
export async function answered(url: string): Promise<unknown> {
  let answer: unknown;
  await until(async () => {
    try {
      answer = await (await fetch(url, { signal: AbortSignal.timeout(10_000) })).json();
      return true;
    } catch {
      return false; // not yet
    }
  });
  return answer;
}
