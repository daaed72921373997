import type { WatchEvent } from "../informers.ts";
import { type KubeObject, list, nameOf, number, ownedBy, shownName, text } from "../object.ts";
import { type Awaiter, resource, unready, type Wait } from "./loop.ts";
import { podWarnings } from "./pod.ts";

const condition = (job: KubeObject, type: string) =>
  list(job, "status", "conditions").find((entry) => entry.type === type && entry.status === "True");

export const jobComplete = (job: KubeObject): boolean =>
  text(job, "status", "startTime") !== "" && condition(job, "Complete") !== undefined;

/** A Job is ready when it is complete; one that has failed for good never is. */
export class JobAwaiter implements Awaiter {
  object: KubeObject;
  readonly #wait: Wait;
  readonly #messages = new Set<string>();
  readonly #pods = new Map<string, KubeObject>();
  #observed = false;

  constructor(wait: Wait) {
    this.#wait = wait;
    this.object = wait.outputs;
  }

  readonly watches: Awaiter["watches"] = [
    { resource: resource("batch/v1", "Job"), event: (event) => this.observe(event) },
    { resource: resource("v1", "Pod"), event: (event) => this.pod(event) },
  ];

  observe({ type, object }: WatchEvent): void {
    if (nameOf(object) !== nameOf(this.#wait.outputs) || type === "DELETED") return;
    this.#observed = true;
    this.object = object;
    this.#wait.log("status", `Waiting for Job "${shownName(object)}" to start`);
    if (text(object, "status", "startTime") === "") return;
    const progress = ["active", "succeeded", "failed"].map((key) => number(object, "status", key));
    this.#wait.log(
      "status",
      `Waiting for Job "${shownName(object)}" to succeed (Active: ${progress[0]} | Succeeded: ${progress[1]} | Failed: ${progress[2]})`,
    );
  }

  pod({ type, object }: WatchEvent): void {
    if (!ownedBy(object, this.object)) return;
    if (type === "DELETED") this.#pods.delete(nameOf(object));
    else this.#pods.set(nameOf(object), object);
    for (const warning of podWarnings([object])) {
      this.#messages.add(warning);
      // Not to be ready yet is what a job's pod is like; it is said only when the job fails.
      if (!warning.includes("containers with unready status")) this.#wait.log("status-warning", warning);
    }
  }

  done(): boolean {
    if (!this.#observed) return false;
    const failed = condition(this.object, "Failed");
    if (failed && ["BackoffLimitExceeded", "DeadlineExceeded"].includes(text(failed, "reason"))) {
      this.#messages.add(`[${text(failed, "reason")}] ${text(failed, "message")}`);
      throw unready(this.object, this.reasons());
    }
    return jobComplete(this.object);
  }

  reasons(): readonly string[] {
    return [...this.#messages];
  }

  pods(): readonly KubeObject[] {
    return [...this.#pods.values()];
  }
}
