import { setTimeout as sleep } from "node:timers/promises";
import { isProps, type Props, toValue } from "../plugin/value.ts";
import { answer, type Client, isStatus, pathOf, StatusError } from "./client.ts";
import { apiVersion, type Resource } from "./kinds.ts";
import { type KubeObject, list, text, uidOf } from "./object.ts";

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

export interface Listener {
  event(event: WatchEvent): void;
  /** The server refuses to list or to watch these objects. */
  refused?(error: Error): void;
}

export interface Subscription {
  /** Settles when the listener has heard of every object that was there at the start. */
  readonly synced: Promise<void>;
  close(): void;
}

/** Milliseconds that a watch outlives its last listener: the next object of the same kind often comes at once. */
const LINGER = 5_000;
/** Seconds after which the server ends a watch, to be taken up again. */
const WATCH_SECONDS = 290;
/** Milliseconds without a word, of which the server has at least one a minute, after which a watch is taken up anew: the line may be dead. */
const SILENCE = 75_000;
const PAUSES = [200, 500, 1000, 2000, 5000];

/** One list and one watch of a kind's objects in a namespace, for all who wait for any of them. */
class Informer {
  readonly #client: Client;
  readonly #path: string;
  readonly #query: { readonly [key: string]: string };
  readonly #listItem: Props;
  readonly #listeners = new Map<Listener, () => void>();
  readonly #objects = new Map<string, KubeObject>();
  readonly #stop = new AbortController();
  readonly #idle: () => void;
  #synced = false;
  /** Where the watch is in the server's history; "" = nowhere, so that all is listed. */
  #version = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Client, resource: Resource, namespace: string, query: { readonly [key: string]: string }, idle: () => void) {
    this.#client = client;
    this.#path = pathOf(resource, namespace);
    this.#query = query;
    this.#idle = idle;
    // Items of a list do not say what they are.
    this.#listItem = { apiVersion: apiVersion(resource.group, resource.version), kind: resource.kind };
    void this.#run();
  }

  subscribe(listener: Listener): Subscription {
    clearTimeout(this.#timer);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listeners.set(listener, resolve);
    for (const object of this.#objects.values()) listener.event({ type: "ADDED", object });
    if (this.#synced) resolve();
    return {
      synced: promise,
      close: () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size > 0) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
          this.#idle();
          this.#stop.abort();
        }, LINGER);
        this.#timer.unref();
      },
    };
  }

  #emit(event: WatchEvent): void {
    const uid = uidOf(event.object);
    if (event.type === "DELETED") this.#objects.delete(uid);
    else this.#objects.set(uid, event.object);
    for (const listener of [...this.#listeners.keys()]) listener.event(event);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#version === "") await this.#list();
        await this.#watch();
        failures = 0;
        // A server, or something before it, that ends watches at once must not be asked without a pause.
        await sleep(100);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (isStatus(error, 410)) this.#version = "";
        else if (error instanceof StatusError && error.code < 500 && error.code !== 429) {
          for (const listener of [...this.#listeners.keys()]) listener.refused?.(error);
        }
        await sleep(PAUSES[Math.min(failures++, PAUSES.length - 1)]);
      }
    }
  }

  async #list(): Promise<void> {
    const found = await this.#client.json({ method: "GET", path: this.#path, query: this.#query, signal: this.#stop.signal });
    const gone = new Map(this.#objects);
    for (const item of list(found, "items")) {
      const object = { ...this.#listItem, ...item };
      gone.delete(uidOf(object));
      this.#emit({ type: this.#objects.has(uidOf(object)) ? "MODIFIED" : "ADDED", object });
    }
    for (const object of gone.values()) this.#emit({ type: "DELETED", object });
    this.#synced = true;
    for (const resolve of this.#listeners.values()) resolve();
    this.#version = text(found, "metadata", "resourceVersion");
  }

  /** Follows the events until the server ends the watch, or says nothing any more. */
  async #watch(): Promise<void> {
    const query = {
      ...this.#query,
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: this.#version,
      timeoutSeconds: String(WATCH_SECONDS),
    };
    const silent = new AbortController();
    const timer = setTimeout(() => silent.abort(), SILENCE);
    timer.unref();
    try {
      await this.#follow(query, silent.signal, () => void timer.refresh());
    } catch (error) {
      if (!silent.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #follow(query: { readonly [key: string]: string }, silent: AbortSignal, heard: () => void): Promise<void> {
    const response = await this.#client.open({ method: "GET", path: this.#path, query, signal: this.#stop.signal }, silent);
    if (response.statusCode !== 200) {
      let body = "";
      for await (const chunk of response) body += String(chunk);
      answer(response, body);
    }
    let rest = "";
    response.setEncoding("utf8");
    for await (const chunk of response) {
      heard();
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        const event = toValue(JSON.parse(line));
        if (!isProps(event) || !isProps(event.object)) continue;
        const { type, object } = event;
        if (type === "ERROR") throw new StatusError(Number(object.code ?? 500), object);
        this.#version = text(object, "metadata", "resourceVersion") || this.#version;
        if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") this.#emit({ type, object });
      }
    }
  }
}

/** The watches of one process, shared by kind and namespace. */
export class Informers {
  readonly #client: Client;
  readonly #running = new Map<string, Informer>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Tells the listener of all objects of a kind in a namespace, then of every change. `query` narrows down, e.g. a fieldSelector. */
  subscribe(resource: Resource, namespace: string, listener: Listener, query: { readonly [key: string]: string } = {}): Subscription {
    const key = `${pathOf(resource, namespace)}?${new URLSearchParams(query)}`;
    let informer = this.#running.get(key);
    if (!informer) {
      informer = new Informer(this.#client, resource, namespace, query, () => this.#running.delete(key));
      this.#running.set(key, informer);
    }
    return informer.subscribe(listener);
  }
}
