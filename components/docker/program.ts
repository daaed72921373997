import { Config, log } from "@pulumi/pulumi";
import type { Launch } from "../../runtimes/runtime.ts";
import type { Program } from "../program.ts";
import { DockerFleet } from "./fleet.ts";
import { Provider } from "./resources.ts";
import { socketFor } from "./socket.ts";

/** The program's part for a Docker daemon: `clawfleet:host`, else `docker:host`, else DOCKER_HOST. */
export const program: Program = async ({ loaded, launches, stack, config, secrets, bases, buildArgs, images }) => {
  const host = config.get("host");
  const socket = await socketFor(loaded, host ?? new Config("docker").get("host") ?? (process.env.DOCKER_HOST || undefined));
  const unheard = launches.filter(saysMore).map(({ claw }) => claw);
  if (unheard.length > 0) {
    await log.warn(`[agent.network] holds on Kubernetes only: on Docker ${unheard.join(", ")} can reach whatever the host can`);
  }
  return () =>
    new DockerFleet("fleet", {
      launches,
      stack,
      secrets,
      provider: host === undefined ? undefined : new Provider("docker", { host }),
      registry: config.get("registry"),
      bases,
      buildArgs,
      socket,
      images,
    });
};

/** Whether a claw says of its network more than the default: to the internet, from nobody. */
function saysMore({ network: { egress, ingress } }: Launch): boolean {
  return ingress.length > 0 || egress.length !== 1 || egress[0]?.kind !== "internet";
}
