import { copyLogs, findContainers } from "./docker.ts";
import { noClaw } from "./errors.ts";
import { Stack } from "./stack.ts";

/** Copies a claw's log to stdout and stderr. */
export async function logs(stackName: string, claw: string, follow: boolean, tail: number): Promise<number> {
  const stack = await Stack.read(stackName);
  const docker = await stack.docker();
  const containers = await findContainers(docker, stackName);
  const found = containers.find((container) => container.claw === claw);
  if (found === undefined) {
    const names = containers.map((container) => container.claw).sort();
    throw noClaw(claw, `stack "${stackName}"`, names);
  }
  await copyLogs(docker, docker.getContainer(found.id), tail, follow);
  return 0;
}
