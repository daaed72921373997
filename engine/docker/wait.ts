import { CancelledError, UnreachableError } from "./daemon.ts";
import { array, flag, number, text } from "./inspect.ts";
import type { Context } from "./kind.ts";

/** After so many exits a container that its restart policy starts again counts as crash-looping. */
const CRASHES = 3;

/** Why a container will not become healthy; the last health check's output is part of it. */
export class UnhealthyError extends Error {}

export interface Watch {
  /** Calls back on each of the container's events until closed. */
  readonly events: NodeJS.ReadableStream;
  close(): void;
}

/** Starts listening to a container's events; call it before the container starts, so that none is missed. */
export async function watch(context: Context, id: string): Promise<Watch> {
  const abort = new AbortController();
  const filters = JSON.stringify({ type: ["container"], container: [id] });
  const events = await context.daemon.stream({
    method: "GET",
    path: "/events",
    query: { filters },
    signal: AbortSignal.any([abort.signal, context.signal]),
  });
  // Closing it is how it ends.
  events.on("error", () => undefined);
  return { events, close: () => abort.abort() };
}

const lastCheck = (found: unknown): string => {
  const log = array(found, "State", "Health", "Log");
  const output = text(log[log.length - 1], "Output")
    .trim()
    .slice(0, 400);
  return output === "" ? "" : `; its last health check said: ${output}`;
};

/** What an inspection says; undefined = not decided yet. */
export function verdict(found: unknown, exits: number): "healthy" | UnhealthyError | undefined {
  const health = text(found, "State", "Health", "Status");
  const restarting = flag(found, "State", "Restarting");
  const running = flag(found, "State", "Running") && !restarting;
  const code = number(found, "State", "ExitCode");
  if (running && health === "healthy") return "healthy";
  if (Math.max(exits, number(found, "RestartCount")) >= CRASHES) {
    return new UnhealthyError(`it keeps crashing: it ended ${CRASHES} times or more, last with exit code ${code}`);
  }
  // An ended container counts as unhealthy too: why it ended says more.
  if (running) return health === "unhealthy" ? new UnhealthyError(`Docker's health check says unhealthy${lastCheck(found)}`) : undefined;
  if (restarting || text(found, "State", "Status") === "created") return undefined;
  const killed = flag(found, "State", "OOMKilled") ? " (out of memory)" : "";
  return new UnhealthyError(`it ended with exit code ${code}${killed} and will not be started again`);
}

/**
 * Waits until Docker reports a container healthy, by its events. Fails with UnhealthyError as soon as that cannot happen any more (unhealthy,
 * ended for good, crash-looping) and after `seconds`.
 */
export async function healthy(context: Context, id: string, watching: Watch, seconds: number): Promise<void> {
  const inspect = async (): Promise<unknown> =>
    await context.daemon.json({ method: "GET", path: `/containers/${id}/json`, signal: context.signal });
  await new Promise<void>((resolve, reject) => {
    let exits = 0;
    let busy = false;
    let again = false;
    const look = (): void => {
      if (busy) {
        again = true;
        return;
      }
      busy = true;
      again = false;
      inspect()
        .then((found) => {
          busy = false;
          const decided = verdict(found, exits);
          if (decided === "healthy") finish();
          else if (decided) finish(decided);
          else if (again) look();
        })
        .catch((error: unknown) => finish(error instanceof Error ? error : new Error(String(error))));
    };
    const late = (): void => {
      inspect()
        .then((found) => {
          const decided = verdict(found, exits);
          if (decided === "healthy") finish();
          else finish(decided ?? new UnhealthyError(`it was not healthy within ${seconds} s${lastCheck(found)}`));
        })
        .catch((error: unknown) => finish(error instanceof Error ? error : new Error(String(error))));
    };
    const timer = setTimeout(late, seconds * 1000);
    const cancelled = (): void => finish(new CancelledError());
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      context.signal.removeEventListener("abort", cancelled);
      watching.close();
      if (error) reject(error);
      else resolve();
    };
    context.signal.addEventListener("abort", cancelled, { once: true });
    if (context.signal.aborted) return cancelled();
    let rest = "";
    watching.events.on("data", (chunk: Buffer | string) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        const action = text(JSON.parse(line), "Action") || text(JSON.parse(line), "status");
        if (action === "die") exits += 1;
        if (action === "die" || action.startsWith("health_status") || action === "destroy") look();
      }
    });
    // Ended, broken off or closed by us: the first two mean that the daemon is gone.
    watching.events.on("close", () =>
      finish(
        new UnreachableError(
          `the Docker daemon at ${context.daemon.host} went away while the container was starting: start it again, then run the same command once more`,
        ),
      ),
    );
    look();
  });
}
