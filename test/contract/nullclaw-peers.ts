/**
 * Stands in for what a NullClaw claw talks to: a model's API and a Matrix server over HTTP, Telegram and Slack through a proxy that ends TLS. Run in the
 * claw's own network namespace, so that no network is needed; prints one JSON line for each request that says something of the claw's configuration.
 * Plain Node, no imports but its own. CERTIFICATE and KEY are the PEM that the claw is told to trust.
 */
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Two people write to the bot, once: the same two everywhere. */
const updates = [111, 222].map((id) => ({
  update_id: id,
  message: {
    message_id: id,
    date: 1,
    from: { id, is_bot: false, first_name: `user${id}` },
    chat: { id, type: "private" },
    text: `telegram hello from ${id}`,
  },
}));
const events = ["@111:example.org", "@222:example.org"].map((sender, i) => ({
  type: "m.room.message",
  sender,
  event_id: `$${i}`,
  origin_server_ts: 1,
  content: { msgtype: "m.text", body: `matrix hello from ${sender}` },
}));

/** The model: calls the tool that the user asks for (`call <tool> <JSON arguments>`), and says pong when it has, or to anything else. */
function reply(messages: readonly Message[]): object {
  const last = messages.at(-1)?.content ?? "";
  const call = /^call (\w+) (.*)$/m.exec(last);
  if (call === null) return { role: "assistant", content: "pong" };
  return {
    role: "assistant",
    content: "",
    tool_calls: [{ id: "1", type: "function", function: { name: call[1], arguments: call[2] } }],
  };
}

const answer: RequestListener = (request, response) => {
  let text = "";
  request.on("data", (part) => {
    text += part;
  });
  request.on("end", () => {
    const { host = "", authorization = "" } = request.headers;
    const url = request.url ?? "";
    const send = (body: object, afterMs = 0) => setTimeout(() => response.end(JSON.stringify(body)), afterMs);
    const tell = (seen: object) => console.log(JSON.stringify(seen));
    response.setHeader("content-type", "application/json");
    // Node takes the header's bytes for Latin-1.
    const token = Buffer.from(authorization, "latin1").toString().replace("Bearer ", "");

    if (host === "api.telegram.org") {
      const [, bot, method] = /^\/bot([^/]+)\/(\w+)/.exec(url) ?? [];
      tell({ host, token: bot, method, text });
      if (method === "getUpdates") send({ ok: true, result: updates.splice(0) }, updates.length > 0 ? 0 : 500);
      else send({ ok: true, result: { id: 1, is_bot: true, username: "claw_bot", message_id: 1 } });
    } else if (host === "slack.com") {
      tell({ host, token, method: url.replace("/api/", "") });
      send({ ok: true, user_id: "U000000", url: "wss://127.0.0.1:1/" });
    } else if (url.startsWith("/_matrix/")) {
      tell({ host: "matrix", token, method: request.method, url, text });
      if (url.includes("/sync"))
        send({ next_batch: "1", rooms: { join: { "!room:example.org": { timeline: { events: events.splice(0) } } } } }, 500);
      else send({ user_id: "@bot:example.org", event_id: "$sent" });
    } else {
      const { model, max_tokens: maxTokens, messages, stream, tools } = JSON.parse(text);
      tell({
        host: "model",
        url,
        token,
        model,
        maxTokens,
        tools: tools?.map((tool: { function: { name: string } }) => tool.function.name),
        messages: messages.map((message: Message) => `${message.role}: ${message.content}`),
      });
      if (stream) {
        response.setHeader("content-type", "text/event-stream");
        response.end('data: {"choices":[{"index":0,"delta":{"content":"pong"}}]}\n\ndata: [DONE]\n\n');
        return;
      }
      send({
        id: "1",
        object: "chat.completion",
        choices: [{ index: 0, message: reply(messages), finish_reason: "stop" }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      });
    }
  });
};

const services = createTlsServer({ cert: process.env.CERTIFICATE, key: process.env.KEY }, answer);
createServer()
  .on("connect", (_request, socket) => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    services.emit("connection", socket);
  })
  .listen(9998, "127.0.0.1");
createServer(answer).listen(9999, "127.0.0.1", () => console.log("{}"));
