import { buildSecrets, healthcheckOf, LOGGING, tmpfsOf } from "../container.ts";
import type { Descriptor } from "../runtime.ts";
import { type Layout, pathFrom } from "./layout.ts";

/** A claw whose runtime says nothing else gets this many MiB; one that needs much gets room to work. */
const usualMemoryMiB = 1024;

/** A variable that whoever runs Compose may set, in the shell or in the `.env` beside the file. */
export interface ComposeVariable {
  readonly name: string;
  readonly default: string;
  /** One line. */
  readonly about: string;
}

/** What is hand-written in a runtime's folder as `compose.services.yml`, in pieces: a Compose file that adds to the generated one. */
export interface Companions {
  /** Lines for the runtime's own service. */
  readonly own: readonly string[];
  /** Further services. */
  readonly services: readonly string[];
  readonly volumes: readonly string[];
}

export const NO_COMPANIONS: Companions = { own: [], services: [], volumes: [] };

/**
 * Reads a `compose.services.yml`: sections `services` (what stands under the runtime's name is added to its own service) and `volumes`, indented by
 * two, comments within them kept.
 *
 * @throws Error on any other section.
 */
export function companionsOf(name: string, text: string): Companions {
  const found = { own: [] as string[], services: [] as string[], volumes: [] as string[] };
  let section: "services" | "volumes" | undefined;
  let own = false;
  for (const line of text.split("\n")) {
    const key = /^(\S+):\s*$/.exec(line)?.[1];
    if (key === "services" || key === "volumes") {
      section = key;
    } else if (/^[^\s#]/.test(line)) {
      throw new Error(`compose.services.yml of ${name}: "${line}"; it can have the sections services: and volumes:`);
    } else if (section !== undefined && line.trim() !== "") {
      if (/^ {2}\S/.test(line)) own = section === "services" && line.trim() === `${name}:`;
      if (!own) found[section].push(line.slice(2));
      else if (line.trim() !== `${name}:`) found.own.push(line.slice(4));
    }
  }
  return found;
}

/** The image's name and tag. */
export const imageOf = ({ name, version }: Descriptor): string => `ghcr.io/codervisor/${name}:${version}`;

/** The claw's memory in MiB unless somebody says otherwise. */
export const memoryOf = ({ minMemoryMiB }: Descriptor): number => Math.max(usualMemoryMiB, 2 * minMemoryMiB);

/**
 * The variables of a runtime's service.
 *
 * @param prefix Of their names: `CLAW_` in the runtime's own file, the runtime's own in the fleet's, where each claw has other values.
 */
export function composeVariables(descriptor: Descriptor, prefix: string): ComposeVariable[] {
  const { port, docker, bases, buildArgs } = descriptor;
  return [
    { name: `${prefix}PORT`, default: String(port), about: "Port on this machine, of 127.0.0.1" },
    { name: `${prefix}IMAGE`, default: imageOf(descriptor), about: "Image to run, and the name a build gets" },
    { name: `${prefix}MEMORY`, default: `${memoryOf(descriptor)}m`, about: "Most memory; swap is not added" },
    { name: `${prefix}CPUS`, default: "1", about: "Most processor time, in processors" },
    { name: `${prefix}PIDS`, default: "512", about: "Most processes and threads" },
    { name: `${prefix}OPEN_FILES`, default: "16384", about: "Most open files; a rootless daemon cannot give more than it has itself" },
    ...(docker === undefined
      ? []
      : [
          {
            name: "DOCKER_SOCKET",
            default: "",
            about: `Path of the Docker socket it is given. Required: it needs Docker to ${docker.why}`,
          },
          {
            name: "DOCKER_SOCKET_GID",
            default: "0",
            about:
              "Group of that socket as a container sees it: the number of the group docker (getent group docker), 0 where there is none",
          },
        ]),
    ...Object.entries(buildArgs).map(([arg, value]) => ({ name: `${prefix}${arg}`, default: value, about: `Build argument ${arg}` })),
    ...Object.entries(bases).map(([arg, value]) => ({ name: `CLAW_BASE_${arg}`, default: value, about: `Base image ${arg} of a build` })),
    { name: "CLAW_BUILD_NETWORK", default: "default", about: "Network of a build: default or host" },
  ];
}

/** Text that Compose does not interpolate. */
const escaped = (text: string): string => text.replaceAll("$", "$$$$");

/** A quoted YAML scalar that Compose takes byte for byte. */
const literal = (text: string): string => JSON.stringify(escaped(text));

/** A quoted YAML scalar: the variable's value, or what holds without one. */
const variable = (name: string, value: string): string => JSON.stringify(`\${${name}:-${escaped(value)}}`);

const indent = (lines: readonly string[]): string[] => lines.map((line) => (line === "" ? "" : `  ${line}`));

/** What Docker does with an unset socket is this path in its error message: Compose's own `:?` would stop `docker compose config` too. */
const noSocket = "/DOCKER_SOCKET-is-not-set/give-the-path-of-a-Docker-socket";

/** How a service is written: where from, and what tells it from the others of its file. */
export interface Place {
  /** Folder of the Compose file, from the repository's root. */
  readonly from: string;
  readonly layout: Layout;
  /** Of the variables' names. */
  readonly prefix: string;
  readonly network: string;
  readonly volume: string;
  /** The service runs only with one of these. @default it always runs */
  readonly profiles?: readonly string[];
}

function build({ bases, buildArgs }: Descriptor, { from, layout, prefix }: Place): string[] {
  const args = [
    ...Object.entries(bases).map(([arg, value]) => `${arg}: ${variable(`CLAW_BASE_${arg}`, value)}`),
    ...Object.entries(buildArgs).map(([arg, value]) => `${arg}: ${variable(`${prefix}${arg}`, value)}`),
  ];
  return [
    "build:",
    `  context: ${pathFrom(from, layout.context)}`,
    `  dockerfile: ${pathFrom(layout.context, `${layout.folder}/Dockerfile`)}`,
    `  network: ${variable("CLAW_BUILD_NETWORK", "default")}`,
    "  args:",
    ...indent(indent(args)),
    `  secrets: [${buildSecrets.map(({ id }) => id).join(", ")}]`,
  ];
}

/** Lines of one runtime's service. */
function service({ descriptor, companions, place }: Member): string[] {
  const { name, uid, port, stateDir, env, docker, stopGraceSeconds } = descriptor;
  const { from, layout, network, volume, profiles } = place;
  const values = new Map(composeVariables(descriptor, place.prefix).map((each) => [each.name, each.default]));
  const own = (key: string) => `${place.prefix}${key}`;
  const value = (key: string) => variable(own(key), values.get(own(key)) ?? "");
  const check = healthcheckOf(descriptor);
  const lines = [
    ...(profiles === undefined ? [] : [`profiles: [${profiles.join(", ")}]`]),
    // No pull_policy: `up` pulls what is missing and builds what cannot be pulled, `pull` always pulls, `up --build` builds.
    `image: ${value("IMAGE")}`,
    ...build(descriptor, place),
    "env_file:",
    `  - path: ${pathFrom(from, `${layout.folder}/.env`)}`,
    "    required: false",
    "    format: raw",
    "environment:",
    ...Object.entries(env).map(([key, text]) => `  ${key}: ${literal(text)}`),
    `ports: [${JSON.stringify(`127.0.0.1:\${${own("PORT")}:-${port}}:${port}`)}]`,
    `networks: [${network}]`,
    "volumes:",
    `  - ${volume}:${stateDir}`,
    ...(docker === undefined
      ? []
      : [
          `  # It needs Docker to ${docker.why}. Whoever has the socket commands the daemon: give it one of its own, rootless.`,
          "  - type: bind",
          `    source: ${variable("DOCKER_SOCKET", noSocket)}`,
          "    target: /var/run/docker.sock",
          "    bind: { create_host_path: false }",
          `group_add: [${variable("DOCKER_SOCKET_GID", "0")}]`,
        ]),
    "tmpfs:",
    ...Object.entries(tmpfsOf(descriptor)).map(([path, options]) => `  - ${path}:${options}`),
    `user: "${uid}:${uid}"`,
    "read_only: true",
    "cap_drop: [ALL]",
    'security_opt: ["no-new-privileges:true"]',
    "init: true",
    "restart: unless-stopped",
    `stop_grace_period: ${stopGraceSeconds}s`,
    `mem_limit: ${value("MEMORY")}`,
    `memswap_limit: ${value("MEMORY")}`,
    `cpus: ${value("CPUS")}`,
    `pids_limit: ${value("PIDS")}`,
    "ulimits:",
    `  nofile: ${value("OPEN_FILES")}`,
    "logging:",
    `  driver: ${LOGGING.driver}`,
    `  options: { ${Object.entries(LOGGING.options)
      .map(([key, text]) => `${key}: ${JSON.stringify(text)}`)
      .join(", ")} }`,
    "healthcheck:",
    `  test: ${JSON.stringify(check.test)}`,
    `  interval: ${check.interval}ms`,
    `  timeout: ${check.timeout / 1000}s`,
    `  retries: ${check.retries}`,
    `  start_period: ${check.startPeriod}s`,
    ...companions.own,
  ];
  return [`${name}:`, ...indent(lines)];
}

/** How to give a secret by file, as comment lines: an override file, so that nobody edits what is generated. */
function secretByFile({ name, uid, envPrefix, variables }: Descriptor): string[] {
  const secret = variables.find((each) => each.secret)?.name ?? `${envPrefix}path__to__key`;
  const id = secret.toLowerCase().replace(/_+/g, "-");
  return [
    `# A secret by file instead of by .env: save this as docker-compose.override.yml. Any variable NAME may be given as NAME_FILE. The file is for uid ${uid}`,
    `# of the container alone: chown ${uid}, chmod 0400. Rootless Docker has other uids outside: chmod 0444 in a folder of mode 0700 does there.`,
    "#",
    "# services:",
    `#   ${name}:`,
    `#     environment: { ${secret}_FILE: /run/secrets/${id} }`,
    `#     secrets: [${id}]`,
    "# secrets:",
    `#   ${id}: { file: ./secrets/${id} }`,
  ];
}

/** One runtime's part of a Compose file. */
export interface Member {
  readonly descriptor: Descriptor;
  readonly companions: Companions;
  readonly place: Place;
}

/** All top-level sections but the name. */
export function composeSections(members: readonly Member[]): string[] {
  return [
    "services:",
    ...members.flatMap((member) => indent(service(member))),
    ...members.flatMap(({ companions }) => indent(companions.services)),
    "networks:",
    ...members.map(({ place }) => `  ${place.network}: {}`),
    "volumes:",
    ...members.map(({ place }) => `  ${place.volume}: {}`),
    ...members.flatMap(({ companions }) => indent(companions.volumes)),
    "secrets:",
    ...buildSecrets.map(({ id, env }) => `  ${id}: { environment: ${env} }`),
  ];
}

/** `docker-compose.yml` of one runtime, for its folder. */
export function composeFile(descriptor: Descriptor, layout: Layout, companions: Companions = NO_COMPANIONS): string {
  const { name, title, version } = descriptor;
  const place: Place = { from: layout.folder, layout, prefix: "CLAW_", network: name, volume: "state" };
  return [
    `# ${title} ${version} with nothing but Docker (Compose 2.30 or newer). Written by \`node runtimes/generate.ts\`; what is edited here is lost.`,
    "#",
    "#   cp .env.example .env && chmod 600 .env    then fill it in; what is there reaches the claw, byte for byte",
    "#   docker compose up --wait                  pulls the image, or builds it where it cannot be pulled; healthy when it returns",
    "#   docker compose pull                       the published image anew",
    "#   docker compose up --wait --build          the image of this folder",
    "#   docker compose down                       its data stays; with -v it goes too",
    `name: ${name}`,
    ...composeSections([{ descriptor, companions, place }]),
    "",
    ...secretByFile(descriptor),
    "",
  ].join("\n");
}
