/**
 * Stands in for Anthropic's API, as Claude Code in an agent asks it by way of the claw's gateway. Run in the claw's own network namespace; prints one
 * JSON line for each request. Plain Node, no imports but its own.
 */
import { createServer } from "node:http";

/** What the user said last, without what NanoClaw and Claude Code put around it. */
function said(messages: readonly { readonly role: string; readonly content: unknown }[]): string {
  const text = JSON.stringify(messages.findLast(({ role }) => role === "user")?.content ?? "");
  return /say (\w+)/.exec(text)?.[1] ?? "nothing";
}

/** The model's answer, in the pieces in which Anthropic sends one. */
function* events(model: string, text: string) {
  const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const message = { id: "msg_1", type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null, usage };
  yield { type: "message_start", message };
  yield { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
  yield { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } };
  yield { type: "content_block_stop", index: 0 };
  yield { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage };
  yield { type: "message_stop" };
}

createServer((request, response) => {
  let body = "";
  request.on("data", (part) => {
    body += part;
  });
  request.on("end", () => {
    const { model = "", messages = [], stream = false } = body === "" ? {} : JSON.parse(body);
    const { "x-api-key": key, authorization } = request.headers;
    const answer = `<message to="local-cli">the model says ${said(messages)}</message>`;
    console.log(
      JSON.stringify({ method: request.method, url: request.url, key, authorization, model, stream, said: said(messages), body }),
    );
    if (!stream) {
      const content = [{ type: "text", text: answer }];
      const usage = { input_tokens: 1, output_tokens: 1 };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          id: "msg_1",
          type: "message",
          role: "assistant",
          model,
          content,
          stop_reason: "end_turn",
          stop_sequence: null,
          usage,
        }),
      );
      return;
    }
    response.setHeader("content-type", "text/event-stream");
    for (const event of events(model, answer)) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
  });
}).listen(9999, "127.0.0.1", () => console.log("{}"));
