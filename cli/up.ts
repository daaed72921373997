import { launchesOf } from "../runtimes/launch.ts";
import type { Launch } from "../runtimes/runtime.ts";
import { statusTable } from "./claws.ts";
import { nextCommands, typed } from "./next.ts";
import { showPulumi } from "./pulumi.ts";
import { Stack } from "./stack.ts";
import type { LastWords, Target } from "./target.ts";
import { note, say, styled } from "./terminal.ts";

/**
 * Brings the fleet up: checks first what can be checked, repairs what a killed run left, runs `pulumi up`, then asks every
 * claw itself.
 *
 * @returns exit code 0 when every claw answers that it is well
 */
export async function up(stackName: string): Promise<number> {
  const stack = await Stack.read(stackName, true);
  const { loaded, launches } = await launchesOf(stack.fleetFile, stack.targetKind);
  const target = await stack.target();
  const refresh = await target.prepare(loaded, launches);
  const code = await showPulumi([
    "up",
    "--yes",
    "--skip-preview",
    "--suppress-outputs",
    "--stack",
    stackName,
    ...(refresh ? ["--refresh"] : []),
  ]);
  if (code !== 0) {
    await explainFailure(target, stackName, launches);
    return code;
  }
  const claws = await target.statuses((await Stack.read(stackName)).inventory, true);
  say();
  for (const line of statusTable(claws)) say(line);
  const unwell = claws.filter(({ healthy }) => !healthy);
  for (const launch of launches.filter(({ claw }) => unwell.some(({ name }) => name === claw))) show(await target.lastWords(launch));
  say();
  for (const line of nextCommands(stackName, target.kind, launches, stack.fleetFile)) say(line);
  return unwell.length === 0 ? 0 : 1;
}

/** Says which claws are not well and what they said last; then what to do. */
async function explainFailure(target: Target, stack: string, launches: readonly Launch[]): Promise<void> {
  note("");
  for (const { claw, what, words } of await target.troubles(launches)) {
    note(`${styled("red", claw)}: ${what}`);
    if (words !== undefined) show(words);
  }
  const data = target.kind === "docker" ? "volume" : "claim";
  note(
    `\nNo data is lost: every claw's ${data} is as it was. Set right what is said above, then run \`${typed("up", stack)}\` again: it goes on from here.`,
  );
}

function show({ log, noLog, events }: LastWords): void {
  note(log.length > 0 ? `  its last ${log.length} log lines:` : `  ${noLog ?? "it has logged nothing"}`);
  for (const line of log) note(`  | ${line}`);
  if (events === undefined || events.length === 0) return;
  note("  its last events:");
  for (const line of events) note(`  | ${line}`);
}
