import type Docker from "dockerode";
import { containerName } from "../components/docker/names.ts";
import { socketFor } from "../components/docker/socket.ts";
import { launchesOf } from "../runtimes/launch.ts";
import type { Launch } from "../runtimes/runtime.ts";
import { clawStatuses, statusTable } from "./claws.ts";
import { ifThere, lastLines } from "./docker.ts";
import { freePorts } from "./preflight.ts";
import { showPulumi } from "./pulumi.ts";
import { recover } from "./recover.ts";
import { Stack } from "./stack.ts";
import { note, say, styled } from "./terminal.ts";

/** How many log lines of a claw that did not come up are shown. */
const logLines = 20;

/**
 * Brings the fleet up: checks first what can be checked, repairs what a killed run left, runs `pulumi up`, then asks every
 * claw itself.
 *
 * @returns exit code 0 when every claw answers that it is well
 */
export async function up(stackName: string): Promise<number> {
  const stack = await Stack.read(stackName, true);
  const { loaded, launches } = await launchesOf(stack.fleetFile);
  const docker = await stack.docker();
  await socketFor(loaded, stack.dockerHost);
  const refresh = await recover(
    stack,
    docker,
    launches.map(({ claw }) => claw),
  );
  await freePorts(docker, stackName, launches);
  const drifted = refresh || (await drift(stack, docker));
  const code = await showPulumi([
    "up",
    "--yes",
    "--skip-preview",
    "--suppress-outputs",
    "--stack",
    stackName,
    ...(drifted ? ["--refresh"] : []),
  ]);
  if (code !== 0) {
    await explainFailure(docker, stackName, launches);
    return code;
  }
  const claws = await clawStatuses(docker, (await Stack.read(stackName)).inventory, true);
  say();
  for (const line of statusTable(claws)) say(line);
  for (const claw of claws.filter(({ healthy }) => !healthy)) await showLastLines(docker, claw.container, claw.name, launches);
  say();
  for (const line of nextCommands(launches, stack.fleetFile)) say(line);
  return claws.every(({ healthy }) => healthy) ? 0 : 1;
}

/** Whether a container that the state knows is gone or not running: Pulumi alone would not look. */
async function drift(stack: Stack, docker: Docker): Promise<boolean> {
  const states = await Promise.all(stack.inventory.map(({ container }) => ifThere(docker.getContainer(container).inspect())));
  return states.some((container) => container?.State.Running !== true);
}

/** Says which claws are not well and what they said last; then what to do. */
async function explainFailure(docker: Docker, stack: string, launches: readonly Launch[]): Promise<void> {
  note("");
  for (const { claw } of launches) {
    const name = containerName(stack, claw);
    const state = (await ifThere(docker.getContainer(name).inspect()))?.State;
    if (state === undefined) {
      note(`${styled("red", claw)}: no container`);
      continue;
    }
    const health = state.Health?.Status ?? "no health check";
    if (state.Running && health === "healthy") continue;
    note(`${styled("red", claw)}: ${state.Status}, ${health}${state.Running ? "" : `, exit code ${state.ExitCode}`}`);
    await showLastLines(docker, name, claw, launches);
  }
  const by = process.env.MAKELEVEL === undefined ? "clawfleet" : "make";
  note(
    `\nNo data is lost: every claw's volume is as it was. Set right what is said above, then run \`${by} up\` again: it goes on from here.`,
  );
}

async function showLastLines(docker: Docker, container: string, claw: string, launches: readonly Launch[]): Promise<void> {
  const secretNames = new Set(Object.keys(launches.find((launch) => launch.claw === claw)?.secretEnv ?? {}));
  const lines = (await ifThere(lastLines(docker.getContainer(container), logLines, secretNames))) ?? [];
  note(lines.length > 0 ? `  its last ${lines.length} log lines:` : "  it has logged nothing");
  for (const line of lines) note(`  | ${line}`);
}

/** Commands to try next, as they can be typed where this one was: by make, or in a shell with clawfleet on the PATH. */
function nextCommands(launches: readonly Launch[], fleetFile: string): string[] {
  const make = process.env.MAKELEVEL !== undefined;
  const claw = launches[0]?.claw;
  const guarded = launches.find(({ secretEnv }) => Object.values(secretEnv).some(({ kind }) => kind === "gateway-token"))?.claw;
  const commands = [
    [make ? `make logs CLAW=${claw} ARGS=-f` : `clawfleet logs ${claw} -f`, "what a claw says"],
    [make ? "make status" : "clawfleet status", "the table above, now"],
    ...(guarded === undefined
      ? []
      : [[make ? `make token CLAW=${guarded}` : `clawfleet token ${guarded}`, `the token that ${guarded}'s gateway wants`]]),
    [make ? "make preview" : "pulumi preview --diff", "what an edit would change"],
    [make ? "make up" : "clawfleet up", `after an edit of ${fleetFile}: one [[agent]] more is one claw more`],
    [make ? "make down" : "clawfleet down", "stops and removes all but data (clean: data too)"],
  ];
  const width = Math.max(...commands.map(([command = ""]) => command.length));
  return [styled("bold", "Next"), ...commands.map(([command = "", what]) => `  ${command.padEnd(width)}  ${what}`)];
}
