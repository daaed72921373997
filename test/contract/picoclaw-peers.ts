/**
 * Stands in for what a PicoClaw claw talks to: a model's API and Telegram's. Run in the claw's own network namespace, so that no network is needed;
 * prints one JSON line for each request that says something of the claw's configuration. Plain Node, no imports but its own.
 */
import { createServer } from "node:http";

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Two people write to the bot, once. */
const updates = [111, 222].map((id) => ({
  update_id: id,
  message: {
    message_id: id,
    date: 1,
    from: { id, is_bot: false, first_name: `user${id}` },
    chat: { id, type: "private" },
    text: `hello from ${id}`,
  },
}));

/**
 * The model: says what the last tool said; calls the tool that the user asks for (`call <tool> <JSON arguments>`); else says pong.
 */
function reply(messages: readonly Message[]): object {
  const last = messages.at(-1);
  if (last?.role === "tool") return { role: "assistant", content: `tool: ${last.content}` };
  const call = /^call (\w+) (.*)$/m.exec(last?.content ?? "");
  if (call === null) return { role: "assistant", content: "pong" };
  return {
    role: "assistant",
    content: "",
    tool_calls: [{ id: "1", type: "function", function: { name: call[1], arguments: call[2] } }],
  };
}

createServer((request, response) => {
  let text = "";
  request.on("data", (part) => {
    text += part;
  });
  request.on("end", () => {
    const send = (body: object, afterMs = 0) => setTimeout(() => response.end(JSON.stringify(body)), afterMs);
    response.setHeader("content-type", "application/json");
    const telegram = /^\/bot(.+)\/(\w+)$/.exec(request.url ?? "");
    if (telegram !== null) {
      const [, token, method] = telegram;
      console.log(JSON.stringify({ telegram: method, token }));
      const me = { id: 1, is_bot: true, first_name: "claw", username: "claw_bot" };
      if (method === "getMe") send({ ok: true, result: me });
      else if (method === "getUpdates") send({ ok: true, result: updates.splice(0) }, updates.length > 0 ? 0 : 1000);
      else if (method === "sendMessage") send({ ok: true, result: { message_id: 1, date: 1, chat: { id: 1, type: "private" } } });
      else send({ ok: true, result: method === "getMyCommands" ? [] : true });
      return;
    }
    const body = JSON.parse(text);
    console.log(
      JSON.stringify({
        authorization: request.headers.authorization,
        model: body.model,
        maxTokens: body.max_tokens,
        tools: body.tools?.map((tool: { function: { name: string } }) => tool.function.name),
        messages: body.messages.map((message: Message) => `${message.role}: ${message.content}`),
      }),
    );
    send({
      id: "1",
      object: "chat.completion",
      choices: [{ index: 0, message: reply(body.messages), finish_reason: "stop" }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    });
  });
}).listen(9999, "127.0.0.1", () => console.log("{}"));
