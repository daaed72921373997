import type Docker from "dockerode";
import { containerName, label } from "../components/docker/names.ts";
import { socketFor } from "../components/docker/socket.ts";
import type { LoadedFleet } from "../fleet/problems.ts";
import type { Launch } from "../runtimes/runtime.ts";
import { copyLogs, findContainers, ifThere, lastLines, nameOf } from "./docker.ts";
import { clawStatuses } from "./docker-status.ts";
import { dockerStatus, noClaw, UserError } from "./errors.ts";
import { freePorts } from "./preflight.ts";
import type { Inventory } from "./pulumi.ts";
import { recover } from "./recover.ts";
import type { Stack } from "./stack.ts";
import { type LastWords, logLines, type Target, type Trouble, type Unnoted } from "./target.ts";
import { note, say } from "./terminal.ts";

/** A stack on a Docker daemon. */
export class DockerTarget implements Target {
  readonly kind = "docker";
  readonly place = "Docker";
  readonly #stack: Stack;
  readonly #docker: Docker;

  constructor(stack: Stack, docker: Docker) {
    this.#stack = stack;
    this.#docker = docker;
  }

  get #mine() {
    return { label: [`${label.stack}=${this.#stack.name}`] };
  }

  async prepare(loaded: LoadedFleet, launches: readonly Launch[]): Promise<boolean> {
    await socketFor(loaded, this.#stack.dockerHost);
    const refresh = await recover(
      this.#stack,
      this,
      launches.map(({ claw }) => claw),
    );
    await freePorts(this.#docker, this.#stack.name, launches);
    return refresh || (await this.#drifted());
  }

  /** Whether a container that the state knows is gone or not running: Pulumi alone would not look. */
  async #drifted(): Promise<boolean> {
    const states = await Promise.all(this.#stack.inventory.map(({ container }) => ifThere(this.#docker.getContainer(container).inspect())));
    return states.some((container) => container?.State.Running !== true);
  }

  async removeUnnoted(unnoted: Unnoted, claws: readonly string[]): Promise<void> {
    const { name } = this.#stack;
    for (const container of await findContainers(this.#docker, name)) {
      if (this.#stack.knows("docker:index/container:Container", container.id)) continue;
      if (unnoted(container.claw, "container", container.created)) {
        note(`removes ${container.name}: the last run made it but ended before it was noted (its volume is kept)`);
        await this.#docker.getContainer(container.id).remove({ force: true });
      } else if (claws.some((claw) => containerName(name, claw) === container.name)) {
        throw new UserError(
          `the container ${container.name} exists, but this stack's state does not know it. If it is a leftover: docker rm -f ${container.name} (its volume is kept). If another stack named "${name}" runs it, choose another name: --stack`,
        );
      }
    }
    for (const network of await this.#docker.listNetworks({ filters: this.#mine })) {
      if (this.#stack.knows("docker:index/network:Network", network.Id)) continue;
      if (!unnoted(network.Labels?.[label.claw] ?? "", "network", new Date(network.Created))) continue;
      note(`removes the network ${network.Name}: the last run made it but ended before it was noted`);
      await this.#docker.getNetwork(network.Id).remove();
    }
  }

  async statuses(inventory: Inventory, patient: boolean) {
    return await clawStatuses(this.#docker, inventory, patient);
  }

  async troubles(launches: readonly Launch[]): Promise<Trouble[]> {
    const found: Trouble[] = [];
    for (const launch of launches) {
      const { claw } = launch;
      const state = (await ifThere(this.#docker.getContainer(containerName(this.#stack.name, claw)).inspect()))?.State;
      if (state === undefined) {
        found.push({ claw, what: "no container" });
        continue;
      }
      const health = state.Health?.Status ?? "no health check";
      if (state.Running && health === "healthy") continue;
      const what = `${state.Status}, ${health}${state.Running ? "" : `, exit code ${state.ExitCode}`}`;
      found.push({ claw, what, words: await this.lastWords(launch) });
    }
    return found;
  }

  async lastWords({ claw, secretEnv }: Launch): Promise<LastWords> {
    const container = this.#docker.getContainer(containerName(this.#stack.name, claw));
    return { log: (await ifThere(lastLines(container, logLines, new Set(Object.keys(secretEnv))))) ?? [] };
  }

  async logs(claw: string, tail: number, follow: boolean): Promise<void> {
    const containers = await findContainers(this.#docker, this.#stack.name);
    const found = containers.find((container) => container.claw === claw);
    if (found === undefined) {
      const names = containers.map((container) => container.claw).sort();
      throw noClaw(claw, `stack "${this.#stack.name}"`, names);
    }
    await copyLogs(this.#docker, this.#docker.getContainer(found.id), tail, follow);
  }

  /**
   * A line for each running container of others on the stack's networks, which cannot be removed then: one that a claw with
   * access to Docker has started and, being killed, has not ended, or one that a person has put there. Whose it is, nobody can tell.
   */
  async hindrances(): Promise<string[]> {
    const networks = await this.#docker.listNetworks({ filters: this.#mine });
    const found = await Promise.all(
      networks.map(async ({ Name }) => {
        const containers = await this.#docker.listContainers({ filters: { network: [Name] } });
        const others = containers.filter(({ Labels }) => Labels[label.stack] !== this.#stack.name).map(nameOf);
        return others.map((other) => `the container ${other} holds the network ${Name}. If it is not needed: docker rm -f ${other}`);
      }),
    );
    return found.flat();
  }

  async data(): Promise<string[]> {
    const { Volumes } = await this.#docker.listVolumes({ filters: this.#mine });
    return Volumes.map(({ Name }) => Name).sort();
  }

  /** Images that something else uses stay. */
  async removeRest(): Promise<void> {
    for (const { id, name } of await findContainers(this.#docker, this.#stack.name)) {
      await this.#docker.getContainer(id).remove({ force: true });
      say(`removed container ${name}`);
    }
    for (const { Id, Name } of await this.#docker.listNetworks({ filters: this.#mine })) {
      await this.#docker.getNetwork(Id).remove();
      say(`removed network ${Name}`);
    }
    for (const name of await this.data()) {
      await ifThere(this.#docker.getVolume(name).remove());
      say(`removed volume ${name}`);
    }
    const images = new Map(this.#stack.inventory.map(({ runtime, version, imageDigest }) => [imageDigest, `${runtime} ${version}`]));
    for (const [id, name] of images) {
      try {
        await ifThere(this.#docker.getImage(id).remove());
        say(`removed image ${name}`);
      } catch (error) {
        if (dockerStatus(error) !== 409) throw error;
        say(`kept image ${name}: something else uses it`);
      }
    }
  }
}
