/** The credential gateway that stands between NanoClaw's agents and their model, on real HTTP; the model's API is a stand-in. */
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { startGateway, type Upstream } from "../../runtimes/nanoclaw/shim/gateway.ts";
import { urlOf } from "./http.ts";

afterEach(() => vi.restoreAllMocks());

describe("the credential gateway", () => {
  const key = "sk-ant-api03-the-models-key";
  /** What OneCLI's client expects. */
  const CONTAINER = z.strictObject({
    env: z.looseObject({ ANTHROPIC_BASE_URL: z.string(), ANTHROPIC_AUTH_TOKEN: z.string(), DISABLE_AUTOUPDATER: z.literal("1") }),
    caCertificate: z.string(),
    caCertificateContainerPath: z.string(),
  });
  interface Seen {
    readonly url: string | undefined;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }

  /** A model's API that answers with a stream, and what it was asked. */
  async function model(): Promise<{ readonly url: string; readonly seen: Seen[] }> {
    const seen: Seen[] = [];
    const server = createHttpServer(async (request, response) => {
      seen.push({ url: request.url, headers: request.headers, body: await textOf(request) });
      response.writeHead(200, { "content-type": "text/event-stream", "request-id": "r" });
      response.write("event: a\n\n");
      response.end("event: b\n\n");
    });
    return { url: `${await urlOf(server)}/base`, seen };
  }

  async function gateway(upstream: Upstream) {
    const started = await startGateway(upstream, "127.0.0.1", 0);
    onTestFinished(() => started.close());
    const config = CONTAINER.parse(await (await fetch(`${started.url}/api/container-config?agent=ag-1`)).json());
    return {
      problem: started.problem,
      control: started.url,
      agents: config.env.ANTHROPIC_BASE_URL,
      token: config.env.ANTHROPIC_AUTH_TOKEN,
      config,
    };
  }

  const ask = (url: string, token: string, path = "/v1/messages?beta=true") =>
    fetch(`${url}${path}`, {
      method: "POST",
      body: '{"model":"x"}',
      headers: { authorization: `Bearer ${token}`, "x-api-key": "own", "anthropic-version": "2023-06-01" },
    });

  test("puts the key in the place of the agent's token, and streams", async () => {
    const { url, seen } = await model();
    const { agents, token } = await gateway({ baseUrl: url, key });
    const response = await ask(agents, token);
    expect([response.status, response.headers.get("request-id"), await response.text()]).toEqual([200, "r", "event: a\n\nevent: b\n\n"]);
    expect(seen).toEqual([
      {
        url: "/base/v1/messages?beta=true",
        body: '{"model":"x"}',
        headers: expect.objectContaining({ "x-api-key": key, authorization: `Bearer ${key}`, "anthropic-version": "2023-06-01" }),
      },
    ]);
    expect(JSON.stringify(seen)).not.toContain(token);
  });

  test("a subscription's token goes where such belongs", async () => {
    const { url, seen } = await model();
    const { agents, token } = await gateway({ baseUrl: `${url}/`, key: "sk-ant-oat01-x" });
    await ask(agents, token);
    expect(seen[0]?.headers).toMatchObject({ authorization: "Bearer sk-ant-oat01-x" });
    expect(seen[0]?.headers).not.toHaveProperty("x-api-key");
    expect(seen[0]?.url).toBe("/base/v1/messages?beta=true");
  });

  test("is for this claw's agents alone, and for the model alone", async () => {
    const { url, seen } = await model();
    const { agents, token, config } = await gateway({ baseUrl: url, key });
    const other = await gateway({ baseUrl: url, key });
    for (const wrong of ["", "x", `ag-2.${token.split(".")[1]}`, other.token]) expect((await ask(agents, wrong)).status).toBe(401);
    expect((await ask(agents, token, "/other")).status).toBe(404);
    expect(seen).toEqual([]);
    expect(JSON.stringify(config)).not.toContain(key);
  });

  test("without a key Anthropic is not asked, and another service as it is", async () => {
    const { url, seen } = await model();
    const other = await gateway({ baseUrl: url });
    expect((await ask(other.agents, other.token)).status).toBe(200);
    expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => /^(authorization|x-api-key)$/.test(name))).toEqual([]);
    vi.spyOn(console, "error").mockReturnValue();
    const { agents, token } = await gateway({ baseUrl: "https://api.anthropic.com" });
    const response = await ask(agents, token);
    expect([response.status, await response.json()]).toEqual([
      403,
      { type: "error", error: { type: "permission_error", message: "the claw has no ANTHROPIC_API_KEY" } },
    ]);
  });

  test("a model that cannot be reached is 502, and the gateway goes on", async () => {
    const log = vi.spyOn(console, "error").mockReturnValue();
    const { agents, token, problem } = await gateway({ baseUrl: "http://127.0.0.1:9", key });
    expect((await ask(agents, token)).status).toBe(502);
    expect((await ask(agents, token)).status).toBe(502);
    expect(problem()).toMatch(/^the model's API cannot be reached: connect ECONNREFUSED/);
    expect(log.mock.calls).toEqual([[`gateway: ${problem()}`]]);
    expect(log.mock.calls.flat().join()).not.toContain(key);
  });

  test("a model that refuses is passed on as it is, and noted until it answers again", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    let status = 529;
    const server = createHttpServer((request, response) => request.resume().on("end", () => response.writeHead(status).end("busy")));
    const { agents, token, problem } = await gateway({ baseUrl: await urlOf(server), key });
    const response = await ask(agents, token);
    expect([response.status, await response.text(), problem()]).toEqual([529, "busy", "the model's API answered 529"]);
    status = 404;
    await (await ask(agents, token, "/v1/messages/count_tokens")).text();
    expect(problem()).toBe("the model's API answered 529");
    status = 200;
    await (await ask(agents, token)).text();
    await vi.waitFor(() => expect(problem()).toBeUndefined());
  });

  test("answers what else NanoClaw asks of OneCLI", async () => {
    const { control } = await gateway({ baseUrl: "http://127.0.0.1:9", key });
    expect((await fetch(`${control}/api/agents`, { method: "POST", body: '{"name":"n","identifier":"i"}' })).status).toBe(201);
    expect((await fetch(`${control}/api/container-config`)).status).toBe(404);
    expect((await fetch(`${control}/api/gateway-url`)).status).toBe(404);
  });
});
