import { Client, isMissing, pathOf, StatusError } from "./client.ts";
import { Informers } from "./informers.ts";
import { knownResource } from "./kinds.ts";
import type { Settings } from "./settings.ts";

export interface Used {
  readonly client: Client;
  readonly informers: Informers;
}

/** The cluster of one provider. Nothing is sent before it is needed, and what holds for a whole run is asked once. */
export class Cluster {
  readonly #settings: Settings;
  readonly #namespaces = new Map<string, Promise<boolean>>();
  #used: Promise<Used | { readonly why: string }> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async #open(): Promise<Used | { readonly why: string }> {
    this.#used ??= this.#settings.place().then((place) => {
      if ("why" in place) return place;
      const client = new Client(place.connection, this.#settings.timeout);
      return { client, informers: new Informers(client) };
    });
    return await this.#used;
  }

  /** Why the cluster cannot be used; undefined when it can. */
  async why(): Promise<string | undefined> {
    const used = await this.#open();
    return "why" in used ? used.why : await used.client.unreachable();
  }

  async use(): Promise<Used> {
    const used = await this.#open();
    if ("why" in used) throw new Error(`configured Kubernetes cluster is unreachable: ${used.why}`);
    return used;
  }

  /** Whether the kind is in a namespace: custom kinds that nobody knows yet are taken to be. */
  async namespaced(version: string, kind: string): Promise<boolean> {
    const known = knownResource(version, kind) ?? knownResource(version, kind.replace(/Patch$/, ""));
    if (known) return known.namespaced;
    try {
      if ((await this.why()) !== undefined) return true;
      return (await (await this.use()).client.resource(version, kind)).namespaced;
    } catch {
      return true;
    }
  }

  /** Whether the namespace is not there: then no dry run in it can succeed. Asked once. */
  async lacks(namespace: string): Promise<boolean> {
    const name = namespace || "default";
    let asked = this.#namespaces.get(name);
    if (!asked) {
      asked = this.#ask(name);
      this.#namespaces.set(name, asked);
    }
    return await asked;
  }

  async #ask(name: string): Promise<boolean> {
    const resource = knownResource("v1", "Namespace");
    if (!resource) return false;
    try {
      await (await this.use()).client.json({ method: "GET", path: pathOf(resource, "", name) });
      return false;
    } catch (error) {
      if (isMissing(error)) return true;
      // Who may not read namespaces may still create in them.
      if (error instanceof StatusError) return false;
      throw error;
    }
  }
}
