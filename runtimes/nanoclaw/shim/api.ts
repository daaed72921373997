/**
 * The claw's HTTP side.
 *
 *     GET  /health                          200 {"status":"ok"}, else 503 with what does not work; for everybody
 *     POST /v1/messages {"text": "..."}     202 {"after": N}; with ?wait=S, 200 with the replies that came within S seconds
 *     GET  /v1/messages?after=N&wait=S      200 {"messages": [{"id", "time", "text"}], "last": N}: what was said after N; waits up to S seconds
 *
 * Both say "problem", too, where the model does not answer the claw's agents.
 * /v1 is for whoever sends the claw's token, `Authorization: Bearer ...`. An error is {"error": "..."} and repeats nothing of the request.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { NotTaken, type Reply } from "./chat.ts";
import type { Health } from "./health.ts";

/** Bytes of a request's body. */
const LARGEST_BODY = 256 * 1024;
/** Seconds that a client can have its request wait. */
const LONGEST_WAIT = 120;

export interface Parts {
  readonly token: string;
  health(): Promise<Health>;
  /** @throws NotTaken, or when the message cannot be handed on now. */
  send(text: string): Promise<number>;
  replies(after: number, waitSeconds: number, signal: AbortSignal): Promise<readonly Reply[]>;
  /** Why agents get no answer from the model; undefined when they do. */
  problem(): string | undefined;
}

class Refusal extends Error {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };

  constructor(status: number, message: string, headers: { readonly [name: string]: string } = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The server, not yet listening. */
export function api(parts: Parts): Server {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, async (request, response) => {
    try {
      const { status, body } = await answer(parts, request, response);
      reply(response, status, body);
    } catch (error) {
      if (error instanceof Refusal) {
        reply(response, error.status, { error: error.message }, error.headers);
        return;
      }
      if (error instanceof NotTaken) {
        reply(response, 422, { error: "NanoClaw did not take this message: commands such as /help are for terminals" });
        return;
      }
      console.error(`api: ${error instanceof Error ? error.message : error}`);
      reply(response, 503, { error: "NanoClaw cannot be reached; /health says what does not work" });
    }
  });
  server.maxRequestsPerSocket = 1000;
  return server;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

async function answer(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://claw");
  if (url.pathname === "/health") {
    allow(request, "GET", "HEAD");
    const health = await parts.health();
    return { status: health.status === "ok" ? 200 : 503, body: health };
  }
  if (url.pathname.startsWith("/v1/") && !authorized(request, parts.token)) {
    throw new Refusal(401, "send the claw's token: Authorization: Bearer <token>", { "www-authenticate": "Bearer" });
  }
  if (url.pathname !== "/v1/messages") throw new Refusal(404, "there are /health and /v1/messages");
  allow(request, "GET", "POST");
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const wait = number(url, "wait", LONGEST_WAIT);
  if (request.method === "GET") return said(parts, number(url, "after", Number.MAX_SAFE_INTEGER), wait, gone.signal);
  const after = await parts.send(textOf(await bodyOf(request)));
  const { body } = await said(parts, after, wait, gone.signal);
  return body.messages.length > 0 ? { status: 200, body } : { status: 202, body: { after, ...problemOf(parts) } };
}

async function said(parts: Parts, after: number, wait: number, signal: AbortSignal) {
  const messages = await parts.replies(after, wait, signal);
  return { status: 200, body: { messages, last: messages.at(-1)?.id ?? after, ...problemOf(parts) } };
}

function problemOf(parts: Parts): { readonly problem?: string } {
  const problem = parts.problem();
  return problem === undefined ? {} : { problem };
}

function allow(request: IncomingMessage, ...methods: string[]): void {
  if (!methods.includes(request.method ?? "")) throw new Refusal(405, `use ${methods.join(" or ")}`, { allow: methods.join(", ") });
}

/** Compares hashes, so that neither length nor content shows in the time it takes. */
function authorized(request: IncomingMessage, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const [a, b] = [given, token].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

function number(url: URL, name: string, largest: number): number {
  const text = url.searchParams.get(name) ?? "0";
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value > largest) throw new Refusal(400, `${name} must be a whole number from 0 to ${largest}`);
  return value;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // The rest of a body that is too large is read and dropped by Node, so that the client gets to see the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Refusal(413, `a message has ${LARGEST_BODY} bytes at most`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function textOf(body: string): string {
  const parsed = parse(body);
  const unknown = typeof parsed === "object" && parsed !== null && Object.keys(parsed).some((key) => key !== "text");
  const text = typeof parsed === "object" && parsed !== null && "text" in parsed ? parsed.text : undefined;
  if (unknown || typeof text !== "string" || text.trim() === "")
    throw new Refusal(400, 'send {"text": "..."}, a text that is not empty, and nothing else');
  return text;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal(400, "the body is no JSON");
    throw error;
  }
}

function reply(response: ServerResponse, status: number, body: object, headers: { readonly [name: string]: string } = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(text);
}
