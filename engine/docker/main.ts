/**
 * Stand-in for the official Pulumi docker plugin, for machines where that one cannot be had.
 * `node main.ts <engine address>` serves the ResourceProvider protocol and prints its port as the first line.
 */
import { EngineLog } from "./engine-log.ts";
import { Plugin, serve } from "./server.ts";

/** Milliseconds that running operations get to undo what they have half made when this process must end. */
const GRACE = 15_000;

const address = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
const log = address === undefined ? undefined : new EngineLog(address);
const plugin = new Plugin(log);

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(1), GRACE).unref();
  await plugin.stop(true);
  process.exit(0);
}

process.on("SIGTERM", () => void end());
process.on("SIGHUP", () => void end());
// Ctrl-C reaches the whole process group; the engine decides, and cancels through the protocol.
process.on("SIGINT", () => undefined);
log?.whenGone(() => void end());

process.stdout.write(`${await serve(plugin)}\n`);
