/** Makes NanoClaw's calls of Docker right for a NanoClaw in a container: other paths, a label of its own, and agents as confined as the claw. */
import { posix } from "node:path";
import type { Mount, Self } from "./self.ts";

/** NanoClaw's label has a hash of its folder, which is the same folder in every claw. */
const LABEL = /^(label=)?(nanoclaw-install=[0-9a-f]+)$/;

/** Options of `docker run` that NanoClaw uses and that have a value of their own. */
const VALUED = ["-v", "--volume", "--mount", "-e", "--env", "--name", "--label", "--user", "--entrypoint", "--add-host", "--workdir", "-w"];
const PLAIN = ["--rm", "-i", "--interactive", "-d", "--detach"];

/** @throws when a path is not on one of the claw's volumes, or an option is none that NanoClaw is known to use. */
export function rewrite(args: readonly string[], self: Self): string[] {
  if (args[0] === "ps") return args.map((arg) => labelled(arg, self));
  if (args[0] !== "run") return [...args];
  const result = ["run", ...confinement(self)];
  for (let i = 1; i < args.length; i++) {
    const arg = args[i] ?? "";
    // From the image on, all is the container's.
    if (!arg.startsWith("-")) return [...result, ...args.slice(i)];
    const [option = "", ...rest] = arg.split("=");
    if (PLAIN.includes(arg)) result.push(arg);
    else if (!VALUED.includes(option)) throw new Error(`docker run: unknown option ${option}`);
    else {
      const value = rest.length > 0 ? rest.join("=") : (args[++i] ?? "");
      result.push(option, rewritten(option, value, self));
    }
  }
  return result;
}

function rewritten(option: string, value: string, self: Self): string {
  if (option === "--label") return labelled(value, self);
  if (option === "--mount")
    return value.replace(/(^|,)(src|source)=([^,]+)/, (_, start, key, path) => `${start}${key}=${onHost(path, self.mounts)}`);
  if (option !== "-v" && option !== "--volume") return value;
  const [path = "", ...rest] = value.split(":");
  return [onHost(path, self.mounts), ...rest].join(":");
}

function labelled(value: string, { install }: Self): string {
  return value.replace(LABEL, (_, filter = "", label) => `${filter}${label}-${install}`);
}

/** The daemon's name for a path of this container. */
export function onHost(path: string, mounts: readonly Mount[]): string {
  const normal = posix.normalize(path);
  if (normal !== "/" && mounts.some(({ destination }) => destination.endsWith("docker.sock") && within(destination, normal))) {
    throw new Error(`${path} is the Docker socket or holds it; agents do not get it`);
  }
  const [mount] = mounts
    .filter(({ destination }) => within(normal, destination))
    .sort((a, b) => b.destination.length - a.destination.length);
  if (mount === undefined) throw new Error(`${path} is on no volume of this claw, so Docker cannot see it`);
  return posix.join(mount.source, posix.relative(mount.destination, normal));
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** An agent is kept as its claw is: same limits, no capabilities, and an init, without which it would not hear that it shall stop. */
function confinement({ network, memory, nanoCpus }: Self): string[] {
  const args = ["--init", "--no-healthcheck", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--pids-limit", "2048"];
  if (network !== undefined) args.push("--network", network);
  if (memory > 0) args.push("--memory", `${memory}`);
  if (nanoCpus > 0) args.push("--cpus", `${nanoCpus / 1e9}`);
  return args;
}
