import type { WatchEvent } from "../informers.ts";
import { at, generationOf, type KubeObject, list, nameOf, number, ownedBy, text, uidOf } from "../object.ts";
import { type Awaiter, resource, type Wait } from "./loop.ts";
import { podWarnings } from "./pod.ts";

const revision = (it: KubeObject | undefined): string => text(it, "metadata", "annotations", "deployment.kubernetes.io/revision");

/** A Deployment is ready when it is available, the ReplicaSet of this generation has its pods ready, and the claims it names are bound. */
export class DeploymentAwaiter implements Awaiter {
  object: KubeObject;
  readonly #wait: Wait;
  readonly #replicaSets = new Map<string, KubeObject>();
  readonly #pods = new Map<string, KubeObject>();
  readonly #claims = new Map<string, KubeObject>();
  #errors = new Map<string, string>();
  #seen = false;
  #available = false;
  #rolledOut = false;
  #podsReady = false;

  constructor(wait: Wait) {
    this.#wait = wait;
    this.object = wait.outputs;
  }

  readonly watches: Awaiter["watches"] = [
    { resource: resource("apps/v1", "Deployment"), event: (event) => this.observe(event) },
    { resource: resource("apps/v1", "ReplicaSet"), event: (event) => this.replicaSet(event) },
    { resource: resource("v1", "Pod"), event: (event) => this.pod(event) },
    { resource: resource("v1", "PersistentVolumeClaim"), event: (event) => this.claim(event) },
  ];

  observe({ type, object }: WatchEvent): void {
    if (nameOf(object) !== nameOf(this.#wait.outputs)) return;
    this.#errors = new Map();
    if (generationOf(object) < generationOf(this.#wait.outputs) || type === "DELETED") return;
    // The controller must have seen this generation before its status says anything.
    if (generationOf(object) !== number(object, "status", "observedGeneration")) return;
    this.#seen = true;
    this.object = object;
    if (revision(object) === "") return;
    for (const condition of list(object, "status", "conditions")) {
      const yes = condition.status === "True";
      if (condition.type === "Progressing") this.#rolledOut = yes && condition.reason === "NewReplicaSetAvailable";
      else if (condition.type === "Available") this.#available = yes;
      else continue;
      if (!yes && text(condition, "reason") !== "") {
        const message = `[${text(condition, "reason")}] ${text(condition, "message")}`;
        this.#errors.set(text(condition, "reason"), message);
        this.#wait.log("status-warning", message);
      }
    }
    this.#checkPods();
  }

  replicaSet({ type, object }: WatchEvent): void {
    if (!ownedBy(object, this.#wait.outputs)) return;
    if (type === "DELETED") this.#replicaSets.delete(revision(object));
    else this.#replicaSets.set(revision(object), object);
    this.#checkPods();
  }

  #checkPods(): void {
    const current = this.#replicaSets.get(revision(this.object));
    if (!this.#seen || revision(this.object) === "" || !current) return;
    const wanted = typeof at(current, "spec", "replicas") === "number" ? number(current, "spec", "replicas") : 1;
    const ready = number(current, "status", "readyReplicas");
    this.#podsReady = ready >= wanted;
    if (!this.#podsReady) this.#wait.log("status", `Waiting for app ReplicaSet to be available (${ready}/${wanted} Pods available)`);
    else if (wanted === 0) this.#wait.log("status-warning", `Replicas scaled to 0 for Deployment "${nameOf(this.object)}"`);
  }

  pod({ type, object }: WatchEvent): void {
    if (type === "DELETED") this.#pods.delete(uidOf(object));
    else this.#pods.set(uidOf(object), object);
  }

  claim({ type, object }: WatchEvent): void {
    const named = list(this.object, "spec", "template", "spec", "volumes").some(
      (volume) => text(volume, "persistentVolumeClaim", "claimName") === nameOf(object),
    );
    if (type === "DELETED" || !named) this.#claims.delete(uidOf(object));
    else this.#claims.set(uidOf(object), object);
  }

  #unbound(): string[] {
    return [...this.#claims.values()].filter((claim) => text(claim, "status", "phase") !== "Bound").map(nameOf);
  }

  #own(): KubeObject[] {
    const current = this.#replicaSets.get(revision(this.object));
    return [...this.#pods.values()].filter((pod) => ownedBy(pod, current));
  }

  done(): boolean {
    const rolledOut = this.#rolledOut || revision(this.object) === "1";
    if (!this.#seen || !this.#available || !rolledOut || !this.#podsReady || this.#unbound().length > 0) return false;
    this.#wait.log("status", "Deployment initialization complete");
    return true;
  }

  tick(): void {
    for (const warning of podWarnings(this.#own())) this.#wait.log("status-warning", warning);
  }

  reasons(): readonly string[] {
    const reasons = [...this.#errors.values()];
    const unbound = this.#unbound();
    const first = revision(this.object) === "1";
    if (unbound.length > 0) reasons.push(`Failed to bind PersistentVolumeClaim(s): "${unbound.join(",")}"`);
    if (!this.#available) reasons.push("Minimum number of live Pods was not attained");
    else if (first ? !this.#podsReady : !this.#rolledOut)
      reasons.push("Minimum number of Pods to consider the application live was not attained");
    else if (!this.#podsReady) reasons.push("Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live");
    return [...reasons, ...podWarnings(this.#own())];
  }

  pods(): readonly KubeObject[] {
    return this.#own();
  }
}
