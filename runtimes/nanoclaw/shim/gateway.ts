/**
 * The claw's credential gateway. NanoClaw starts no agent without one: it asks the gateway how an agent reaches the outside, and the gateway adds the keys
 * that agents never see. This one speaks the part of OneCLI's protocol that NanoClaw uses, and knows one service, the model's.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";

/** Claude Code is the image's, and says nothing to anybody but the model. */
const QUIET = { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" };

export interface Upstream {
  /** Base URL of an API like Anthropic's, without `/v1`. */
  readonly baseUrl: string;
  /** Its key; undefined = Anthropic is not asked, and another service is asked without one. */
  readonly key?: string;
}

export interface Gateway {
  /** What NanoClaw is given as ONECLI_URL: on the loopback interface. */
  readonly url: string;
  /** Why the last request to the model failed; undefined when it did not. */
  problem(): string | undefined;
  close(): void;
}

/**
 * @param address At which agents find this container.
 * @param port In this container, which nobody publishes; 0 = any.
 */
export async function startGateway(upstream: Upstream, address: string, port: number): Promise<Gateway> {
  // Of this start only: an agent that is older has no business here.
  const secret = randomBytes(32);
  const tokenOf = (agent: string) => `${agent}.${createHmac("sha256", secret).update(agent).digest("hex")}`;
  let problem: string | undefined;
  const note = (message: string | undefined) => {
    if (message !== undefined && message !== problem) console.error(`gateway: ${message}`);
    problem = message;
  };
  const agents = await listening(modelServer(upstream, tokenOf, note), port, "0.0.0.0");
  const control = await listening(controlServer(`http://${address}:${portOf(agents)}`, tokenOf), 0, "127.0.0.1");
  return {
    url: `http://127.0.0.1:${portOf(control)}`,
    problem: () => problem,
    close: () => {
      for (const server of [agents, control]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

async function listening(server: Server, port: number, host: string): Promise<Server> {
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address.port;
}

/** What NanoClaw asks OneCLI for: to know an agent, to equip its container, and whether somebody has to approve a request (nobody ever has to). */
function controlServer(agentsUrl: string, tokenOf: (agent: string) => string): Server {
  return createServer((request, response) => {
    request.resume();
    const url = new URL(request.url ?? "/", "http://gateway");
    const agent = url.searchParams.get("agent");
    if (request.method === "POST" && url.pathname === "/api/agents") return json(response, 201, {});
    if (url.pathname === "/api/container-config" && agent !== null) {
      const env = { ANTHROPIC_BASE_URL: agentsUrl, ANTHROPIC_AUTH_TOKEN: tokenOf(agent), ...QUIET };
      return json(response, 200, { env, caCertificate: "", caCertificateContainerPath: "/tmp/claw-gateway-ca.pem" });
    }
    return json(response, 404, { error: "not known here" });
  });
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Passes an agent's requests on to the model's API, with the key in place of the agent's token; notes what is wrong with those of agents. */
function modelServer(upstream: Upstream, tokenOf: (agent: string) => string, note: (problem: string | undefined) => void): Server {
  const listener: RequestListener = async (request, response) => {
    const refuse = (status: number, type: string, message: string) => {
      request.resume();
      json(response, status, { type: "error", error: { type, message } });
    };
    if (!known(request.headers.authorization ?? "", tokenOf)) return refuse(401, "authentication_error", "not an agent of this claw");
    if (!request.url?.startsWith("/v1/")) return refuse(404, "not_found_error", "only /v1 is passed on");
    if (upstream.key === undefined && isAnthropic(new URL(upstream.baseUrl).hostname)) {
      const message = "the claw has no ANTHROPIC_API_KEY";
      note(message);
      // Not 401, which Claude Code tries again for minutes.
      return refuse(403, "permission_error", message);
    }
    try {
      const status = await passOn(request, response, upstream);
      // Services like Anthropic's often have nothing but this.
      if (/^\/v1\/messages(\?|$)/.test(request.url)) note(status < 400 ? undefined : `the model's API answered ${status}`);
    } catch (error) {
      note(`the model's API cannot be reached: ${error instanceof Error ? error.message : error}`);
      if (response.headersSent) response.destroy();
      else refuse(502, "api_error", "the model's API cannot be reached");
    }
  };
  return createServer(listener);
}

function known(authorization: string, tokenOf: (agent: string) => string): boolean {
  const given = /^Bearer ([\w-]+)\.[0-9a-f]{64}$/.exec(authorization);
  if (given?.[1] === undefined) return false;
  const [a, b] = [Buffer.from(authorization), Buffer.from(`Bearer ${tokenOf(given[1])}`)];
  return a.length === b.length && timingSafeEqual(a, b);
}

async function passOn(request: IncomingMessage, response: ServerResponse, { baseUrl, key }: Upstream): Promise<number> {
  const url = new URL(baseUrl.replace(/\/+$/, "") + request.url);
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const outgoing = send(url, { method: request.method, headers: { ...passed(request.headers), ...credentials(url.hostname, key) } });
  response.once("close", () => outgoing.destroy());
  const [[answer]] = await Promise.all([once(outgoing, "response"), pipeline(request, outgoing)]);
  const status: number = answer.statusCode ?? 502;
  response.writeHead(status, passed(answer.headers));
  await pipeline(answer, response);
  return status;
}

/** Without those of the connection itself, and without what the agent sent as its credentials. */
function passed(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const own = [
    "authorization",
    "x-api-key",
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "proxy-authorization",
  ];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.includes(name)));
}

/** Anthropic takes a key and a subscription's token in a header each; services like it take the one or the other. */
function credentials(host: string, key: string | undefined): { readonly [header: string]: string } {
  if (key === undefined) return {};
  if (key.startsWith("sk-ant-oat")) return { authorization: `Bearer ${key}` };
  return isAnthropic(host) ? { "x-api-key": key } : { "x-api-key": key, authorization: `Bearer ${key}` };
}

/** Whether a service is Anthropic's own, which answers nobody without a key. */
export const isAnthropic = (host: string) => host.endsWith(".anthropic.com");
