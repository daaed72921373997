import { gatewayToken } from "../components/token.ts";
import { launchesOf } from "../runtimes/launch.ts";
import { noClaw, UserError } from "./errors.ts";
import { Stack } from "./stack.ts";
import { say } from "./terminal.ts";

/** Prints the token that a claw's gateway wants, alone on stdout. */
export async function token(stackName: string, claw: string): Promise<number> {
  const stack = await Stack.read(stackName);
  const { launches } = await launchesOf(stack.fleetFile, stack.targetKind);
  const launch = launches.find((one) => one.claw === claw);
  if (launch === undefined) {
    const names = launches.map((one) => one.claw);
    throw noClaw(claw, stack.fleetFile, names);
  }
  if (!Object.values(launch.secretEnv).some(({ kind }) => kind === "gateway-token")) {
    throw new UserError(`${launch.runtime.title} has no gateway token: claw "${claw}" is asked without one`, 2);
  }
  const seed = await stack.tokenSeed();
  if (seed === undefined)
    throw new UserError(`stack "${stackName}" has no seed for tokens: clawfleet:tokenSeed in its config, or CLAWFLEET_TOKEN_SEED`);
  say(gatewayToken(seed, claw));
  return 0;
}
