/**
 * Runs once in the image's build, as the claw's user: the gateway comes up from a configuration like the default one without any
 * key, refuses a request without its token, accepts one with it, and stops on SIGTERM. Exits 1 with the gateway's log otherwise.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const startupSeconds = 300;

/** Builds share the host's network: take a port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/** Status of a call of a harmless tool through the gateway's API. */
async function status(url: string, token?: string): Promise<number> {
  const headers = { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const body = JSON.stringify({ tool: "sessions_list", args: {} });
  return (await fetch(`${url}/tools/invoke`, { method: "POST", headers, body, signal: AbortSignal.timeout(60_000) })).status;
}

async function live(url: string, gateway: ChildProcess): Promise<void> {
  const deadline = performance.now() + startupSeconds * 1000;
  while (performance.now() < deadline && gateway.exitCode === null) {
    try {
      const body: unknown = await (await fetch(url)).json();
      if (JSON.stringify(body).includes('"status":"started"')) return;
    } catch {
      // Nobody listens yet, or not with JSON: what the deadline is for.
    }
    await sleep(100);
  }
  throw new Error(gateway.exitCode === null ? `not started after ${startupSeconds} s` : `gateway exited with ${gateway.exitCode}`);
}

const port = await freePort();
const token = randomBytes(16).toString("hex");
// What decides which code is loaded stands here as in config.json, which this must not read: every edit of it would cost this test.
const config = {
  discovery: { mdns: { mode: "off" } },
  gateway: { mode: "local", port, bind: "loopback", auth: { mode: "token" }, reload: { mode: "off" } },
  models: { catalogRefresh: { enabled: false } },
  plugins: { entries: { "cua-computer": { enabled: false } } },
  telemetry: { enabled: false },
  tools: { profile: "coding" },
  update: { checkOnStart: false, auto: { enabled: false } },
};
writeFileSync(process.env.OPENCLAW_CONFIG_PATH ?? "", JSON.stringify(config));
const gateway = spawn("openclaw", ["gateway", "run"], {
  env: { ...process.env, OPENCLAW_GATEWAY_TOKEN: token },
  stdio: ["ignore", "pipe", "pipe"],
});
let log = "";
for (const stream of [gateway.stdout, gateway.stderr]) {
  stream.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
}
try {
  const url = `http://127.0.0.1:${port}`;
  await live(`${url}/startupz`, gateway);
  const [without, given] = [await status(url), await status(url, token)];
  if (without !== 401 || given !== 200) throw new Error(`calling a tool: ${without} without the token, ${given} with it`);
  // The commands that an operator and the tests use, while the gateway runs: their code is then in the compile cache too.
  for (const args of [["--version"], ["config", "validate"], ["config", "get", "gateway.mode", "--json"]]) {
    execFileSync("openclaw", args, { env: process.env, stdio: "pipe" });
  }
  const exit = once(gateway, "exit");
  gateway.kill("SIGTERM");
  const [code] = await exit;
  if (code !== 0) throw new Error(`gateway exited with ${code} on SIGTERM`);
} catch (error) {
  gateway.kill("SIGKILL");
  console.error(log);
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
