import type { WatchEvent } from "../informers.ts";
import { at, type KubeObject, list, nameOf, text } from "../object.ts";
import { type Awaiter, resource, type Wait } from "./loop.ts";

/** Milliseconds for which the endpoints must rest: pods come and go one after the other. */
const SETTLE = 10_000;

const NO_PODS =
  "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods";

/** A Service is ready when its pods are, and its load balancer has an address. Without a selector, headless or external it is at once. */
export class ServiceAwaiter implements Awaiter {
  object: KubeObject;
  readonly #wait: Wait;
  readonly #settle: number;
  #ready = false;
  #endpointsReady = false;
  #endpointsPending = false;
  #settledAt: number | undefined;
  #again: (() => void) | undefined;

  constructor(wait: Wait, settle = SETTLE) {
    this.#wait = wait;
    this.#settle = settle;
    this.object = wait.outputs;
  }

  get watches(): Awaiter["watches"] {
    const service = { resource: resource("v1", "Service"), event: (event: WatchEvent) => this.observe(event) };
    return this.waitsForPods() ? [service, { resource: resource("v1", "Endpoints"), event: (event) => this.endpoints(event) }] : [service];
  }

  /** Calls back when time alone may have changed the answer. */
  wakes(again: () => void): void {
    this.#again = again;
    this.#wait.log("status", "[1/3] Finding Pods to direct traffic to");
  }

  #type(): string {
    return text(this.#wait.outputs, "spec", "type") || "ClusterIP";
  }

  waitsForPods(): boolean {
    const selector = at(this.object, "spec", "selector");
    const selects = typeof selector === "object" && selector !== null && Object.keys(selector).length > 0;
    return this.#type() !== "ExternalName" && text(this.object, "spec", "clusterIP") !== "None" && selects;
  }

  observe({ type, object }: WatchEvent): void {
    if (nameOf(object) !== nameOf(this.#wait.outputs)) return;
    this.#ready = false;
    if (type === "DELETED") return;
    this.object = object;
    this.#ready = this.#type() !== "LoadBalancer" || list(object, "status", "loadBalancer", "ingress").length > 0;
  }

  endpoints({ type, object }: WatchEvent): void {
    if (nameOf(object) !== nameOf(this.#wait.outputs)) return;
    this.#settledAt = Date.now() + this.#settle;
    setTimeout(() => this.#again?.(), this.#settle + 5).unref();
    const subsets = type === "DELETED" ? [] : list(object, "subsets");
    this.#endpointsReady = subsets.some((subset) => list(subset, "addresses").length > 0);
    this.#endpointsPending = subsets.some((subset) => list(subset, "notReadyAddresses").length > 0);
  }

  done(): boolean {
    if (!this.waitsForPods()) return this.#ready;
    const settled = this.#settledAt !== undefined && Date.now() >= this.#settledAt;
    if (this.#ready && settled && !this.#endpointsPending) {
      this.#wait.log("status", "Service initialization complete");
      return true;
    }
    if (settled && this.#endpointsReady) this.#wait.log("status", "[2/3] Attempting to allocate IP address to Service");
    return false;
  }

  goodEnough(): boolean {
    return this.#ready && !this.#endpointsPending;
  }

  reasons(): readonly string[] {
    if (text(this.object, "spec", "clusterIP") === "None" || this.#type() === "ExternalName") return [];
    const reasons = this.#endpointsReady ? [] : [NO_PODS];
    if (this.#type() === "LoadBalancer" && !this.#ready)
      reasons.push("Service was not allocated an IP address; does your cloud provider support this?");
    return reasons;
  }
}
