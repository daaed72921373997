import type { Claw } from "../fleet/types.ts";
import type { Descriptor, Report } from "./runtime.ts";

/** Reports cron jobs, for a runtime that only its own command can give any. */
export function refuseCron(claw: Claw, { name, title }: Descriptor, report: Report): void {
  if (claw.schedule.cron.length === 0) return;
  report(
    [...claw.path, "schedule", "cron"],
    `${title} keeps its cron jobs itself and has no setting for them; remove them here and add them in the running claw: ${name} cron add`,
  );
}
