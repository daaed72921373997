/**
 * Stands in for the API of the model that an IronClaw claw asks, on port 9999 of the claw's own network namespace, and prints one JSON line for
 * each request. It says what the last tool said, calls the tool that the user asks for (`call <tool> <JSON arguments> end`), or says pong. Plain Node, no
 * imports but its own.
 */
import { createServer } from "node:http";

/** @param said of the messages, `role: <content as JSON>` */
function reply(said: readonly string[]): object {
  const last = said.at(-1) ?? "";
  if (last.startsWith("tool: ")) return { content: last };
  // The user's text is in JSON in JSON.
  const [, name, text = ""] = /call (\w+) (\{.*?\}) end/.exec(last.replaceAll("\\", "")) ?? [];
  if (name === undefined) return { content: "pong" };
  return { content: "", tool_calls: [{ id: "call_1", type: "function", function: { name, arguments: text } }] };
}

createServer((request, response) => {
  let text = "";
  request.on("data", (part) => {
    text += part;
  });
  request.on("end", () => {
    const { model, tools, messages } = JSON.parse(text);
    const { authorization } = request.headers;
    const said = messages.map((message: { role: string; content: unknown }) => `${message.role}: ${JSON.stringify(message.content)}`);
    console.log(
      JSON.stringify({
        authorization,
        model,
        tools: tools?.map((tool: { function: { name: string } }) => tool.function.name),
        messages: said,
      }),
    );
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        id: "1",
        object: "chat.completion",
        created: 1,
        model,
        choices: [{ index: 0, message: { role: "assistant", ...reply(said) }, finish_reason: "stop" }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
    );
  });
}).listen(9999, "127.0.0.1", () => console.log("{}"));
