import type Docker from "dockerode";
import { label } from "../components/docker/names.ts";
import { nameOf } from "./docker.ts";
import { UserError } from "./errors.ts";
import { showPulumi } from "./pulumi.ts";
import { recover } from "./recover.ts";
import { Stack } from "./stack.ts";
import { note, say } from "./terminal.ts";

/** Removes a stack's containers and networks; its volumes stay. */
export async function down(stackName: string): Promise<number> {
  const stack = await Stack.read(stackName);
  if (stack.state === undefined) {
    note(`there is no stack "${stackName}": nothing to do`);
    return 0;
  }
  const docker = await stack.docker();
  const code = await destroy(stack, docker);
  if (code !== 0) return code;
  const kept = await volumesOf(docker, stackName);
  const by = process.env.MAKELEVEL === undefined ? "clawfleet" : "make";
  if (kept.length > 0)
    say(`\nKept, with all data: ${kept.join(", ")}\n  ${by} up     starts the claws on them again\n  ${by} clean  removes them`);
  return 0;
}

/** Runs `pulumi destroy` after what a killed run left is repaired. */
export async function destroy(stack: Stack, docker: Docker): Promise<number> {
  const refresh = await recover(stack, docker, []);
  const code = await showPulumi(["destroy", "--yes", "--skip-preview", "--stack", stack.name, ...(refresh ? ["--refresh"] : [])]);
  if (code !== 0) for (const line of await guests(docker, stack.name)) note(line);
  if (code !== 0) note("Not all is removed. Set right what is said above and run the command again: it goes on from here.");
  return code;
}

/**
 * A line for each running container of others on the stack's networks, which cannot be removed then: one that a claw with
 * access to Docker has started and, being killed, has not ended, or one that a person has put there. Whose it is, nobody can tell.
 */
async function guests(docker: Docker, stackName: string): Promise<string[]> {
  const networks = await docker.listNetworks({ filters: { label: [`${label.stack}=${stackName}`] } });
  const found = await Promise.all(
    networks.map(async ({ Name }) => {
      const containers = await docker.listContainers({ filters: { network: [Name] } });
      const others = containers.filter(({ Labels }) => Labels[label.stack] !== stackName).map(nameOf);
      return others.map((other) => `the container ${other} holds the network ${Name}. If it is not needed: docker rm -f ${other}`);
    }),
  );
  return found.flat();
}

/** Names of a stack's volumes, sorted. */
export async function volumesOf(docker: Docker, stackName: string): Promise<string[]> {
  const { Volumes } = await docker.listVolumes({ filters: { label: [`${label.stack}=${stackName}`] } });
  return Volumes.map(({ Name }) => Name).sort();
}

/** Asks on the terminal; without one only `yes` says yes. */
export async function confirmed(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw new UserError(`${question} There is no terminal to ask on: say --yes`, 2);
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
