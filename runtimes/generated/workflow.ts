import { readFileSync } from "node:fs";
import { posix } from "node:path";
import type { Descriptor } from "../runtime.ts";
import type { Layout } from "./layout.ts";

const owner = "codervisor";

/** `{word}` stands for a value; a line that is nothing else for as many lines as there are. GitHub's own `${{ }}` and Docker's `{{ }}` have spaces. */
const template = readFileSync(new URL("workflow.template.yml", import.meta.url), "utf8");

/** A version without its last number: `v0.2.9` is `v0.2`. The version itself where it has no three numbers. */
export function minorOf(version: string): string {
  return /^(.*\d\.\d+)\.\d+$/.exec(version)?.[1] ?? version;
}

/** Shell lines of the smoke test, in the runtime's folder. */
function smoke({ name, port, uid, health, docker, variables }: Descriptor): string[] {
  const required = variables.filter((each) => each.required);
  return [
    ...required.map((each) => `echo "${each.name}=$(openssl rand -hex 32)" >> .env`),
    ...(docker === undefined
      ? []
      : ["export DOCKER_SOCKET=/var/run/docker.sock", "DOCKER_SOCKET_GID=$(stat -c %g /var/run/docker.sock)", "export DOCKER_SOCKET_GID"]),
    "trap 'docker compose logs --no-color; docker compose down --volumes' EXIT",
    `docker compose up --detach --no-build --pull never --wait --wait-timeout ${health.startupSeconds + 60}`,
    `curl --fail --silent --show-error --max-time 10 http://127.0.0.1:${port}${health.path}`,
    `test "$(docker compose exec -T ${name} id -u)" = ${uid}`,
  ];
}

/** The workflow that builds, tests, scans and publishes a runtime's image, for both processors on machines of their own kind. */
export function workflow(descriptor: Descriptor, layout: Layout): string {
  const { name, title, version } = descriptor;
  const own = layout.folder === ".";
  const paths = [`${layout.folder}/**`, `${layout.context}/entrypoint/**`, layout.workflow];
  const values: { readonly [word: string]: string | readonly string[] } = {
    name,
    title,
    version,
    owner,
    image: `ghcr.io/${owner}/${name}`,
    minor: minorOf(version),
    workflow: own ? "docker" : name,
    tags: own ? "v*" : `${name}-v*`,
    paths: own ? [] : [`paths: [${paths.map((path) => `"${path}"`).join(", ")}]`],
    folder: layout.folder,
    context: layout.context,
    dockerfile: posix.join(layout.folder, "Dockerfile"),
    smoke: smoke(descriptor),
  };
  const textOf = (word: string): string | readonly string[] => {
    const value = values[word];
    if (value === undefined) throw new Error(`workflow.template.yml: {${word}} is not known`);
    return value;
  };
  const fill = (line: string): string[] => {
    const [, indent = "", word] = /^( *)\{([a-z]+)\}$/.exec(line) ?? [];
    const lines = word === undefined ? undefined : textOf(word);
    if (typeof lines === "object") return lines.map((each) => indent + each);
    return [line.replace(/(?<!\{)\{([a-z]+)\}/g, (_, each: string) => [textOf(each)].flat().join(" "))];
  };
  return template.split("\n").flatMap(fill).join("\n");
}
