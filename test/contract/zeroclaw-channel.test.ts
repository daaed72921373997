import { randomBytes } from "node:crypto";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { runtime } from "../../runtimes/zeroclaw/runtime.ts";
import { buildImage, type Container, claw, docker, dockerOrThrow, startClaw, translateOrThrow } from "./helpers.ts";

/** Telegram's bot API and an API like OpenAI's, as far as ZeroClaw asks them, in a container beside the claw's. */
const server = `
const seen = [], updates = [];
let acknowledged = 0;
require("node:http").createServer((request, response) => {
  let text = "";
  request.on("data", (data) => { text += data; }).on("end", () => {
    const body = text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text;
    const answer = (value) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    const method = /^\\/bot([^/]+)\\/(\\w+)/.exec(request.url);
    if (request.url === "/seen") return answer({ seen, acknowledged });
    if (request.url === "/inject") { updates.push(...body); return answer({}); }
    seen.push({ path: request.url, authorization: request.headers.authorization ?? "", body });
    if (request.url.endsWith("/chat/completions")) {
      const message = { role: "assistant", content: "said the model" };
      if (!body.stream) return answer({ id: "1", object: "chat.completion", model: body.model, choices: [{ index: 0, message, finish_reason: "stop" }] });
      const chunk = (delta, finish_reason) => "data: " + JSON.stringify({ id: "1", object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] }) + "\\n\\n";
      return response.setHeader("content-type", "text/event-stream").end(chunk(message, null) + chunk({}, "stop") + "data: [DONE]\\n\\n");
    }
    if (method?.[2] === "getMe") return answer({ ok: true, result: { id: 1, is_bot: true, first_name: "Claw", username: "claw_bot" } });
    if (method?.[2] !== "getUpdates") return answer({ ok: true, result: { message_id: seen.length, date: 0, chat: { id: 1, type: "private" } } });
    acknowledged = Math.max(acknowledged, body.offset ?? 0);
    const fresh = updates.filter((update) => update.update_id >= (body.offset ?? 0));
    setTimeout(() => answer({ ok: true, result: fresh }), fresh.length > 0 ? 0 : 300);
  });
}).listen(8080);
`;

const Seen = z.object({
  acknowledged: z.number(),
  seen: z.array(z.object({ path: z.string(), authorization: z.string(), body: z.unknown() })),
});
const Completion = z.looseObject({ model: z.string(), tools: z.array(z.object({ function: z.object({ name: z.string() }) })).optional() });

const { descriptor } = runtime;
const token = "123456789:canary-3fa81c07";
const key = "sk-canary-7d1e5b90";
let image: string;
let fake: string;
let inside: string;
let outside: string;
let container: Container | undefined;
let updates = 0;

beforeAll(async () => {
  image = await buildImage(descriptor);
}, 3_600_000);

beforeEach(async () => {
  const bases: unknown = JSON.parse(process.env.CLAWFLEET_BASES || "{}");
  const node = z.looseObject({ NODE: z.string().default("node:24-bookworm-slim") }).parse(bases).NODE;
  fake = `clawfleet-contract-zeroclaw-fake-${randomBytes(4).toString("hex")}`;
  await dockerOrThrow(["run", "--detach", "--init", "--name", fake, "--publish", "127.0.0.1::8080", node, "node", "-e", server]);
  inside = `http://${(await dockerOrThrow(["inspect", "--format", "{{.NetworkSettings.IPAddress}}", fake])).trim()}:8080`;
  outside = `http://${(await dockerOrThrow(["port", fake, "8080/tcp"])).trim().split("\n")[0]}`;
  await expect.poll(() => seen().catch(() => undefined), { timeout: 10_000 }).toBeDefined();
}, 60_000);

afterEach(async () => {
  await container?.remove();
  container = undefined;
  await docker(["rm", "--force", fake]);
});

async function start(allowlist: readonly string[]): Promise<Container> {
  const subject = claw(descriptor, {
    model: { provider: "custom", name: "some-model", apiKeyRef: "some", baseUrl: `${inside}/v1` },
    channels: [{ channel: "telegram", enabled: true, tokenRef: "telegram", allowlist }],
    tools: [{ name: "shell", allowed: false }],
    extras: {
      channels: { telegram: { claw: { api_base_url: inside } } },
      providers: { models: { custom: { claw: { native_tools: true } } } },
    },
  });
  container = await startClaw(descriptor, image, translateOrThrow(runtime, subject), {
    ZEROCLAW_providers__models__custom__claw__api_key: key,
    ZEROCLAW_channels__telegram__claw__bot_token: token,
  });
  return container;
}

async function seen() {
  return Seen.parse(await (await fetch(`${outside}/seen`)).json());
}

/** A private message from a Telegram user; returns once ZeroClaw has taken it. */
async function say(user: number, text: string): Promise<void> {
  const from = { id: user, is_bot: false, first_name: `User ${user}`, username: `user${user}` };
  const message = { message_id: ++updates, date: Math.floor(Date.now() / 1000), chat: { id: user, type: "private" }, from, text };
  await fetch(`${outside}/inject`, { method: "POST", body: JSON.stringify([{ update_id: updates, message }]) });
  await expect.poll(async () => (await seen()).acknowledged, { timeout: 30_000 }).toBeGreaterThan(updates);
}

const asked = async () => (await seen()).seen.filter(({ path }) => path === "/v1/chat/completions");
const sent = async () =>
  (await seen()).seen.filter(({ path }) => path === `/bot${token}/sendMessage`).map(({ body }) => JSON.stringify(body));

test("who is on the allowlist gets an answer from the model that is set, with its key and without the denied tool; nobody else does", async () => {
  await start(["1001"]);
  await say(2002, "let me in");
  await say(1001, "good morning");
  await expect.poll(async () => (await sent()).filter((body) => body.includes("said the model")), { timeout: 30_000 }).not.toEqual([]);
  expect((await sent()).filter((body) => body.includes("said the model")).every((body) => body.includes("1001"))).toBe(true);

  const calls = await asked();
  expect(JSON.stringify(calls)).toContain("good morning");
  expect(JSON.stringify(calls)).not.toContain("let me in");
  for (const { authorization, body } of calls) {
    expect(authorization).toBe(`Bearer ${key}`);
    expect(Completion.parse(body).model).toBe("some-model");
  }
  const tools = calls.flatMap(({ body }) => Completion.parse(body).tools ?? []).map((tool) => tool.function.name);
  expect(tools).toContain("file_read");
  expect(tools).not.toContain("shell");
}, 120_000);

test("an empty allowlist lets nobody in, not even with the one-time code from the log", async () => {
  const { logs } = await start([]);
  await say(2002, "let me in");
  const code = /One-time bind code: (\S+)/.exec(await logs())?.[1];
  await say(2002, `/bind ${code}`);
  await say(2002, "and now?");
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(await asked()).toEqual([]);
}, 120_000);
