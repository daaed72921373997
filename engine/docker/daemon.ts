import { Agent } from "node:http";
import { Duplex, Readable } from "node:stream";
import type DockerModem from "docker-modem";

/** An answer of the daemon other than success; `message` is the daemon's own. */
export class DaemonError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`Error response from daemon: ${message}`);
    this.status = status;
  }
}

/** No daemon at the other end, or it went away while it was needed. */
export class UnreachableError extends Error {}

/** The operation was cancelled from outside. */
export class CancelledError extends Error {
  constructor() {
    super("cancelled");
  }
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: { readonly [key: string]: string | number | boolean | readonly string[] | undefined };
  /** Sent as JSON. */
  readonly body?: object;
  /** Sent as it is (a tar). */
  readonly upload?: Buffer | NodeJS.ReadableStream;
  readonly headers?: { readonly [name: string]: string | string[] };
  readonly signal?: AbortSignal;
  /** Milliseconds for the whole call; default 120,000. For streams: until the daemon starts to answer; 0 = no limit. */
  readonly timeout?: number;
}

const OK = { 200: true, 201: true, 204: true, 304: true, 101: true };
const LOST = new Set(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"]);
const NONE = new Set(["ECONNREFUSED", "ENOENT", "EACCES", "ENOTFOUND", "EHOSTUNREACH", "ETIMEDOUT", "ENOTSOCK"]);

const property = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;

function query(call: Call): string {
  const pairs = Object.entries(call.query ?? {}).flatMap(([key, value]): [string, string][] => {
    if (value === undefined) return [];
    return typeof value === "object" ? value.map((item) => [key, item]) : [[key, String(value)]];
  });
  return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : "";
}

function connection(host: string): DockerModem.ConstructorOptions {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === "tcp:" || url?.protocol === "http:")
    return { protocol: "http", host: `http://${url.hostname}`, port: url.port || "2375" };
  throw new Error(
    `Docker host '${host}' is not supported by this stand-in for the docker plugin: use unix:///path or tcp://host:port. ` +
      "For ssh, forward the socket (ssh -N -L /tmp/docker.sock:/run/user/1000/docker.sock user@host) and use unix:///tmp/docker.sock.",
  );
}

/** The Docker Engine API of one host. Connects when first called. */
export class Daemon {
  readonly host: string;
  readonly #options: DockerModem.ConstructorOptions;
  #modem: Promise<DockerModem> | undefined;
  #apiVersion: Promise<number> | undefined;

  constructor(host: string) {
    this.host = host;
    // A kept connection would fail the first call after a restart of the daemon.
    this.#options = { headers: { Host: "docker" }, agent: new Agent({ keepAlive: false }), ...connection(host) };
  }

  /** One call; its JSON answer, or undefined when there is none. */
  async json(call: Call): Promise<unknown> {
    const timeout = call.timeout ?? 120_000;
    return await this.#dial(call, false, timeout);
  }

  /** One call; its answer as a stream that ends with the daemon's answer, and is destroyed by the call's signal. */
  async stream(call: Call): Promise<Readable> {
    const answer = await this.#dial(call, true, call.timeout ?? 120_000);
    if (answer instanceof Readable) return answer;
    throw new Error(`no stream from ${call.path}`);
  }

  /** A call that turns the connection into a raw one. */
  async hijack(call: Call): Promise<Duplex> {
    const answer = await this.#dial({ ...call, upgrade: true }, false, call.timeout ?? 120_000);
    if (answer instanceof Duplex) return answer;
    throw new Error(`the Docker daemon did not upgrade ${call.path}`);
  }

  /** The daemon's API version as a number: 1.41 is 141. */
  async apiVersion(signal?: AbortSignal): Promise<number> {
    this.#apiVersion ??= this.json({ method: "GET", path: "/version", ...(signal ? { signal } : {}) }).then((answer) => {
      const [major, minor] = String(property(answer, "ApiVersion")).split(".");
      return Number(major) * 100 + Number(minor);
    });
    try {
      return await this.#apiVersion;
    } catch (error) {
      this.#apiVersion = undefined;
      throw error;
    }
  }

  /** The client, loaded when first needed: many runs of the plugin never call the daemon. */
  #client(): Promise<DockerModem> {
    this.#modem ??= import("docker-modem").then(({ default: Modem }) => new Modem(this.#options));
    return this.#modem;
  }

  async #dial(call: Call & { upgrade?: boolean }, isStream: boolean, timeout: number): Promise<unknown> {
    const modem = await this.#client();
    const abort = new AbortController();
    const { signal } = call;
    const cancel = (): void => abort.abort();
    if (signal?.aborted) throw new CancelledError();
    signal?.addEventListener("abort", cancel, { once: true });
    let late = false;
    const timer =
      timeout > 0
        ? setTimeout(() => {
            late = true;
            abort.abort();
          }, timeout)
        : undefined;
    const path = call.path + query(call);
    const options: DockerModem.DialOptions = {
      method: call.method,
      // The client cuts the last character of a path with a query and adds the query of `options`.
      path: path + (path.includes("?") ? "&" : call.body ? "?" : ""),
      isStream,
      statusCodes: OK,
      abortSignal: abort.signal,
      ...(call.headers ? { headers: { Host: "docker", ...call.headers } } : {}),
      ...(call.body ? { options: { _query: {}, _body: call.body } } : {}),
      ...(call.upload ? { file: call.upload } : {}),
      ...(call.upgrade ? { hijack: true } : {}),
    };
    return await new Promise<unknown>((resolve, reject) => {
      modem.dial(options, (error, result) => {
        clearTimeout(timer);
        if (!isStream || error) signal?.removeEventListener("abort", cancel);
        if (!error) resolve(result ?? undefined);
        else if (signal?.aborted) reject(new CancelledError());
        else if (late)
          reject(
            new UnreachableError(`the Docker daemon at ${this.host} did not answer ${call.method} ${call.path} within ${timeout / 1000} s`),
          );
        else reject(this.translate(error));
      });
    });
  }

  /** The client's error in words that say what to do; anything else as it is. */
  translate(error: unknown): Error {
    const status = property(error, "statusCode");
    if (typeof status === "number") {
      // The client puts its own words before the daemon's.
      const message = error instanceof Error ? error.message.replace(/^\(HTTP code \d+\) .*? - /, "").trim() : "";
      return new DaemonError(status, message || `HTTP status ${status}`);
    }
    const code = String(property(error, "code"));
    const text = error instanceof Error ? error.message : String(error);
    if (LOST.has(code) || text === "socket hang up" || text === "aborted") {
      return new UnreachableError(`the Docker daemon at ${this.host} went away: start it again, then run the same command once more`);
    }
    if (NONE.has(code)) {
      return new UnreachableError(
        `failed to connect to any docker daemon: nothing answers at ${this.host} (${code}). Start Docker, or set DOCKER_HOST (or docker:host of the stack) to where it listens`,
      );
    }
    return error instanceof Error ? error : new Error(text);
  }
}

/** Whether the daemon says that the thing does not exist. */
export const isMissing = (error: unknown): boolean => error instanceof DaemonError && error.status === 404;
