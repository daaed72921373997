import { launchesOf } from "../runtimes/launch.ts";
import type { Launch } from "../runtimes/runtime.ts";
import { noClaw, systemCode, UserError } from "./errors.ts";
import { typed } from "./next.ts";
import { listener } from "./ports.ts";
import { Stack } from "./stack.ts";
import { note, say } from "./terminal.ts";

/**
 * Brings a claw on Kubernetes to a port of 127.0.0.1, until Ctrl-C. On Docker it is at one already, and that is said.
 *
 * @param wanted The port. @default the fleet file's for that claw
 * @returns exit code 0, also after Ctrl-C
 */
export async function portForward(stackName: string, claw: string, wanted: number | undefined): Promise<number> {
  const stack = await Stack.read(stackName);
  const { launches } = await launchesOf(stack.fleetFile, stack.targetKind);
  const launch = launches.find((one) => one.claw === claw);
  if (launch === undefined) {
    const names = launches.map((one) => one.claw);
    throw noClaw(claw, stack.fleetFile, names);
  }
  const port = wanted ?? launch.hostPort;
  const record = stack.inventory.find(({ name }) => name === claw);
  if (record === undefined) throw new UserError(`claw "${claw}" is not up: ${typed("up", stackName)}`);
  if (stack.targetKind === "docker") {
    if (port !== launch.hostPort) {
      throw new UserError(
        `on Docker claw "${claw}" has the port that the fleet file says, ${launch.hostPort}: write port = ${port} there`,
        2,
      );
    }
    say(`${record.url} (on Docker it is always there: nothing to forward)`);
    return 0;
  }
  await serve(stack, launch, record.container, port);
  return 0;
}

/** How many seconds a connection waits for a pod that is being replaced. */
const PATIENCE = 60;

async function serve(stack: Stack, { claw, runtime }: Launch, pod: string, port: number): Promise<void> {
  const { connect } = await import("./kubernetes/cluster.ts");
  const { ifThere } = await import("../components/kubernetes/cluster.ts");
  const { isReady } = await import("../components/kubernetes/podstate.ts");
  const { forward, waited } = await import("./kubernetes/forward.ts");
  const { stateOf } = await import("./kubernetes/pods.ts");
  const { settingsOf } = await import("./kubernetes/settings.ts");
  const settings = settingsOf(stack);
  const { namespace } = settings;
  const { config, core } = await connect(settings, settings);
  const read = () => ifThere(core.readNamespacedPod({ name: pod, namespace }));
  const ended = new AbortController();
  const ready = async () => {
    const first = await read();
    if (isReady(first)) return;
    note(`${claw} is not ready (${stateOf(first)}): waits for it`);
    if (await waited(async () => isReady(await read()), PATIENCE, ended.signal)) return;
    // One that runs and is not well may be just what somebody wants to look at.
    if (!ended.signal.aborted && stateOf(await read()) !== "running") throw new Error(`the pod ${pod} is not there`);
  };
  const problem = (line: string) => {
    if (!ended.signal.aborted) note(`${claw}: a connection came to nothing: ${line}`);
  };
  const interrupted = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve()).once("SIGTERM", () => resolve());
  });
  const forwarded = await forward(config, { namespace, pod, port: runtime.port }, port, { ready, problem }).catch((error: unknown) => {
    throw new UserError(unusable(claw, port, error));
  });
  say(`http://127.0.0.1:${forwarded.port} is ${claw} (${namespace}/${pod}) until Ctrl-C`);
  await interrupted;
  ended.abort();
  await forwarded.close();
}

/** Why a port cannot be listened on, and what to do. */
function unusable(claw: string, port: number, error: unknown): string {
  const another = `name another one: clawfleet port-forward ${claw} ${port < 60_000 ? port + 1 : port - 1}`;
  switch (systemCode(error)) {
    case "EADDRINUSE":
      return `port ${port} is taken by ${listener(port) ?? "a process that cannot be named"}: end that, or ${another}`;
    case "EACCES":
      return `port ${port} is for root: ${another.replace(/\d+$/, String(port + 10_000))}`;
    default:
      throw error;
  }
}
