/** The shim's parts, each against real sockets, HTTP and SQLite files; what is behind them is a stand-in. */

import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { api, type Parts } from "../../runtimes/nanoclaw/shim/api.ts";
import { Chat, NotTaken } from "../../runtimes/nanoclaw/shim/chat.ts";
import { checks, healthOf } from "../../runtimes/nanoclaw/shim/health.ts";
import { ncl } from "../../runtimes/nanoclaw/shim/ncl.ts";
import { urlOf } from "./http.ts";

const root = mkdtempSync(join(tmpdir(), "nanoclaw-shim-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let home = root;
beforeEach(() => {
  home = mkdtempSync(join(root, "home-"));
  mkdirSync(join(home, "data"));
});
afterEach(() => vi.restoreAllMocks());

/** Listens on a unix socket and hands on each line that comes. */
async function lineServer(path: string, onLine: (line: string, socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    let buffer = "";
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      buffer += chunk.toString();
      const lines = buffer.split("\n");
      buffer = lines.pop() ?? "";
      for (const line of lines) onLine(line, socket);
    });
  }).listen(path);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return server;
}

describe("the control socket", () => {
  const socket = () => join(home, "data", "ncl.sock");

  test("is asked in NanoClaw's own format", async () => {
    const asked: unknown[] = [];
    await lineServer(socket(), (line, connection) => {
      asked.push(JSON.parse(line));
      connection.end(`${JSON.stringify({ id: "shim", ok: true, data: [1] })}\n`);
    });
    expect(await ncl(socket(), "groups-get", { id: "a" })).toEqual([1]);
    expect(asked).toEqual([{ id: "shim", command: "groups-get", args: { id: "a" } }]);
  });

  test("says what is wrong: NanoClaw's error, silence, a closed connection, no socket", async () => {
    const answers = [`${JSON.stringify({ id: "shim", ok: false, error: { code: "x", message: "no such group" } })}\n`, "", "half"];
    await lineServer(socket(), (_, connection) => {
      const answer = answers.shift();
      if (answer !== undefined) connection.end(answer);
    });
    await expect(ncl(socket(), "groups-get")).rejects.toThrow(/^no such group$/);
    await expect(ncl(socket(), "groups-get")).rejects.toThrow("closed without an answer");
    await expect(ncl(socket(), "groups-get")).rejects.toThrow(SyntaxError);
    await expect(ncl(socket(), "groups-get", {}, 0.1)).rejects.toThrow("no answer to groups-get within 0.1 s");
    await expect(ncl(join(home, "none"), "help")).rejects.toThrow("ENOENT");
  });
});

/** NanoClaw's databases, as far as the shim reads them. */
function makeDatabases(): { readonly outbound: DatabaseSync; readonly inbound: DatabaseSync } {
  const central = new DatabaseSync(join(home, "data", "v2.db"));
  central.exec(`
    create table agent_groups (id text, folder text); insert into agent_groups values ('ag', 'main');
    create table messaging_groups (id text, channel_type text, platform_id text); insert into messaging_groups values ('mg', 'cli', 'local');
    create table sessions (id text, agent_group_id text, messaging_group_id text, status text, created_at text);
    insert into sessions values ('old', 'ag', 'mg', 'closed', '1'), ('se', 'ag', 'mg', 'active', '2');`);
  central.close();
  const folder = join(home, "data", "v2-sessions", "ag", "se");
  mkdirSync(folder, { recursive: true });
  const outbound = new DatabaseSync(join(folder, "outbound.db"));
  outbound.exec("create table messages_out (seq integer, timestamp text, channel_type text, platform_id text, content text)");
  const inbound = new DatabaseSync(join(folder, "inbound.db"));
  inbound.exec("create table messages_in (content text)");
  onTestFinished(() => {
    outbound.close();
    inbound.close();
  });
  return { outbound, inbound };
}

function say(outbound: DatabaseSync, seq: number, content: object, channel = "cli"): void {
  outbound.prepare("insert into messages_out values (?, '2026-01-01', ?, 'local', ?)").run(seq, channel, JSON.stringify(content));
}

describe("the conversation", () => {
  test("a message goes in by the CLI channel and counts once NanoClaw has taken it", async () => {
    const { outbound, inbound } = makeDatabases();
    say(outbound, 5, { text: "before" });
    const lines: unknown[] = [];
    await lineServer(join(home, "data", "cli.sock"), (line) => {
      lines.push(JSON.parse(line));
      inbound.prepare("insert into messages_in values (?)").run(line);
    });
    expect(await new Chat(home).send('odd "text"\nüñ 🦀')).toBe(5);
    expect(lines).toEqual([{ text: 'odd "text"\nüñ 🦀', to: { channelType: "cli", platformId: "local", threadId: null }, sender: "api" }]);
  });

  test("the first message goes in while NanoClaw is still making the session's databases", async () => {
    const { inbound } = makeDatabases();
    inbound.exec("drop table messages_in");
    await lineServer(join(home, "data", "cli.sock"), (line) => {
      setTimeout(() => {
        inbound.exec("create table messages_in (content text)");
        inbound.prepare("insert into messages_in values (?)").run(line);
      }, 60);
    });
    expect(await new Chat(home).send("hello")).toBe(0);
  });

  test("a message that NanoClaw answers by itself is taken, too", async () => {
    const { outbound } = makeDatabases();
    await lineServer(join(home, "data", "cli.sock"), () => say(outbound, 2, { text: "Permission denied" }));
    const chat = new Chat(home);
    expect(await chat.replies(await chat.send("/clear"))).toMatchObject([{ id: 2, text: "Permission denied" }]);
  });

  test("a message that nobody takes is an error", async () => {
    makeDatabases();
    await lineServer(join(home, "data", "cli.sock"), () => undefined);
    await expect(new Chat(home).send("hello", 0.2)).rejects.toThrow(NotTaken);
  });

  test("replies are those after a given one, of this channel, with a text", async () => {
    const { outbound } = makeDatabases();
    const chat = new Chat(home);
    expect(await chat.replies(0)).toEqual([]);
    say(outbound, 1, { text: "one" });
    say(outbound, 3, { text: "elsewhere" }, "telegram");
    say(outbound, 5, { files: ["x"] });
    say(outbound, 7, { text: "two" });
    expect((await chat.replies(0)).map(({ id, text }) => [id, text])).toEqual([
      [1, "one"],
      [7, "two"],
    ]);
    expect(await chat.replies(1)).toEqual([{ id: 7, time: "2026-01-01", text: "two" }]);
  });

  test("waits for a reply, and not longer than for one that listens", async () => {
    const { outbound } = makeDatabases();
    const waiting = new Chat(home).replies(0, 20);
    say(outbound, 1, { text: "late" });
    expect(await waiting).toHaveLength(1);
    const gone = new AbortController();
    const given = new Chat(home).replies(1, 20, gone.signal);
    gone.abort();
    expect(await given).toEqual([]);
  });

  test("before the first message there is none", async () => {
    new DatabaseSync(join(home, "data", "v2.db")).exec(
      "create table agent_groups (id, folder); create table messaging_groups (id, channel_type, platform_id); create table sessions (id, agent_group_id, messaging_group_id, status, created_at)",
    );
    expect(await new Chat(home).replies(0)).toEqual([]);
  });
});

describe("health", () => {
  test("names every part that does not work, and none that does", async () => {
    const stub = join(home, "docker");
    vi.stubEnv("NANOCLAW_DOCKER", stub);
    onTestFinished(() => void vi.unstubAllEnvs());
    let problem: string | undefined = "NanoClaw is starting";
    const health = () => healthOf(checks(home, () => problem))();
    expect(await health()).toEqual({
      status: "unavailable",
      failed: {
        control: expect.stringContaining("ENOENT"),
        database: expect.stringContaining("unable to open"),
        docker: expect.stringContaining("docker version did not answer"),
        process: "NanoClaw is starting",
      },
    });

    writeFileSync(stub, "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n", { mode: 0o755 });
    makeDatabases();
    problem = undefined;
    await lineServer(join(home, "data", "ncl.sock"), (_, socket) => void socket.end('{"id":"shim","ok":true,"data":[]}\n'));
    expect(await health()).toEqual({ status: "unavailable", failed: { docker: "Cannot connect to the Docker daemon" } });
    writeFileSync(stub, "#!/bin/sh\necho 28.0\n", { mode: 0o755 });
    expect(await health()).toEqual({ status: "ok" });
    rmSync(join(home, "data", "v2.db"));
    expect(await health()).toMatchObject({ failed: { database: expect.any(String) } });
  });

  test("asks once a second at most, however often it is asked", async () => {
    let asked = 0;
    let time = 0;
    const part = async () => {
      asked++;
    };
    const health = healthOf({ part }, () => time);
    await Promise.all([health(), health(), health()]);
    time = 1000;
    await health();
    expect(asked).toBe(1);
    time = 1001;
    await health();
    expect(asked).toBe(2);
  });
});

describe("the API", () => {
  const token = "the-claws-own-token-0123456789";
  const parts = (change: Partial<Parts> = {}): Parts => ({
    token,
    health: async () => ({ status: "ok" }),
    send: async () => 4,
    replies: async () => [],
    problem: () => undefined,
    ...change,
  });
  const call = async (change: Partial<Parts>, path: string, init: RequestInit = {}, authorization = `Bearer ${token}`) => {
    const response = await fetch(`${await urlOf(api(parts(change)))}${path}`, { ...init, headers: { authorization } });
    return { status: response.status, body: await response.json(), headers: response.headers };
  };
  const post = (body: string): RequestInit => ({ method: "POST", body });

  test("health is for everybody, and 503 where something does not work", async () => {
    expect(await call({}, "/health", {}, "")).toMatchObject({ status: 200, body: { status: "ok" } });
    const sick = { status: "unavailable", failed: { docker: "gone" } } as const;
    expect(await call({ health: async () => sick }, "/health", {}, "")).toMatchObject({ status: 503, body: sick });
  });

  test.each(["", "Bearer", "Bearer wrong", `Bearer ${token}x`, `Basic ${token}`, token])("%j is not the token", async (authorization) => {
    const send = vi.fn(async () => 0);
    const { status, body, headers } = await call({ send }, "/v1/messages", post('{"text":"hi"}'), authorization);
    expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(JSON.stringify(body)).not.toContain(token);
    expect(send).not.toHaveBeenCalled();
  });

  test("a message is handed on; its answer says after what to ask, or has the replies where it waited for them", async () => {
    const send = vi.fn(async () => 4);
    expect(await call({ send }, "/v1/messages", post('{"text":"hi there"}'))).toMatchObject({ status: 202, body: { after: 4 } });
    expect(send).toHaveBeenCalledWith("hi there");
    const replies = vi.fn(async () => [{ id: 7, time: "t", text: "hello" }]);
    const waited = await call({ send, replies }, "/v1/messages?wait=30", post('{"text":"hi"}'));
    expect(waited).toMatchObject({ status: 200, body: { messages: [{ id: 7, time: "t", text: "hello" }], last: 7 } });
    expect(replies).toHaveBeenCalledWith(4, 30, expect.any(AbortSignal));
  });

  test("what is wrong with the model is said in both", async () => {
    const problem = () => "the model's API answered 529";
    expect((await call({ problem }, "/v1/messages", post('{"text":"hi"}'))).body).toEqual({ after: 4, problem: problem() });
    expect((await call({ problem }, "/v1/messages?after=4")).body).toEqual({ messages: [], last: 4, problem: problem() });
    expect((await call({}, "/v1/messages?after=4")).body).toEqual({ messages: [], last: 4 });
  });

  test("replies are asked for", async () => {
    const replies = vi.fn(async () => []);
    expect(await call({ replies }, "/v1/messages?after=12&wait=3")).toMatchObject({ status: 200, body: { messages: [], last: 12 } });
    expect(replies).toHaveBeenCalledWith(12, 3, expect.any(AbortSignal));
  });

  test.each([
    ["/v1/messages", post("{")],
    ["/v1/messages", post("null")],
    ["/v1/messages", post("{}")],
    ["/v1/messages", post('{"text":""}')],
    ["/v1/messages", post('{"text":" \\n"}')],
    ["/v1/messages", post('{"text":7}')],
    ["/v1/messages", post('{"text":"hi","to":{"channelType":"x"}}')],
    ["/v1/messages?after=-1", {}],
    ["/v1/messages?after=x", {}],
    ["/v1/messages?wait=121", {}],
    ["/v1/messages?wait=1.5", {}],
  ])("%s with %j is 400", async (path, init) => {
    const { status, body } = await call({}, path, init);
    expect(status).toBe(400);
    expect(z.strictObject({ error: z.string().min(10) }).parse(body)).toBeDefined();
  });

  test("other paths are 404, other methods 405, large bodies 413; no error repeats the request", async () => {
    expect(await call({}, "/v1/other?word=secretive")).toMatchObject({ status: 404 });
    expect(await call({}, "/secretive")).toMatchObject({ status: 404 });
    const wrong = await call({}, "/v1/messages", { method: "DELETE" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, POST"]);
    expect(await call({}, "/health", { method: "POST", body: "x" })).toMatchObject({ status: 405 });
    const large = await call({}, "/v1/messages", post(JSON.stringify({ text: "secretive".repeat(1_000_000) })));
    expect(large.status).toBe(413);
    const bad = await call({}, "/v1/messages", post('{"text": secretive'));
    for (const { body } of [wrong, large, bad]) expect(JSON.stringify(body)).not.toContain("secretive");
  });

  test("a message that NanoClaw drops is 422", async () => {
    const send = async () => {
      throw new NotTaken("dropped");
    };
    expect(await call({ send }, "/v1/messages", post('{"text":"/help"}'))).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining("/help") },
    });
  });

  test("where NanoClaw does not answer it is 503, with the cause in the log alone", async () => {
    const log = vi.spyOn(console, "error").mockReturnValue();
    const send = async () => {
      throw new Error("connect ENOENT /inner/path");
    };
    const { status, body } = await call({ send }, "/v1/messages", post('{"text":"hi"}'));
    expect([status, body]).toEqual([503, { error: "NanoClaw cannot be reached; /health says what does not work" }]);
    expect(log.mock.calls.flat().join()).toContain("/inner/path");
  });
});
