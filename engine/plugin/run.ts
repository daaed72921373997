import { EngineLog } from "./engine-log.ts";
import { type Provider, serve } from "./service.ts";

/** Milliseconds that running operations get to undo what they have half made when this process must end. */
const GRACE = 15_000;

/** The life of a plugin's process: `node main.ts <engine address>` serves the ResourceProvider protocol and prints its port as the first line. */
export async function run(make: (log: EngineLog | undefined) => Provider): Promise<void> {
  const address = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
  const log = address === undefined ? undefined : new EngineLog(address);
  const provider = make(log);

  let ending = false;
  async function end(abandon: boolean): Promise<void> {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(1), GRACE).unref();
    await provider.stop(abandon);
    // Answers that were just given must still leave.
    setImmediate(() => process.exit(0));
  }

  // The engine ends its plugins with SIGINT, and a terminal's Ctrl-C comes as one too: then the engine still waits for what runs.
  process.on("SIGINT", () => void end(false));
  process.on("SIGTERM", () => void end(true));
  process.on("SIGHUP", () => void end(true));
  log?.whenGone(() => void end(true));

  process.stdout.write(`${await serve(provider)}\n`);
}
