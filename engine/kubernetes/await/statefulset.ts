import type { WatchEvent } from "../informers.ts";
import { generationOf, type KubeObject, nameOf, number, ownedBy, text } from "../object.ts";
import { type Awaiter, resource, type Wait } from "./loop.ts";
import { podWarnings } from "./pod.ts";

/** A StatefulSet is ready when its controller has seen this generation, all replicas are ready, and all are of the new revision. */
export class StatefulSetAwaiter implements Awaiter {
  object: KubeObject;
  readonly #wait: Wait;
  readonly #pods = new Map<string, KubeObject>();
  #generation = 0;
  #replicasReady = false;
  #revisionReady = false;
  #current = 0;
  #target = 0;
  #revision = "";
  #targetRevision = "";

  constructor(wait: Wait) {
    this.#wait = wait;
    this.object = wait.outputs;
  }

  readonly watches: Awaiter["watches"] = [
    { resource: resource("apps/v1", "StatefulSet"), event: (event) => this.observe(event) },
    { resource: resource("v1", "Pod"), event: (event) => this.pod(event) },
  ];

  observe({ type, object }: WatchEvent): void {
    const { outputs } = this.#wait;
    if (nameOf(object) !== nameOf(outputs)) return;
    this.#revisionReady = false;
    this.#replicasReady = false;
    if (generationOf(object) < generationOf(outputs) || type === "DELETED") return;
    this.object = object;
    this.#generation = generationOf(object);
    // Until the controller has seen this generation, its status is about an earlier one.
    if (this.#generation === 0 || number(object, "status", "observedGeneration") < this.#generation) return;
    this.#revision = text(object, "status", "currentRevision");
    this.#targetRevision = text(object, "status", "updateRevision");
    const replicas = number(object, "spec", "replicas");
    const ready = number(object, "status", "readyReplicas");
    const all = replicas === number(object, "status", "replicas") && replicas === ready;
    if (this.#generation > 1 && text(object, "spec", "updateStrategy", "type") === "OnDelete") {
      this.#revisionReady = true;
      this.#replicasReady = all;
    } else {
      this.#revisionReady = this.#revision !== "" && this.#revision === this.#targetRevision;
      this.#replicasReady = all && replicas === number(object, "status", "currentReplicas");
    }
    this.#target = replicas;
    // While it rolls out, ready ones may still be of the earlier revision.
    this.#current = this.#revisionReady ? ready : Math.min(ready, number(object, "status", "updatedReplicas"));
  }

  pod({ type, object }: WatchEvent): void {
    if (!ownedBy(object, this.object)) return;
    if (type === "DELETED") this.#pods.delete(nameOf(object));
    else this.#pods.set(nameOf(object), object);
  }

  done(): boolean {
    const { log } = this.#wait;
    if (this.#replicasReady && this.#revisionReady) {
      log("status", "StatefulSet initialization complete");
      return true;
    }
    if (this.#generation <= 1) log("status", `[1/2] Waiting for StatefulSet to create Pods (${this.#current}/${this.#target} Pods ready)`);
    else if (!this.#replicasReady)
      log("status", `[1/3] Waiting for StatefulSet update to roll out (${this.#current}/${this.#target} Pods ready)`);
    else log("status", "[2/3] Waiting for StatefulSet to update .status.currentRevision");
    return false;
  }

  tick(): void {
    for (const warning of podWarnings(this.#pods.values())) this.#wait.log("status-warning", warning);
  }

  reasons(): readonly string[] {
    const reasons: string[] = [];
    if (!this.#replicasReady) reasons.push(`${this.#current} out of ${this.#target} replicas succeeded readiness checks`);
    if (!this.#revisionReady)
      reasons.push(`StatefulSet controller failed to advance from revision "${this.#revision}" to revision "${this.#targetRevision}"`);
    return [...reasons, ...podWarnings(this.#pods.values())];
  }

  pods(): readonly KubeObject[] {
    return [...this.#pods.values()];
  }
}
