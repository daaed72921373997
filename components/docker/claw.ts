import { ComponentResource, type ComponentResourceOptions, type Input, type Output, output, RunError } from "@pulumi/pulumi";
import { healthcheckOf, LOGGING, tmpfsOf } from "../../runtimes/container.ts";
import type { Launch } from "../../runtimes/runtime.ts";
import type { Secrets } from "../secrets.ts";
import { goDuration } from "./duration.ts";
import { containerName, labelsOf, volumeName } from "./names.ts";
import { Container, Network, Volume } from "./resources.ts";
import type { DockerSocket } from "./socket.ts";

/** Inputs that the provider says it updates but does not (health check, tmpfs, init), or cannot on every daemon (limits: not without cgroups). */
const replaceOnChanges = ["healthcheck", "init", "memory", "memorySwap", "restart", "tmpfs"];

export interface DockerClawArgs {
  readonly launch: Launch;
  /** The stack's name: part of all names on the daemon. */
  readonly stack: string;
  /** The image by digest. */
  readonly image: Input<string>;
  readonly secrets: Secrets;
  /** The daemon's socket. Only a claw that has access to Docker gets it, and cannot be without. */
  readonly socket?: DockerSocket | undefined;
}

/**
 * A claw on Docker: its network, its volume, its container. The volume outlives the claw, and no edit replaces it.
 *
 * `up` waits for the runtime's own health answer. The check in the image asks each 100 ms until the first good answer and
 * sleeps between later ones: below Engine 25 Docker itself knows no fast start with a slow pace afterwards.
 */
export class DockerClaw extends ComponentResource {
  /** Name of the container and of its network. */
  readonly container: string;
  /** Name of the volume with the claw's state. */
  readonly volume: string;

  constructor(name: string, args: DockerClawArgs, opts?: ComponentResourceOptions) {
    const { launch, stack, image, secrets } = args;
    const socket = socketOf(launch, args.socket);
    const envs = environmentOf(launch, secrets);
    super("clawfleet:docker:Claw", name, {}, opts);
    const { runtime } = launch;
    const check = healthcheckOf(runtime);
    this.container = containerName(stack, launch.claw);
    this.volume = volumeName(stack, launch.claw);
    const labels = labelsOf(stack, launch);

    // Names are fixed, so what is replaced goes before its successor comes.
    const network = new Network(
      `${name}-network`,
      { name: this.container, driver: "bridge", labels },
      { parent: this, deleteBeforeReplace: true },
    );
    const volume = new Volume(
      `${name}-state`,
      { name: this.volume, labels },
      // The provider deletes a volume, data and all, for any change of its inputs.
      { parent: this, retainOnDelete: true, ignoreChanges: ["cluster", "driver", "driverOpts", "labels", "name"] },
    );
    new Container(
      `${name}-container`,
      {
        name: this.container,
        image,
        envs,
        labels,
        user: `${runtime.uid}:${runtime.uid}`,
        readOnly: true,
        tmpfs: tmpfsOf(runtime),
        volumes: [{ volumeName: volume.name, containerPath: runtime.stateDir }],
        ...(socket && {
          // The file, not its directory: the daemon starts its containers anew when it comes back, and so mounts its new socket.
          mounts: [{ type: "bind", source: socket.path, target: socketTarget }],
          groupAdds: [String(socket.group)],
        }),
        capabilities: { drops: ["ALL"] },
        securityOpts: ["no-new-privileges:true"],
        init: true,
        // Without memorySwap the daemon doubles it, and every preview shows that as a change.
        memory: launch.memoryMiB,
        memorySwap: launch.memoryMiB,
        cpus: String(launch.cpus),
        ulimits: [{ name: "nofile", soft: launch.maxOpenFiles, hard: launch.maxOpenFiles }],
        logDriver: LOGGING.driver,
        logOpts: LOGGING.options,
        restart: "unless-stopped",
        // Created on the default bridge, moved to its own network before it starts; the daemon reports "bridge" for ever.
        networkMode: "bridge",
        networksAdvanced: [{ name: network.name }],
        ports: [{ internal: runtime.port, external: launch.hostPort, ip: "127.0.0.1", protocol: "tcp" }],
        healthcheck: {
          tests: [...check.test],
          interval: `${check.interval}ms`,
          timeout: goDuration(check.timeout / 1000),
          retries: check.retries,
          startPeriod: `${check.startPeriod}s`,
        },
        wait: true,
        waitTimeout: runtime.health.startupSeconds + 15,
        // Without it a stop is a kill.
        destroyGraceSeconds: runtime.stopGraceSeconds,
      },
      { parent: this, replaceOnChanges, deleteBeforeReplace: true },
    );
    this.registerOutputs({ container: this.container, volume: this.volume });
  }
}

/** Where a claw with access to Docker finds the socket: where clients look without being told. */
const socketTarget = "/var/run/docker.sock";

function socketOf({ claw, docker }: Launch, socket: DockerSocket | undefined): DockerSocket | undefined {
  if (docker === "none") return undefined;
  if (socket === undefined) throw new RunError(`claw "${claw}": no Docker socket to share`);
  return socket;
}

/** `NAME=value` entries sorted by name; those with a secret's value are Pulumi secrets, and only those. */
function environmentOf(launch: Launch, secrets: Secrets): Input<string>[] {
  const entries = new Map<string, string | Output<string>>(Object.entries(launch.env));
  if (launch.docker === "shared") entries.set("DOCKER_HOST", `unix://${socketTarget}`);
  for (const [name, value] of secrets.of(launch)) entries.set(name, value);
  return [...entries]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (typeof value === "string" ? `${name}=${value}` : output(value).apply((text) => `${name}=${text}`)));
}
