import { refuseOnKubernetes } from "../components/kubernetes/refused.ts";
import { launchesOf } from "../runtimes/launch.ts";
import { Stack } from "./stack.ts";
import { say } from "./terminal.ts";

/**
 * Checks a fleet file as `up` would, without Docker or a cluster: that it parses, that every setting is valid and that every runtime can
 * do what is asked.
 *
 * @param file Default: the stack's, and then for the stack's target.
 * @throws FleetError
 */
export async function check(stackName: string, file: string | undefined): Promise<number> {
  const stack = file === undefined ? await Stack.read(stackName) : undefined;
  const path = file ?? stack?.fleetFile ?? "";
  const target = stack?.targetKind ?? "docker";
  const { loaded, launches } = await launchesOf(path, target);
  if (target === "kubernetes") refuseOnKubernetes(loaded);
  say(`${path}: ${launches.length} ${launches.length === 1 ? "claw" : "claws"}, no problems`);
  for (const { claw, runtime, hostPort } of launches) say(`  ${claw}: ${runtime.title} ${runtime.version}, port ${hostPort}`);
  return 0;
}
