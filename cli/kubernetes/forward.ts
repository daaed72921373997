import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { systemCode } from "../errors.ts";

/** A port of a pod. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** A port of this machine that leads to a pod. */
export interface Forward {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Ends it and every connection. */
  close(): Promise<void>;
}

/** What is used of a WebSocket of the client library. */
interface Channel {
  send(data: Buffer, done: (error?: Error) => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(): void;
  terminate(): void;
  on(event: "close" | "error", listener: () => void): unknown;
}

/** Streams of the protocol `v4.channel.k8s.io`, for one port: the data, and why there is none. */
const [DATA, ERROR] = [0, 1];

/** A connection that a client has closed its side of is over when the pod has been silent for so long, in milliseconds. */
const SILENCE = 10_000;

/** Idle connections are kept open through proxies by a ping so often, in milliseconds. */
const PING = 30_000;

/**
 * Listens on 127.0.0.1 and connects each client to the pod of that name that is there then, through the API server.
 *
 * @param port 0 = any that is free.
 * @param options.ready Called before each connection to the pod. @default at once
 * @param options.problem Called with a line for each connection that came to nothing.
 * @throws the system's error where the port cannot be listened on
 */
export async function forward(
  config: KubeConfig,
  to: PodPort,
  port: number,
  options: { readonly ready?: () => Promise<void>; readonly problem: (line: string) => void },
): Promise<Forward> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // A client that goes away is its own business.
    socket.on("error", () => socket.destroy());
    join(config, to, socket, options).catch((error: unknown) => {
      socket.destroy();
      options.problem(whyOf(error));
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Connects a client with the pod until one of them ends. */
async function join(
  config: KubeConfig,
  to: PodPort,
  socket: Socket,
  { ready, problem }: { readonly ready?: () => Promise<void>; readonly problem: (line: string) => void },
): Promise<void> {
  await ready?.();
  if (socket.destroyed) return;
  const { WebSocketHandler } = await import("@kubernetes/client-node/dist/web-socket-handler.js");
  // The first message of either stream is the port's number, in two bytes.
  const begun = new Set<number>();
  let heard = Date.now();
  let channel: Channel | undefined;
  const path = `/api/v1/namespaces/${to.namespace}/pods/${to.pod}/portforward?ports=${to.port}`;
  const take = (stream: number, chunk: Buffer) => {
    const data = begun.has(stream) ? chunk : chunk.subarray(2);
    begun.add(stream);
    heard = Date.now();
    if (data.length === 0) return true;
    if (stream === ERROR) problem(data.toString().trim());
    if (stream === DATA && !socket.destroyed && !socket.write(data)) channel?.pause();
    return true;
  };
  const connected: Channel = await new WebSocketHandler(config).connect(path, null, take);
  channel = connected;
  socket.on("drain", () => connected.resume());
  socket.on("close", () => connected.terminate());
  connected.on("error", () => socket.destroy());
  connected.on("close", () => {
    clearInterval(ticking);
    socket.end();
    // Who has closed its own side too is done; who has not is told by the end above.
    if (socket.readableEnded) socket.destroySoon();
  });
  const ticking = setInterval(
    () => {
      if (socket.readableEnded && Date.now() - heard > SILENCE) socket.destroySoon();
      else connected.ping();
    },
    Math.min(PING, SILENCE),
  );
  if (socket.destroyed) {
    connected.terminate();
    return;
  }
  socket.on("data", (chunk: Buffer) => {
    heard = Date.now();
    socket.pause();
    connected.send(Buffer.concat([Buffer.of(DATA), chunk]), (error) => {
      if (error === undefined || error === null) socket.resume();
      else socket.destroy();
    });
  });
}

/** The text of what the client library rejects with: an error, or an event with a message. */
export function whyOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error && typeof error.message === "string" && error.message !== "")
    return error.message;
  return systemCode(error) ?? String(error);
}

/** Waits until `there` says so, at most `seconds`. @returns whether it did */
export async function waited(there: () => Promise<boolean>, seconds: number, signal?: AbortSignal): Promise<boolean> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (await there()) return true;
    if (Date.now() >= end || signal?.aborted) return false;
    await sleep(300);
  }
}
