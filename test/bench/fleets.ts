import { writeFileSync } from "node:fs";
import { goDuration } from "../../components/docker/duration.ts";
import { launchesOf } from "../../runtimes/launch.ts";
import type { Launch } from "../../runtimes/runtime.ts";

/** First port of the fleets that are measured. */
export const firstPort = 21_000;

/** A fleet file of `count` PicoClaws, the smallest of the runtimes. */
export function fleetOf(count: number): string {
  const claws = Array.from({ length: count }, (_, i) => `[[agent]]\nname = "claw-${i}"\nruntime = "picoclaw"\nport = ${firstPort + i}\n`);
  return claws.join("\n");
}

/** What `docker run` and Compose need to run the same claws that Clawfleet runs. */
export async function launchesFrom(file: string): Promise<Launch[]> {
  return (await launchesOf(file)).launches;
}

function tmpfsOf({ runtime }: Launch): string[] {
  const owner = `uid=${runtime.uid},gid=${runtime.uid}`;
  return [
    `/run/claw:${owner},mode=0700,size=4m`,
    ...runtime.tmpfs.map(({ path, sizeMiB, exec }) => `${path}:${owner},mode=1777,size=${sizeMiB}m${exec ? ",exec" : ""}`),
  ];
}

const check = ["CMD", "/usr/local/bin/entrypoint", "health", "--hold", "30s"];

/** Writes a Compose file that runs the same containers, networks and volumes with the same settings. */
export function writeCompose(file: string, launches: readonly Launch[], image: string): void {
  const names = launches.map((launch) => launch.claw);
  const services = launches.map((launch) => [
    launch.claw,
    {
      image,
      user: `${launch.runtime.uid}:${launch.runtime.uid}`,
      environment: launch.env,
      read_only: true,
      tmpfs: tmpfsOf(launch),
      volumes: [`${launch.claw}:${launch.runtime.stateDir}`],
      networks: [launch.claw],
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      init: true,
      mem_limit: `${launch.memoryMiB}m`,
      memswap_limit: `${launch.memoryMiB}m`,
      cpus: launch.cpus,
      ulimits: { nofile: launch.maxOpenFiles },
      restart: "unless-stopped",
      ports: [`127.0.0.1:${launch.hostPort}:${launch.runtime.port}`],
      healthcheck: { test: check, interval: "200ms", timeout: goDuration(launch.runtime.health.startupSeconds + 60), retries: 1 },
    },
  ]);
  const of = (value: object) => Object.fromEntries(names.map((name) => [name, value]));
  writeFileSync(file, JSON.stringify({ services: Object.fromEntries(services), networks: of({}), volumes: of({}) }));
}

/** A shell script that does the same with `docker run`, one after the other, then waits until all are healthy. */
export function runScript(launches: readonly Launch[], image: string, prefix: string): string {
  const lines = launches.flatMap((launch) => {
    const name = `${prefix}-${launch.claw}`;
    const { runtime } = launch;
    return [
      `docker network create ${name} >/dev/null`,
      [
        `docker run -d --name ${name} --network ${name} --user ${runtime.uid}:${runtime.uid} --read-only --init --cap-drop ALL`,
        `--security-opt no-new-privileges:true --restart unless-stopped --memory ${launch.memoryMiB}m --memory-swap ${launch.memoryMiB}m`,
        `--cpus ${launch.cpus} --ulimit nofile=${launch.maxOpenFiles} -p 127.0.0.1:${launch.hostPort}:${runtime.port}`,
        `-v ${name}:${runtime.stateDir} ${tmpfsOf(launch)
          .map((mount) => `--tmpfs ${mount}`)
          .join(" ")}`,
        `--health-cmd '${check.slice(1).join(" ")}' --health-interval 200ms --health-timeout 2m --health-retries 1`,
        `${Object.entries(launch.env)
          .map(([key, value]) => `-e '${key}=${value.replaceAll("'", "'\\''")}'`)
          .join(" ")} ${image} >/dev/null`,
      ].join(" "),
    ];
  });
  const all = launches.map((launch) => `${prefix}-${launch.claw}`).join(" ");
  return [
    "set -eu",
    ...lines,
    `while docker inspect --format '{{.State.Health.Status}}' ${all} | grep -qv '^healthy$'; do sleep 0.1; done`,
  ].join("\n");
}

/** Removes what {@link runScript} made. */
export function removeScript(launches: readonly Launch[], prefix: string): string {
  const all = launches.map((launch) => `${prefix}-${launch.claw}`).join(" ");
  return `docker rm -fv ${all} >/dev/null; docker volume rm ${all} >/dev/null; docker network rm ${all} >/dev/null`;
}
