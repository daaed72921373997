import type Docker from "dockerode";
import { label } from "../components/docker/names.ts";
import type { Launch } from "../runtimes/runtime.ts";
import { nameOf, publishedPorts } from "./docker.ts";
import { UserError } from "./errors.ts";
import { listener, taken } from "./ports.ts";
import { note } from "./terminal.ts";

/** Who has a port on the host. */
export type Holder =
  | { readonly kind: "claw"; readonly id: string; readonly stack: string; readonly claw: string }
  | { readonly kind: "container"; readonly name: string }
  | { readonly kind: "process"; readonly name: string | undefined };

/** What to do about a claw's port: nothing, free it by stopping a claw that this update moves or removes, or give up. */
export type Verdict =
  | { readonly do: "nothing" }
  | { readonly do: "stop"; readonly id: string; readonly claw: string }
  | { readonly do: "fail"; readonly message: string };

/** Decides about the port of a claw. Pure. */
export function judge(stack: string, { claw, hostPort }: Launch, holder: Holder | undefined): Verdict {
  if (holder === undefined) return { do: "nothing" };
  const fail = (who: string): Verdict => ({
    do: "fail",
    message: `port ${hostPort} of claw "${claw}" is taken by ${who}: end that, or give the claw another port in the fleet file (port = ...)`,
  });
  if (holder.kind === "process") return fail(holder.name ?? "a process that cannot be named");
  if (holder.kind === "container") return fail(`the container ${holder.name}`);
  if (holder.stack !== stack) return fail(`claw "${holder.claw}" of stack "${holder.stack}"`);
  // Pulumi removes and moves in an order of its own; a port must be free before its new owner comes.
  return holder.claw === claw ? { do: "nothing" } : { do: "stop", id: holder.id, claw: holder.claw };
}

/**
 * Sees to it that every claw's port is free or already its own, before anything is changed.
 *
 * @throws UserError that names every port in the way and who has it.
 */
export async function freePorts(docker: Docker, stack: string, launches: readonly Launch[]): Promise<void> {
  // Ports are this machine's only where the daemon is.
  if (!/^(unix:|$)/.test(process.env.DOCKER_HOST ?? "")) return;
  const containers = await docker.listContainers();
  const verdicts = await Promise.all(
    launches.map(async (launch) => {
      const container = containers.find((one) => publishedPorts(one).includes(launch.hostPort));
      return { launch, verdict: judge(stack, launch, await holderOf(launch.hostPort, container)) };
    }),
  );
  const failures = verdicts.flatMap(({ verdict }) => (verdict.do === "fail" ? [verdict.message] : []));
  if (failures.length > 0) throw new UserError(failures.join("\n"));
  for (const { launch, verdict } of verdicts) {
    if (verdict.do !== "stop") continue;
    note(`stops "${verdict.claw}": its port ${launch.hostPort} goes to "${launch.claw}"`);
    await docker.getContainer(verdict.id).stop();
  }
}

async function holderOf(port: number, container: Docker.ContainerInfo | undefined): Promise<Holder | undefined> {
  if (container !== undefined) {
    const { [label.stack]: stack, [label.claw]: claw } = container.Labels;
    if (stack !== undefined && claw !== undefined) return { kind: "claw", id: container.Id, stack, claw };
    return { kind: "container", name: nameOf(container) };
  }
  return (await taken(port)) ? { kind: "process", name: listener(port) } : undefined;
}
