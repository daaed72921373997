import type { Props } from "../../plugin/value.ts";
import { type KubeObject, list, nameOf, number, shownName, text } from "../object.ts";
import { type Awaiter, resource, type Wait } from "./loop.ts";

interface Step {
  readonly description: string;
  readonly ok: boolean;
  readonly warning?: string;
  readonly error?: string;
}

const condition = (it: KubeObject, type: string): Props | undefined =>
  list(it, "status", "conditions").find((entry) => entry.type === type);

/** Docker's and containerd's own wrapping says nothing to a user. */
const trimmed = (message: string): string =>
  message.replace(/^rpc error: code = Unknown desc = Error response from daemon: /, "").replace(/: manifest unknown$/, "");

function containerErrors(status: Props): string[] {
  if (status.ready === true) return [];
  const errors: string[] = [];
  const waiting = text(status, "state", "waiting", "reason");
  if (waiting !== "" && waiting !== "ContainerCreating")
    errors.push(`[${waiting}] ${trimmed(text(status, "state", "waiting", "message"))}`);
  const reason = text(status, "state", "terminated", "reason");
  if (reason !== "") {
    const message = text(status, "state", "terminated", "message");
    errors.push(
      message !== ""
        ? `[${reason}] ${trimmed(message)}`
        : `container "${text(status, "name")}" completed with exit code ${number(status, "state", "terminated", "exitCode")}`,
    );
  }
  const last = text(status, "lastState", "terminated", "finishedAt");
  if (last !== "") {
    const why = `${text(status, "lastState", "terminated", "reason")}: exit code ${number(status, "lastState", "terminated", "exitCode")}`;
    errors.push(`container "${text(status, "name")}" terminated at ${last} (${why})`);
    const message = text(status, "lastState", "terminated", "message");
    if (message !== "") errors.push(message);
  }
  return errors;
}

function failure(pod: KubeObject, found: Props): string | undefined {
  const errors = list(pod, "status", "containerStatuses").flatMap(containerErrors).join("\n");
  const message = text(found, "message");
  if (errors === "" && message === "") return undefined;
  return `[Pod ${shownName(pod)}]: ${text(found, "reason") !== "" ? message : ""}${errors}`;
}

function stage(pod: KubeObject, type: string, doing: string, also = false): Step {
  const description = `Waiting for Pod "${shownName(pod)}" to be ${doing}`;
  const found = condition(pod, type);
  if (!found) return { description, ok: false };
  if (found.status === "True" || also) return { description, ok: true };
  // That no node takes it may pass: it is no warning.
  if (type === "PodScheduled") return { description, ok: false };
  const warning = failure(pod, found);
  return { description, ok: false, ...(warning === undefined ? {} : { warning }) };
}

/** How far a pod is, up to the first step that it has not taken. */
function podSteps(pod: KubeObject): readonly Step[] {
  const steps: Step[] = [];
  for (const make of [
    () => stage(pod, "PodScheduled", "scheduled"),
    () => stage(pod, "Initialized", "initialized"),
    () => stage(pod, "Ready", "ready", text(pod, "status", "phase") === "Succeeded"),
  ]) {
    const step = make();
    steps.push(step);
    if (!step.ok) break;
  }
  return steps;
}

/** What keeps pods from being ready. */
export const podWarnings = (pods: Iterable<KubeObject>): string[] =>
  [...pods].flatMap((pod) => podSteps(pod).flatMap((step) => step.warning ?? []));

/** A Pod is ready when it is scheduled, initialized and ready, or has succeeded. */
export class PodAwaiter implements Awaiter {
  object: KubeObject;
  #steps: readonly Step[] = [];
  readonly #wait: Wait;

  constructor(wait: Wait) {
    this.#wait = wait;
    this.object = wait.outputs;
  }

  readonly watches: Awaiter["watches"] = [
    {
      resource: resource("v1", "Pod"),
      event: ({ object }) => {
        if (nameOf(object) === nameOf(this.object)) this.observe(object);
      },
    },
  ];

  observe(object: KubeObject): void {
    this.object = object;
    this.#steps = podSteps(object);
    for (const step of this.#steps) this.#wait.log("status", step.description);
  }

  done(): boolean {
    return this.#steps.length > 0 && this.#steps.every((step) => step.ok);
  }

  reasons(): readonly string[] {
    return this.#steps.flatMap((step) => step.warning ?? []);
  }

  pods(): readonly KubeObject[] {
    return [this.object];
  }
}
