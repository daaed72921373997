import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { isProps, type Props, toValue, type Value } from "../plugin/value.ts";
import type { Connection } from "./connection.ts";
import { apiVersion, knownResource, parseApiVersion, type Resource } from "./kinds.ts";
import { list, text } from "./object.ts";

/** An answer of the API server other than success. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  /** Kind of what the answer is about, e.g. `namespaces`. */
  readonly about: string;
  readonly causes: readonly Props[];

  constructor(code: number, status: Props) {
    super(text(status, "message") || `the server answered with HTTP status ${code}`);
    this.code = code;
    this.reason = text(status, "reason");
    this.about = text(status, "details", "kind");
    this.causes = list(status, "details", "causes");
  }
}

/** No answer: nothing listens there, or it is not the one that the kubeconfig trusts. */
export class UnreachableError extends Error {}

/** The operation was cancelled from outside. */
export class CancelledError extends Error {
  constructor() {
    super("cancelled");
  }
}

/** The API server does not have this kind, e.g. because its CustomResourceDefinition is not there. */
export class NoMatchError extends Error {
  constructor(version: string, kind: string) {
    super(`no matches for kind "${kind}" in version "${version}"`);
  }
}

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: { readonly [key: string]: string | undefined };
  readonly body?: Value;
  /** Default application/json. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds for one request. */
const TIMEOUT = 32_000;

const property = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;

const VERBS = { GET: "Get", POST: "Post", PUT: "Put", PATCH: "Patch", DELETE: "Delete" } as const;

/** What went wrong below HTTP, in the words of Kubernetes' own clients. */
function explain(error: unknown, server: URL): string {
  const code = String(property(error, "code") ?? "");
  const message = error instanceof Error && error.message !== "" ? error.message : code;
  const address = `${server.hostname}:${server.port || (server.protocol === "https:" ? "443" : "80")}`;
  if (code === "ECONNREFUSED") return `dial tcp ${address}: connect: connection refused`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${server.hostname}: no such host`;
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") return `dial tcp ${address}: connect: no route to host`;
  if (code === "ETIMEDOUT") return `dial tcp ${address}: i/o timeout`;
  if (/^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS|HOSTNAME)/.test(code)) return `tls: failed to verify certificate: x509: ${message}`;
  return message;
}

/** A client of one API server. */
export class Client {
  readonly #connection: Connection;
  readonly #timeout: number;
  readonly #discovered = new Map<string, Promise<readonly Resource[]>>();
  #reachable: Promise<string | undefined> | undefined;

  /** `timeout`: milliseconds for one request. */
  constructor(connection: Connection, timeout = TIMEOUT) {
    this.#connection = connection;
    this.#timeout = timeout;
  }

  close(): void {
    this.#connection.close();
  }

  /** Why the cluster cannot be used, undefined when it can: asked once, by a request that takes a valid credential. */
  async unreachable(): Promise<string | undefined> {
    this.#reachable ??= this.json({ method: "GET", path: "/apis", query: { timeout: "32s" } }).then(
      () => undefined,
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        return `unable to load schema information from the API server: ${message}`;
      },
    );
    return await this.#reachable;
  }

  /** One request; its JSON answer. */
  async json(request: Request): Promise<Props> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(request);
      } catch (error) {
        const wait = error instanceof RetryError && attempt < 8 ? error.seconds : undefined;
        if (wait === undefined) throw error instanceof RetryError ? error.cause : error;
        await sleep(wait * 1000, undefined, request.signal ? { signal: request.signal } : {});
      }
    }
  }

  async #once(request: Request): Promise<Props> {
    const response = await this.open(request, AbortSignal.timeout(this.#timeout));
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(Buffer.from(chunk));
    } catch (error) {
      if (request.signal?.aborted) throw new CancelledError();
      throw new UnreachableError(`${VERBS[request.method]} "${this.#url(request)}": ${explain(error, this.#connection.server)}`);
    }
    return answer(response, Buffer.concat(chunks).toString("utf8"));
  }

  #url({ path, query }: Request): URL {
    const url = new URL(this.#connection.server);
    url.pathname = url.pathname.replace(/\/$/, "") + path;
    for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(key, value);
    return url;
  }

  /** Sends a request and answers with the start of its answer, whatever that says. `limit` ends it, with what is still coming. */
  async open(request: Request, limit?: AbortSignal, again = true): Promise<IncomingMessage> {
    if (request.signal?.aborted) throw new CancelledError();
    const url = this.#url(request);
    const { headers, ...options } = await this.#credentials(request, url);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const signals = [request.signal, limit].filter((signal) => signal !== undefined);
    const all: RequestOptions = {
      ...options,
      method: request.method,
      headers: {
        ...headers,
        accept: "application/json",
        "user-agent": "clawfleet-kubernetes-plugin",
        ...(body === undefined
          ? {}
          : { "content-type": request.contentType ?? "application/json", "content-length": Buffer.byteLength(body) }),
      },
      ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    };
    return await new Promise((resolve, reject) => {
      const sent = (url.protocol === "https:" ? requestHttps : requestHttp)(url, all, resolve);
      sent.on("error", (error) => {
        if (request.signal?.aborted) reject(new CancelledError());
        // The server had closed this idle connection just when it was taken up again: nothing has been done yet.
        else if (
          again &&
          sent.reusedSocket &&
          request.method !== "POST" &&
          ["ECONNRESET", "EPIPE"].includes(String(property(error, "code")))
        )
          resolve(this.open(request, limit, false));
        else {
          const why = limit?.aborted ? `no answer within ${this.#timeout / 1000} s` : explain(error, this.#connection.server);
          reject(new UnreachableError(`${VERBS[request.method]} "${url}": ${why}`));
        }
      });
      sent.end(body);
    });
  }

  async #credentials(request: Request, url: URL): Promise<RequestOptions> {
    try {
      return await this.#connection.options(request.query?.watch !== undefined);
    } catch (error) {
      throw new UnreachableError(
        `${VERBS[request.method]} "${url}": getting credentials: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** The kind as the server serves it: Kubernetes' own from a table, others by asking, once per group and version. */
  async resource(version: string, kind: string): Promise<Resource> {
    const known = knownResource(version, kind);
    if (known) return known;
    const find = async () => (await this.#discover(version)).find((resource) => resource.kind === kind);
    let found = await find();
    if (!found) {
      // A CustomResourceDefinition may have come since.
      this.#discovered.delete(version);
      found = await find();
    }
    if (!found) throw new NoMatchError(version, kind);
    return found;
  }

  async #discover(version: string): Promise<readonly Resource[]> {
    const parsed = parseApiVersion(version);
    const path = parsed.group === "" ? `/api/${parsed.version}` : `/apis/${parsed.group}/${parsed.version}`;
    let asked = this.#discovered.get(version);
    if (!asked) {
      asked = this.json({ method: "GET", path }).then(
        (found) =>
          list(found, "resources")
            .filter((entry) => !text(entry, "name").includes("/"))
            .map((entry) => ({ ...parsed, kind: text(entry, "kind"), plural: text(entry, "name"), namespaced: entry.namespaced === true })),
        (error: unknown) => {
          if (error instanceof StatusError && error.code === 404) return [];
          this.#discovered.delete(version);
          throw error;
        },
      );
      this.#discovered.set(version, asked);
    }
    return await asked;
  }
}

class RetryError extends Error {
  readonly seconds: number;
  constructor(seconds: number, cause: Error) {
    super(cause.message, { cause });
    this.seconds = seconds;
  }
}

/** What client libraries say where the server's own answer says less. */
function wording(code: number, message: string): string {
  if (code === 401) return "the server has asked for the client to provide credentials";
  return message;
}

/** The JSON of a whole answer; a StatusError for one that is no success. */
export function answer(response: IncomingMessage, body: string): Props {
  const code = response.statusCode ?? 0;
  let value: Value = null;
  try {
    value = toValue(JSON.parse(body));
  } catch {
    value = { message: body.trim().slice(0, 300) };
  }
  const props = isProps(value) ? value : {};
  if (code >= 200 && code < 300) return props;
  const error = new StatusError(code, { ...props, message: wording(code, text(props, "message")) });
  const after = Number(response.headers["retry-after"]);
  if ((code === 429 || code >= 500) && after > 0) throw new RetryError(after, error);
  throw error;
}

/** The address of objects of a kind, or of one. */
export function pathOf(resource: Resource, namespace: string, name?: string): string {
  const base = resource.group === "" ? `/api/${resource.version}` : `/apis/${apiVersion(resource.group, resource.version)}`;
  const within = resource.namespaced && namespace !== "" ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${base}${within}/${resource.plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}

export const isStatus = (error: unknown, code: number): error is StatusError => error instanceof StatusError && error.code === code;
export const isMissing = (error: unknown): boolean => isStatus(error, 404);
export const isAlreadyThere = (error: unknown): boolean => isStatus(error, 409) && error.reason === "AlreadyExists";
export const isConflict = (error: unknown): boolean => isStatus(error, 409) && error.reason === "Conflict";
