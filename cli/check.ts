import { launchesOf } from "../runtimes/launch.ts";
import { Stack } from "./stack.ts";
import { say } from "./terminal.ts";

/**
 * Checks a fleet file as `up` would, without Docker: that it parses, that every setting is valid and that every runtime can
 * do what is asked.
 *
 * @param file Default: the stack's.
 * @throws FleetError
 */
export async function check(stackName: string, file: string | undefined): Promise<number> {
  const path = file ?? (await Stack.read(stackName)).fleetFile;
  const { launches } = await launchesOf(path);
  say(`${path}: ${launches.length} ${launches.length === 1 ? "claw" : "claws"}, no problems`);
  for (const { claw, runtime, hostPort } of launches) say(`  ${claw}: ${runtime.title} ${runtime.version}, port ${hostPort}`);
  return 0;
}
