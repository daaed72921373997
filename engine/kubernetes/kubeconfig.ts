import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { isProps, object, objects, type Props, str, toValue } from "../plugin/value.ts";

/** A kubeconfig's entries by name. */
export interface Config {
  readonly clusters: ReadonlyMap<string, Props>;
  readonly users: ReadonlyMap<string, Props>;
  readonly contexts: ReadonlyMap<string, Props>;
  readonly current: string;
}

/** What a provider's own options choose instead of the kubeconfig's. */
export interface Overrides {
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly namespace?: string | undefined;
}

/** The cluster to talk to, and as whom. */
export interface Target {
  readonly name: string;
  readonly cluster: Props;
  readonly user: Props;
}

/** Keys that name files; relative ones are relative to the kubeconfig. */
const FILES = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

function absolute(entry: Props, base: string | undefined): Props {
  if (base === undefined) return entry;
  const moved = { ...entry };
  for (const key of FILES) {
    const file = str(entry, key);
    if (file !== undefined && !isAbsolute(file)) moved[key] = join(base, file);
  }
  return moved;
}

const named = (props: Props, list: string, inner: string, base?: string): Map<string, Props> =>
  new Map(objects(props, list).map((entry) => [str(entry, "name") ?? "", absolute(object(entry, inner) ?? {}, base)]));

/** Parses a kubeconfig's text (YAML or JSON). Errors do not repeat it: it holds credentials. */
export async function parseKubeconfig(contents: string, base?: string): Promise<Config> {
  let value: unknown;
  try {
    value = contents.trimStart().startsWith("{") ? JSON.parse(contents) : (await import("yaml")).parse(contents, { logLevel: "error" });
  } catch {
    throw new Error("it is neither YAML nor JSON");
  }
  const props = toValue(value ?? {});
  if (!isProps(props)) throw new Error("it is no file that is there, and no kubeconfig either");
  return {
    clusters: named(props, "clusters", "cluster", base),
    users: named(props, "users", "user", base),
    contexts: named(props, "contexts", "context", base),
    current: str(props, "current-context") ?? "",
  };
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The kubeconfig of a provider's `kubeconfig`: a file's path, or the text itself. */
export async function readKubeconfig(pathOrContents: string): Promise<Config> {
  const path =
    pathOrContents === "~" ? homedir() : pathOrContents.startsWith("~/") ? join(homedir(), pathOrContents.slice(2)) : pathOrContents;
  const short = !path.includes("\n") && path.length < 4096;
  if (short && isFile(path)) return await parseKubeconfig(readFileSync(path, "utf8"));
  if (short && /^[~./]/.test(pathOrContents)) throw new Error(`${pathOrContents}: no such file`);
  return await parseKubeconfig(pathOrContents);
}

function merge(configs: readonly Config[]): Config {
  const first = (key: "clusters" | "users" | "contexts"): Map<string, Props> =>
    new Map(configs.toReversed().flatMap((config) => [...config[key]]));
  return {
    clusters: first("clusters"),
    users: first("users"),
    contexts: first("contexts"),
    current: configs.find((config) => config.current !== "")?.current ?? "",
  };
}

/** The kubeconfig that kubectl would use: the files of KUBECONFIG, of which the first to say something wins, else ~/.kube/config. */
export async function ambientKubeconfig(env: NodeJS.ProcessEnv): Promise<Config> {
  const files = env.KUBECONFIG ? env.KUBECONFIG.split(delimiter).filter(Boolean) : [join(homedir(), ".kube/config")];
  const there = files.filter(isFile);
  return merge(
    await Promise.all(
      there.map(async (file) => {
        try {
          return await parseKubeconfig(readFileSync(file, "utf8"), dirname(file));
        } catch (error) {
          throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }),
    ),
  );
}

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The cluster that this process runs in; undefined outside one. */
function inCluster(env: NodeJS.ProcessEnv): Target | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port || !isFile(`${ACCOUNT}/token`)) return undefined;
  return {
    name: "in-cluster",
    cluster: { server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`, "certificate-authority": `${ACCOUNT}/ca.crt` },
    user: { tokenFile: `${ACCOUNT}/token` },
  };
}

/** The cluster and user that a kubeconfig and a provider's options choose; an error that says what is missing. */
export function target(config: Config, overrides: Overrides, env: NodeJS.ProcessEnv): Target {
  const name = overrides.context ?? config.current;
  if (config.clusters.size === 0 && name === "") {
    const inside = inCluster(env);
    if (inside) return inside;
    throw new Error(
      "invalid configuration: no configuration has been provided. Set kubeconfig (clawfleet:kubeconfig of the stack) or KUBECONFIG",
    );
  }
  const context = config.contexts.get(name);
  if (!context) {
    throw new Error(
      name === ""
        ? "invalid configuration: the kubeconfig has no current-context"
        : `invalid configuration: context "${name}" does not exist`,
    );
  }
  const clusterName = overrides.cluster ?? str(context, "cluster") ?? "";
  const cluster = config.clusters.get(clusterName);
  if (!cluster || str(cluster, "server") === undefined) {
    throw new Error(`invalid configuration: cluster "${clusterName}" of context "${name}" does not exist or has no server`);
  }
  return { name, cluster, user: config.users.get(str(context, "user") ?? "") ?? {} };
}

/** The namespace of objects that name none. */
export function defaultNamespace(config: Config, overrides: Overrides): string {
  const context = config.contexts.get(overrides.context ?? config.current);
  return overrides.namespace ?? (context && str(context, "namespace")) ?? "default";
}

/** The cluster that a provider's inputs point at, to tell whether it is another one; undefined when they leave it open. */
export function activeCluster(config: Config, overrides: Overrides): Props | undefined {
  const context = config.contexts.get(overrides.context ?? config.current);
  if (!context) return undefined;
  return config.clusters.get(overrides.cluster ?? str(context, "cluster") ?? "");
}
