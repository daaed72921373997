import { execFile } from "node:child_process";
import { existsSync, openSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import sdk from "@pulumi/docker/package.json" with { type: "json" };
import { z } from "zod";
import { basesMessage, buildArgsMessage, parseBases, parseBuildArgs } from "../components/environment.ts";
import { connect } from "./docker.ts";
import { messageOf, systemCode } from "./errors.ts";
import { say, styled } from "./terminal.ts";

/** What is on this machine, and what of it is not as it should be. */
export interface Report {
  readonly node: string;
  readonly pulumi: string | undefined;
  readonly dockerPlugin: Plugin;
  readonly docker: Daemon | undefined;
  /** Base images that stand in for the runtimes' own, by build argument. */
  readonly bases: { readonly [arg: string]: string };
  readonly problems: readonly string[];
}

interface Plugin {
  /** `official`: the provider's published binary. `stand-in`: this repository's own, for machines that cannot get it. */
  readonly kind: "official" | "stand-in" | "missing";
  readonly version: string;
  readonly path?: string;
  /** What the kind is concluded from. */
  readonly how: string;
}

interface Daemon {
  readonly host: string;
  readonly version: string;
  readonly api: string;
  readonly rootless: boolean;
  /** E.g. `v2 (systemd)`; `v1 (none)` = no limits. */
  readonly cgroups: string;
  /** Whether memory and CPU limits have an effect. */
  readonly limitsEnforced: boolean;
  readonly storage: string;
}

/** Prints what is on this machine. @returns exit code 1 when something is missing */
export async function doctor(json: boolean): Promise<number> {
  const report = await examine();
  if (json) say(JSON.stringify(report, null, 2));
  else for (const line of reportLines(report)) say(line);
  return report.problems.length > 0 ? 1 : 0;
}

async function examine(): Promise<Report> {
  const problems: string[] = [];
  const pulumi = await pulumiVersion();
  if (pulumi === undefined) problems.push("pulumi is not on the PATH: `make shell` opens a shell that has it");
  if (Number(process.versions.node.split(".")[0]) < 24) problems.push(`Node ${process.versions.node} is too old: 24 or newer`);
  const dockerPlugin = findPlugin(process.env);
  if (dockerPlugin.kind === "missing") problems.push(`no Pulumi plugin for Docker: ${dockerPlugin.how}`);
  const docker = await daemon().catch((error: unknown) => {
    problems.push(messageOf(error));
    return undefined;
  });
  if (docker?.rootless === false)
    problems.push(`the Docker daemon at ${docker.host} runs as root: whoever reaches its socket is root on this machine`);
  const bases = parseBases(process.env.CLAWFLEET_BASES);
  if (bases === undefined) problems.push(basesMessage);
  if (parseBuildArgs(process.env.CLAWFLEET_BUILD_ARGS) === undefined) problems.push(buildArgsMessage);
  return { node: process.versions.node, pulumi, dockerPlugin, docker, bases: bases ?? {}, problems };
}

async function pulumiVersion(): Promise<string | undefined> {
  try {
    return (await promisify(execFile)("pulumi", ["version"])).stdout.trim();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The plugin that Pulumi will run for this SDK: one on the PATH comes first, then the exact version in Pulumi's home. */
export function findPlugin(env: NodeJS.ProcessEnv): Plugin {
  const file = "pulumi-resource-docker";
  const home = env.PULUMI_HOME || join(env.HOME ?? homedir(), ".pulumi");
  const ambient = env.PULUMI_IGNORE_AMBIENT_PLUGINS ? [] : (env.PATH ?? "").split(delimiter).filter((dir) => dir !== "");
  const path = [...ambient, join(home, "plugins", `resource-docker-v${sdk.version}`)].map((dir) => join(dir, file)).find(existsSync);
  const { version } = sdk;
  if (path === undefined) return { kind: "missing", version, how: `not on the PATH, not ${version} in ${join(home, "plugins")}` };
  const start = Buffer.alloc(2);
  readSync(openSync(path, "r"), start);
  // The official plugin is a compiled program.
  return start.toString() === "#!"
    ? { kind: "stand-in", version, path, how: "it is a script" }
    : { kind: "official", version, path, how: "it is a compiled program" };
}

const info = z.object({
  Driver: z.string(),
  SecurityOptions: z.array(z.string()).nullish(),
  CgroupDriver: z.string(),
  CgroupVersion: z.string().optional(),
  MemoryLimit: z.boolean(),
});

async function daemon(): Promise<Daemon> {
  const docker = await connect();
  const [version, asked] = await Promise.all([docker.version(), docker.info()]);
  const { Driver, SecurityOptions, CgroupDriver, CgroupVersion = "1", MemoryLimit } = info.parse(asked);
  const rootless = (SecurityOptions ?? []).some((option) => option.startsWith("name=rootless"));
  return {
    host: process.env.DOCKER_HOST || "unix:///var/run/docker.sock",
    version: version.Version,
    api: version.ApiVersion,
    rootless,
    cgroups: `v${CgroupVersion} (${CgroupDriver})`,
    limitsEnforced: MemoryLimit && CgroupDriver !== "none",
    storage: Driver,
  };
}

function reportLines({ node, pulumi, dockerPlugin, docker, bases, problems }: Report): string[] {
  const line = (name: string, text: string) => `${styled("bold", name.padEnd(15))}${text}`;
  const { kind, version, path, how } = dockerPlugin;
  return [
    line("Node", node),
    line("Pulumi", pulumi ?? "missing"),
    line("Docker plugin", path === undefined ? kind : `${kind} ${version} at ${path} (${how})`),
    line(
      "Docker",
      docker
        ? `${docker.version}, API ${docker.api}, ${docker.rootless ? "rootless" : "ROOTFUL"}, ${docker.storage}, ${docker.host}`
        : "missing",
    ),
    ...(docker
      ? [
          line(
            "Limits",
            `cgroups ${docker.cgroups}: memory and CPU limits are ${docker.limitsEnforced ? "enforced" : "accepted, not enforced"}`,
          ),
        ]
      : []),
    line(
      "Base images",
      Object.keys(bases).length > 0
        ? Object.entries(bases)
            .map(([arg, image]) => `${arg}=${image}`)
            .join(" ")
        : "the runtimes' own, pinned by digest",
    ),
    ...problems.map((problem) => line("Problem", problem)),
  ];
}
