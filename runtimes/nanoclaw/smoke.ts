/**
 * Runs once in the image's build, as the claw's user, with a stand-in for Docker's client in front of which NanoClaw believes to have a daemon: NanoClaw comes up
 * from the default configuration without a key, is healthy, refuses a request without the token, shows a changed setting through its own command, and stops
 * on SIGTERM. Exits 1 with the log otherwise.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const startupSeconds = 120;

/** Builds share the host's network: take a port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function healthy(url: string, claw: ChildProcess): Promise<void> {
  const deadline = performance.now() + startupSeconds * 1000;
  let last = "no answer";
  while (performance.now() < deadline && claw.exitCode === null) {
    try {
      const answer = await fetch(`${url}/health`);
      last = await answer.text();
      if (answer.ok) return;
    } catch (error) {
      last = String(error);
    }
    await sleep(100);
  }
  throw new Error(claw.exitCode === null ? `not healthy after ${startupSeconds} s: ${last}` : `ended with ${claw.exitCode}`);
}

const dir = mkdtempSync(join(tmpdir(), "smoke-"));
const stub = join(dir, "docker");
const container = [{ Image: "sha256:0", Mounts: [], HostConfig: {}, NetworkSettings: {} }];
writeFileSync(stub, `#!/bin/sh\n[ "$1" != container ] || echo '${JSON.stringify(container)}'\n`, { mode: 0o755 });
const token = randomBytes(16).toString("hex");
const [port, agentsPort] = [await freePort(), await freePort()];
const env = {
  ...process.env,
  NANOCLAW_DOCKER: stub,
  NANOCLAW_GATEWAY_TOKEN: token,
  NANOCLAW_agent__name: "Smoke",
  NANOCLAW_gateway__agentsPort: `${agentsPort}`,
  NANOCLAW_gateway__port: `${port}`,
};
const claw = spawn("/usr/local/bin/entrypoint", ["run"], { env, stdio: ["ignore", "pipe", "pipe"] });
let log = "";
for (const stream of [claw.stdout, claw.stderr]) {
  stream.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
}
try {
  execFileSync("entrypoint", ["check"], { env, stdio: "pipe" });
  const url = `http://127.0.0.1:${port}`;
  await healthy(url, claw);
  const { status } = await fetch(`${url}/v1/messages`);
  if (status !== 401) throw new Error(`${status} without the token`);
  const groups = execFileSync("ncl", ["groups", "list"], { env, encoding: "utf8" });
  if (!groups.includes("Smoke")) throw new Error(`ncl groups list says: ${groups}`);
  const exit = once(claw, "exit");
  claw.kill("SIGTERM");
  const [code] = await exit;
  if (code !== 0) throw new Error(`ended with ${code} on SIGTERM`);
} catch (error) {
  claw.kill("SIGKILL");
  console.error(log);
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
