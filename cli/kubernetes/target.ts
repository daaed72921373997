import { ifThere, statusOf } from "../../components/kubernetes/cluster.ts";
import { claimName, label, podName } from "../../components/kubernetes/names.ts";
import { failureOf, isReady, waitOf } from "../../components/kubernetes/podstate.ts";
import { problemsOf } from "../../components/kubernetes/preflight.ts";
import { refuseOnKubernetes } from "../../components/kubernetes/refused.ts";
import type { KubernetesSettings } from "../../components/kubernetes/settings.ts";
import type { LoadedFleet } from "../../fleet/problems.ts";
import type { Launch } from "../../runtimes/runtime.ts";
import { noClaw, UserError } from "../errors.ts";
import type { Inventory } from "../pulumi.ts";
import { recover } from "../recover.ts";
import type { Stack } from "../stack.ts";
import { type LastWords, logLines, type Target, type Trouble, type Unnoted } from "../target.ts";
import { note, say } from "../terminal.ts";
import { type Cluster, connect } from "./cluster.ts";
import { waited } from "./forward.ts";
import { followLog, lastLog, linesOf, secretValues } from "./logs.ts";
import {
  claims,
  clawPods,
  driftOf,
  guests,
  idOf,
  liveObjects,
  namespaceOwner,
  nudge,
  registeredAs,
  removeObject,
  trialPods,
  typeOf,
} from "./objects.ts";
import { eventLines } from "./pods.ts";
import { settingsOf } from "./settings.ts";
import { clawStatuses } from "./status.ts";

/** How many events of a claw that did not come up are shown. */
const EVENTS = 8;

/** A stack in a namespace of a cluster. */
export class KubernetesTarget implements Target {
  readonly kind = "kubernetes";
  readonly #stack: Stack;
  readonly #settings: KubernetesSettings;
  readonly #namespace: string;
  readonly cluster: Cluster;

  private constructor(stack: Stack, settings: KubernetesSettings, cluster: Cluster) {
    this.#stack = stack;
    this.#settings = settings;
    this.#namespace = settings.namespace;
    this.cluster = cluster;
  }

  /** @throws UserError when its config is wrong or its cluster does not answer */
  static async of(stack: Stack): Promise<KubernetesTarget> {
    const settings = settingsOf(stack);
    return new KubernetesTarget(stack, settings, await connect(settings, settings));
  }

  get place(): string {
    return `the namespace "${this.#namespace}" (context "${this.cluster.context}")`;
  }

  get keeps(): string {
    return `the namespace ${this.#namespace}`;
  }

  async prepare(loaded: LoadedFleet, launches: readonly Launch[]): Promise<boolean> {
    refuseOnKubernetes(loaded);
    const problems = await problemsOf(this.cluster, this.#settings);
    if (problems.length > 0) throw new UserError(problems.map(({ message }) => message).join("\n"));
    // Whatever runs the images: a daemon here builds them, or takes published ones and so learns their digests.
    await this.#stack.docker();
    const refresh = await recover(
      this.#stack,
      this,
      launches.map(({ claw }) => claw),
    );
    if (this.#stack.inventory.length === 0) return refresh;
    const live = await liveObjects(this.cluster, this.#stack.name, this.#namespace);
    const pods = await clawPods(this.cluster, this.#stack.name, this.#namespace);
    for (const object of live.filter(({ kind, claw }) => kind === "StatefulSet" && claw !== undefined && !pods.has(claw))) {
      await nudge(this.cluster, object);
    }
    const drift = driftOf(this.#stack.state, live);
    for (const words of drift) note(`${words}: compares the state with the cluster`);
    return refresh || drift.length > 0;
  }

  async removeUnnoted(unnoted: Unnoted, claws: readonly string[]): Promise<void> {
    const { name } = this.#stack;
    for (const { metadata } of await trialPods(this.cluster, name, this.#namespace)) {
      note(`removes the pod ${metadata?.name}: a run that was killed tried a next version in it`);
      await ifThere(this.cluster.core.deleteNamespacedPod({ name: metadata?.name ?? "", namespace: this.#namespace }));
    }
    for (const object of await liveObjects(this.cluster, name, this.#namespace)) {
      if (this.#stack.knows(typeOf(object), idOf(object)) || object.terminating) continue;
      const what = `the ${object.kind} ${idOf(object)}`;
      const [owner, rest] = registeredAs(object);
      if (unnoted(owner, rest, object.created)) {
        note(`removes ${what}: the last run made it but ended before it was noted (the claim is kept)`);
        await removeObject(this.cluster, object);
      } else if (claws.length > 0 && (object.claw === undefined || claws.includes(object.claw)) && object.kind !== "Secret") {
        throw new UserError(
          `${what} exists, but this stack's state does not know it. If it is a leftover: kubectl --namespace ${this.#namespace} delete ${object.kind.toLowerCase()} ${object.name} (claims are kept). If another stack named "${name}" runs it, choose another name: --stack`,
        );
      }
    }
  }

  async statuses(inventory: Inventory, patient: boolean) {
    return await clawStatuses(this.cluster, this.#namespace, inventory, patient);
  }

  async troubles(launches: readonly Launch[]): Promise<Trouble[]> {
    const pods = await clawPods(this.cluster, this.#stack.name, this.#namespace);
    const found: Trouble[] = [];
    for (const launch of launches) {
      const pod = pods.get(launch.claw);
      if (isReady(pod)) continue;
      found.push({
        claw: launch.claw,
        what: pod === undefined ? "no pod" : (failureOf(pod) ?? waitOf(pod)),
        words: await this.lastWords(launch),
      });
    }
    return found;
  }

  async lastWords({ claw }: Launch): Promise<LastWords> {
    const { core } = this.cluster;
    const [namespace, name] = [this.#namespace, podName(claw)];
    const [pod, events] = await Promise.all([
      ifThere(core.readNamespacedPod({ name, namespace })),
      core.listNamespacedEvent({ namespace }),
    ]);
    const values = pod === undefined ? [] : await secretValues(this.cluster, namespace, pod);
    const about = eventLines(events.items, [name, claw, claimName(claw)], EVENTS);
    if (values === undefined) {
      const noLog = "its log and events are not shown: its Secret, whose values would be taken out of them, cannot be read";
      return { log: [], noLog };
    }
    const log = pod === undefined ? "" : await lastLog(this.cluster, namespace, name, logLines);
    return {
      log: linesOf(log, values).slice(-logLines),
      ...(pod === undefined && { noLog: "there is no pod that could have logged" }),
      events: about.flatMap((line) => linesOf(line, values)),
    };
  }

  async logs(claw: string, tail: number, follow: boolean): Promise<void> {
    const pods = await clawPods(this.cluster, this.#stack.name, this.#namespace);
    const pod = pods.get(claw)?.metadata?.name;
    if (pod === undefined) throw noClaw(claw, `stack "${this.#stack.name}"`, [...pods.keys()].sort());
    if (follow) await followLog(this.cluster, this.#namespace, pod, tail);
    else process.stdout.write(await lastLog(this.cluster, this.#namespace, pod, tail));
  }

  async hindrances(): Promise<string[]> {
    const left = (await liveObjects(this.cluster, this.#stack.name, this.#namespace)).filter(({ terminating }) => terminating);
    return left.map(({ kind, name }) => {
      const command = `kubectl --namespace ${this.#namespace} get ${kind.toLowerCase()} ${name} -o yaml`;
      return `the ${kind} ${name} is being removed and waits for something, which its metadata names: ${command}`;
    });
  }

  async data(): Promise<string[]> {
    if ((await namespaceOwner(this.cluster, this.#stack.name, this.#namespace)) !== "ours") return [];
    return await claims(this.cluster, this.#namespace);
  }

  /** The namespace goes too where it is this stack's, and nothing of others is in it. */
  async removeRest(): Promise<void> {
    const { core } = this.cluster;
    const namespace = this.#namespace;
    const owner = await namespaceOwner(this.cluster, this.#stack.name, namespace);
    if (owner === "missing") return;
    for (const object of await liveObjects(this.cluster, this.#stack.name, namespace)) {
      await removeObject(this.cluster, object);
      say(`removed ${object.kind} ${object.name}`);
    }
    if (owner === "other") {
      say(`kept the namespace ${namespace} and its claims: its label ${label.stack} does not say that it is this stack's`);
      return;
    }
    const names = await claims(this.cluster, namespace);
    for (const name of names) {
      await ifThere(core.deleteNamespacedPersistentVolumeClaim({ name, namespace }));
      say(`removed claim ${name}`);
    }
    const others = await guests(this.cluster, namespace);
    if (others.length > 0) {
      say(`kept the namespace ${namespace}: others are in it (${others.join(", ")})`);
      return;
    }
    await this.#removeNamespace();
  }

  async #removeNamespace(): Promise<void> {
    const { core } = this.cluster;
    const name = this.#namespace;
    note(`removes the namespace ${name} ...`);
    // Two at once, a person's and ours, are a conflict: it is going then all the same.
    try {
      await ifThere(core.deleteNamespace({ name }));
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
    }
    const gone = await waited(async () => (await ifThere(core.readNamespace({ name }))) === undefined, 300);
    if (!gone)
      throw new UserError(`the namespace ${name} is still being removed: kubectl get namespace ${name} -o yaml says what it waits for`);
    say(`removed namespace ${name}`);
  }
}
