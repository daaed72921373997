import { setTimeout as sleep } from "node:timers/promises";
import type { Severity } from "../../plugin/engine-log.ts";
import { CancelledError, type Client, pathOf } from "../client.ts";
import type { Informers, Listener, Subscription, WatchEvent } from "../informers.ts";
import { knownResource, type Resource } from "../kinds.ts";
import { type KubeObject, list, nameOf, namespaceOf, text, uidOf } from "../object.ts";

/** What waiting for an object may use. */
export interface Wait {
  readonly client: Client;
  readonly informers: Informers;
  /** Aborted when the engine cancels. */
  readonly signal: AbortSignal;
  /** Shows a line at the resource; each text once in one operation. */
  readonly log: (severity: Severity, message: string) => void;
  /** Milliseconds. */
  readonly timeout: number;
  readonly inputs: KubeObject;
  /** What the create or update answered. */
  readonly outputs: KubeObject;
  /** The object before the update; undefined in a create. */
  readonly last?: KubeObject | undefined;
}

/** The object is there, but not as it should be. */
export class AwaitError extends Error {
  readonly object: KubeObject;
  /** What was wrong with it last. */
  readonly reasons: readonly string[];

  constructor(message: string, object: KubeObject, reasons: readonly string[] = []) {
    super(message);
    this.object = object;
    this.reasons = reasons;
  }
}

const timedOut = (object: KubeObject, reasons: readonly string[]): AwaitError =>
  new AwaitError(`'${nameOf(object)}' timed out waiting to be Ready`, object, reasons);
export const cancelled = (object: KubeObject, reasons: readonly string[]): AwaitError =>
  new AwaitError(`Resource operation was cancelled for "${nameOf(object)}"`, object, reasons);
export const unready = (object: KubeObject, reasons: readonly string[]): AwaitError =>
  new AwaitError(`Resource '${nameOf(object)}' was created but failed to initialize`, object, reasons);

/** Waits for one object. Told of events, asked after each whether it is done. */
export interface Awaiter {
  /** The object as last seen. */
  readonly object: KubeObject;
  /** Kinds to watch in the object's namespace, and what to do with their events. */
  readonly watches: readonly { readonly resource: Resource; readonly event: (event: WatchEvent) => void }[];
  /** Whether the object is as it should be; says so on the way. Throws when it never will be. */
  done(): boolean;
  /** What is wrong, sentence by sentence. */
  reasons(): readonly string[];
  /** Asked every 10 s while waiting. */
  tick?(): void;
  /** A last look when time is up: whether that will do. */
  goodEnough?(): boolean;
  /** Takes what to call when time alone may have changed the answer. */
  wakes?(again: () => void): void;
  /** The pods to blame. */
  pods?(): readonly KubeObject[];
}

const TICK = 10_000;

export function resource(version: string, kind: string): Resource {
  const found = knownResource(version, kind);
  if (found) return found;
  throw new Error(`${version} ${kind} is not in the table of kinds`);
}

/** Warning events of the object itself, shown while waiting for it. */
const showEvents = (wait: Wait): Listener => ({
  event: ({ type, object }) => {
    if (type === "DELETED" || text(object, "involvedObject", "uid") !== uidOf(wait.outputs)) return;
    wait.log("status-warning", `${text(object, "reason")}: ${text(object, "message")}`);
  },
});

const WARNINGS = { fieldSelector: "type=Warning" };

/** What the cluster says of pods that do not start: their warning events, the latest of each kind. */
async function podEvents(wait: Wait, pods: readonly KubeObject[]): Promise<string[]> {
  if (pods.length === 0) return [];
  const uids = new Map(pods.map((pod) => [uidOf(pod), pod]));
  try {
    const path = pathOf(resource("v1", "Event"), namespaceOf(wait.outputs));
    const found = await wait.client.json({ method: "GET", path, query: { fieldSelector: "involvedObject.kind=Pod,type=Warning" } });
    const lines = list(found, "items").flatMap((event) => {
      const pod = uids.get(text(event, "involvedObject", "uid"));
      return pod ? [`[Pod ${namespaceOf(pod)}/${nameOf(pod)}]: ${text(event, "reason")}: ${text(event, "message")}`] : [];
    });
    return [...new Set(lines)].slice(-8);
  } catch (error) {
    // Who may not read events still gets the rest.
    return [`(events of the pods: ${error instanceof Error ? error.message : String(error)})`];
  }
}

/** Waits until the awaiter is done; the object then. Throws an AwaitError when time is up or the engine cancels. */
export async function untilDone(wait: Wait, awaiter: Awaiter): Promise<KubeObject> {
  const namespace = namespaceOf(wait.outputs);
  const subscriptions: Subscription[] = [];
  let timer: NodeJS.Timeout | undefined;
  let ticker: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    return await new Promise<KubeObject>((resolve, reject) => {
      let settled = false;
      const fail = (make: (object: KubeObject, reasons: readonly string[]) => AwaitError, events: boolean): void => {
        if (settled) return;
        settled = true;
        if (awaiter.goodEnough?.()) {
          resolve(awaiter.object);
          return;
        }
        const reasons = awaiter.reasons();
        const more = events ? podEvents(wait, awaiter.pods?.() ?? []) : Promise.resolve([]);
        more.then((lines) => reject(make(awaiter.object, [...reasons, ...lines])), reject);
      };
      const check = (): void => {
        if (settled) return;
        try {
          if (!awaiter.done()) return;
          settled = true;
          resolve(awaiter.object);
        } catch (error) {
          settled = true;
          reject(error);
        }
      };
      abort = () => fail(cancelled, false);
      wait.signal.addEventListener("abort", abort, { once: true });
      timer = setTimeout(() => fail(timedOut, true), wait.timeout);
      ticker = setInterval(() => {
        awaiter.tick?.();
        check();
      }, TICK);
      awaiter.wakes?.(check);
      const [main, ...others] = awaiter.watches;
      for (const { resource, event } of awaiter.watches) {
        subscriptions.push(
          wait.informers.subscribe(resource, namespace, {
            event: (seen) => {
              event(seen);
              check();
            },
            refused: (error) => {
              if (resource === main?.resource && !settled) {
                settled = true;
                reject(new AwaitError(error.message, awaiter.object, awaiter.reasons()));
              } else if (others.some((other) => other.resource === resource)) wait.log("status-warning", error.message);
            },
          }),
        );
      }
      subscriptions.push(wait.informers.subscribe(resource("v1", "Event"), namespace, showEvents(wait), WARNINGS));
      if (wait.signal.aborted) abort();
      else check();
    });
  } finally {
    clearTimeout(timer);
    clearInterval(ticker);
    if (abort) wait.signal.removeEventListener("abort", abort);
    for (const subscription of subscriptions) subscription.close();
  }
}

/** Asks for the object about twice a second until `good`; `limit` in milliseconds. */
export async function poll(
  wait: Wait,
  path: string,
  limit: number,
  good: (object: KubeObject) => boolean | Promise<boolean>,
): Promise<KubeObject> {
  const end = Date.now() + limit;
  let object = wait.outputs;
  while (!(await good(object))) {
    if (Date.now() > end) throw new AwaitError(`Timeout occurred polling for '${nameOf(object)}'`, object);
    try {
      await sleep(object === wait.outputs ? 100 : 500, undefined, { signal: wait.signal });
      object = await wait.client.json({ method: "GET", path, signal: wait.signal });
    } catch (error) {
      if (wait.signal.aborted || error instanceof CancelledError) {
        throw new AwaitError(`Resource operation was cancelled for '${nameOf(object)}'`, object);
      }
      throw new AwaitError(error instanceof Error ? error.message : String(error), object);
    }
  }
  return object;
}
