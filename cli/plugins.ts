import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import docker from "@pulumi/docker/package.json" with { type: "json" };
import kubernetes from "@pulumi/kubernetes/package.json" with { type: "json" };

/** The SDKs' versions, which are those of their plugins. */
const versions = { docker: docker.version, kubernetes: kubernetes.version } as const;

/** A plugin of Pulumi as it is on this machine. */
export interface Plugin {
  /** `official`: the provider's published binary. `stand-in`: this repository's own, for machines that cannot get it. */
  readonly kind: "official" | "stand-in" | "missing";
  readonly version: string;
  readonly path?: string;
  /** What the kind is concluded from. */
  readonly how: string;
}

/** The plugin that Pulumi will run for this SDK: one on the PATH comes first, then the exact version in Pulumi's home. */
export function findPlugin(env: NodeJS.ProcessEnv, name: keyof typeof versions = "docker"): Plugin {
  const file = `pulumi-resource-${name}`;
  const version = versions[name];
  const home = env.PULUMI_HOME || join(env.HOME ?? homedir(), ".pulumi");
  const ambient = env.PULUMI_IGNORE_AMBIENT_PLUGINS ? [] : (env.PATH ?? "").split(delimiter).filter((dir) => dir !== "");
  const path = [...ambient, join(home, "plugins", `resource-${name}-v${version}`)].map((dir) => join(dir, file)).find(existsSync);
  if (path === undefined) return { kind: "missing", version, how: `not on the PATH, not ${version} in ${join(home, "plugins")}` };
  // The official plugin is a compiled program.
  return startOf(path) === "#!"
    ? { kind: "stand-in", version, path, how: "it is a script" }
    : { kind: "official", version, path, how: "it is a compiled program" };
}

/** The first two characters of a file. */
function startOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const start = Buffer.alloc(2);
    readSync(file, start);
    return start.toString();
  } finally {
    closeSync(file);
  }
}
