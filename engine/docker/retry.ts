import { setTimeout as sleep } from "node:timers/promises";
import { DaemonError, isMissing } from "./daemon.ts";
import type { Context } from "./kind.ts";

const BUSY = new Set([403, 409, 500]);
const PAUSES = [100, 200, 400, 800, 1500, 3000];

/** Does a removal again, for some 6 s, while the daemon says that the thing is still in use. Something already gone is a success. */
export async function retryWhileBusy(context: Context, remove: () => Promise<void>): Promise<void> {
  for (const pause of [...PAUSES, undefined]) {
    try {
      await remove();
      return;
    } catch (error) {
      if (isMissing(error)) return;
      const busy = error instanceof DaemonError && BUSY.has(error.status) && /in use|active endpoints|in progress/.test(error.message);
      if (!busy || pause === undefined) throw error;
      await sleep(pause, undefined, { signal: context.signal });
    }
  }
}
