import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import { basesMessage, buildArgsMessage, parseBases, parseBuildArgs } from "../components/environment.ts";
import { connect } from "./docker.ts";
import { messageOf, systemCode } from "./errors.ts";
import { type ClusterReport, clusterLines, examineCluster } from "./kubernetes/doctor.ts";
import { findPlugin, type Plugin } from "./plugins.ts";
import { root } from "./root.ts";
import { say, styled } from "./terminal.ts";

/** What is on this machine, and what of it is not as it should be. */
export interface Report {
  readonly node: string;
  readonly pulumi: string | undefined;
  readonly dockerPlugin: Plugin;
  readonly docker: Daemon | undefined;
  readonly kubernetesPlugin: Plugin;
  /** Undefined where nothing names a cluster. */
  readonly kubernetes: ClusterReport | undefined;
  /** Base images that stand in for the runtimes' own, by build argument. */
  readonly bases: { readonly [arg: string]: string };
  readonly problems: readonly string[];
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

/**
 * Prints what is on this machine. What only Kubernetes needs is a problem where the stack is for Kubernetes.
 *
 * @returns exit code 1 when something is missing
 */
export async function doctor(stack: string, json: boolean): Promise<number> {
  const report = await examine(settingsOf(stack));
  if (json) say(JSON.stringify(report, null, 2));
  else for (const line of reportLines(report)) say(line);
  return report.problems.length > 0 ? 1 : 0;
}

const stackFile = z.object({ config: z.record(z.string(), z.unknown()).optional() });

/** What a stack's file says of where its claws run. Read without Pulumi, which may be what is missing. */
function settingsOf(stack: string): { readonly target?: string; readonly kubeconfig?: string; readonly context?: string } {
  const file = process.env.PULUMI_OPTION_CONFIG_FILE || join(root, `Pulumi.${stack}.yaml`);
  if (!existsSync(file)) return {};
  const config = stackFile.safeParse(parse(readFileSync(file, "utf8"))).data?.config ?? {};
  const text = (key: string) => {
    const value = config[`clawfleet:${key}`];
    return typeof value === "string" ? { [key]: value } : {};
  };
  return { ...text("target"), ...text("kubeconfig"), ...text("context") };
}

async function examine({ target, ...where }: ReturnType<typeof settingsOf>): Promise<Report> {
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
  const kubernetesPlugin = findPlugin(process.env, "kubernetes");
  const kubernetes = await examineCluster(where);
  if (target === "kubernetes") {
    if (kubernetesPlugin.kind === "missing") problems.push(`no Pulumi plugin for Kubernetes: ${kubernetesPlugin.how}`);
    if (kubernetes === undefined) problems.push("no cluster: KUBECONFIG names none (`make cluster` makes one here)");
    else if ("missing" in kubernetes) problems.push(kubernetes.missing);
  }
  const bases = parseBases(process.env.CLAWFLEET_BASES);
  if (bases === undefined) problems.push(basesMessage);
  if (parseBuildArgs(process.env.CLAWFLEET_BUILD_ARGS) === undefined) problems.push(buildArgsMessage);
  return { node: process.versions.node, pulumi, dockerPlugin, docker, kubernetesPlugin, kubernetes, bases: bases ?? {}, problems };
}

async function pulumiVersion(): Promise<string | undefined> {
  try {
    return (await promisify(execFile)("pulumi", ["version"])).stdout.trim();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
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

function reportLines({ node, pulumi, dockerPlugin, docker, kubernetesPlugin, kubernetes, bases, problems }: Report): string[] {
  const line = (name: string, text: string) => `${styled("bold", name.padEnd(15))}${text}`;
  const plugin = ({ kind, version, path, how }: Plugin) => (path === undefined ? kind : `${kind} ${version} at ${path} (${how})`);
  const { cluster, storage } = clusterLines(kubernetes);
  return [
    line("Node", node),
    line("Pulumi", pulumi ?? "missing"),
    line("Docker plugin", plugin(dockerPlugin)),
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
    line("K8s plugin", plugin(kubernetesPlugin)),
    line("Kubernetes", cluster),
    ...(storage === undefined ? [] : [line("Storage", storage)]),
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
