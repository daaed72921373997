import { isProps, type Props, same, str, type Value } from "../plugin/value.ts";
import { type Connection, connect } from "./connection.ts";
import { activeCluster, ambientKubeconfig, type Config, defaultNamespace, type Overrides, readKubeconfig, target } from "./kubeconfig.ts";
import { isUnknown, plain, plainProps } from "./secrets.ts";

/** All options that the official plugin has. */
const KNOWN = new Set(
  (
    "alwaysRender cluster clusterIdentifier context deleteUnreachable enableConfigMapMutable enablePatchForce enableReplaceCRD enableSecretMutable " +
    "enableServerSideApply helmReleaseSettings kubeClientSettings kubeconfig namespace pluginDownloadURL rejectUnknownResources " +
    "renderYamlToDirectory skipUpdateUnreachable strictMode suppressDeprecationWarnings suppressHelmHookWarnings upsertExistingObjects version"
  ).split(" "),
);

const truthy = (value: Value | undefined): boolean => value === true || (typeof value === "string" && value !== "");
const isTrue = (value: Value | undefined): boolean => value === true || value === "true";

/** Where the cluster is, or why nobody can say. */
type Place = { readonly connection: Connection } | { readonly why: string };

export interface Settings {
  readonly namespace: () => Promise<string>;
  readonly place: () => Promise<Place>;
  readonly deleteUnreachable: boolean;
  readonly skipUpdateUnreachable: boolean;
  readonly upsert: boolean;
  readonly force: boolean;
  readonly mutable: { readonly secrets: boolean; readonly configMaps: boolean };
  /** Directory for YAML in place of a cluster; undefined = a cluster. */
  readonly render: string | undefined;
  readonly alwaysRender: boolean;
  /** Milliseconds for one request. */
  readonly timeout: number | undefined;
}

const overridesOf = (inputs: Props): Overrides => ({
  context: str(inputs, "context"),
  cluster: str(inputs, "cluster"),
  namespace: str(inputs, "namespace"),
});

const kubeconfigText = (value: Value | undefined): string | undefined => {
  if (isProps(value)) return JSON.stringify(value);
  return typeof value === "string" && value !== "" ? value : undefined;
};

const SETUP = "https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/";

/** The settings of a configured provider. Nothing is read before it is needed. */
export function settings(args: Props, env: NodeJS.ProcessEnv): Settings {
  const inputs = plainProps(args);
  const flag = (name: string, variable: string): boolean =>
    inputs[name] === undefined || inputs[name] === null ? env[variable] === "true" : isTrue(inputs[name]);
  const given = kubeconfigText(inputs.kubeconfig);
  const overrides = overridesOf(inputs);
  let read: Promise<Config> | undefined;
  const config = (): Promise<Config> => {
    read ??= given === undefined ? ambientKubeconfig(env) : readKubeconfig(given);
    return read;
  };
  let place: Promise<Place> | undefined;
  const find = async (): Promise<Place> => {
    let loaded: Config;
    try {
      loaded = await config();
    } catch (error) {
      return {
        why: `failed to parse kubeconfig data in \`kubernetes:config:kubeconfig\`- ${error instanceof Error ? error.message : error}`,
      };
    }
    try {
      return { connection: await connect(target(loaded, overrides, env), env) };
    } catch (error) {
      return {
        why: `unable to load Kubernetes client configuration from kubeconfig file. Make sure you have: \n\n \t • set up the provider as per ${SETUP} \n\n ${error instanceof Error ? error.message : error}`,
      };
    }
  };
  const client = jsonObject(inputs.kubeClientSettings);
  const seconds = Number(client.timeout ?? env.PULUMI_K8S_CLIENT_TIMEOUT ?? 0);
  return {
    namespace: async () => {
      try {
        return defaultNamespace(await config(), overrides);
      } catch {
        // What is wrong with the kubeconfig is said where the cluster is needed.
        return overrides.namespace ?? "";
      }
    },
    place: async () => {
      place ??= find();
      return await place;
    },
    deleteUnreachable: flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
    skipUpdateUnreachable: flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
    upsert: flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
    force: flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
    mutable: {
      secrets: flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
      configMaps: flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
    },
    render: str(inputs, "renderYamlToDirectory"),
    alwaysRender: isTrue(inputs.alwaysRender),
    timeout: seconds > 0 ? seconds * 1000 : undefined,
  };
}

function jsonObject(value: Value | undefined): Props {
  if (isProps(value)) return value;
  if (typeof value !== "string" || value === "") return {};
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? Object.fromEntries(Object.entries(parsed)) : {};
  } catch {
    throw new Error("failed to unmarshal kubeClientSettings option: it is no JSON object");
  }
}

export interface Failure {
  readonly property: string;
  readonly reason: string;
}

/** What is wrong with a provider's inputs. */
export function checkProvider(urn: string, given: Props, env: NodeJS.ProcessEnv): readonly Failure[] {
  const inputs = plainProps(given);
  const failures: Failure[] = [];
  const fail = (property: string, reason: string): void => void failures.push({ property, reason });
  if (isTrue(inputs.strictMode)) {
    if (/::default(_|$)/.test(urn)) fail("", "strict mode prohibits default provider");
    for (const key of ["kubeconfig", "context"]) if (!truthy(inputs[key])) fail(key, `strict mode requires Provider "${key}" argument`);
  }
  const renders = truthy(inputs.renderYamlToDirectory);
  if (renders) {
    for (const key of ["cluster", "context", "kubeconfig"]) {
      // The SDK takes kubeconfig from the environment by itself.
      if (key === "kubeconfig" && env.KUBECONFIG && inputs.kubeconfig === env.KUBECONFIG) continue;
      if (truthy(inputs[key])) fail(key, `"${key}" arg is not compatible with "renderYamlToDirectory" arg`);
    }
  } else if (isTrue(inputs.alwaysRender)) fail("alwaysRender", '"alwaysRender" requires "renderYamlToDirectory" to be set');
  if (
    inputs.enableServerSideApply === false ||
    inputs.enableServerSideApply === "false" ||
    env.PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY === "false"
  ) {
    fail(
      "enableServerSideApply",
      "client-side apply is not implemented by this stand-in for the kubernetes plugin: leave enableServerSideApply out, or install the official plugin",
    );
  }
  for (const key of Object.keys(inputs)) {
    if (!KNOWN.has(key) && !key.startsWith("__")) fail(key, `unknown option "${key}": known are ${[...KNOWN].join(", ")}`);
  }
  return failures;
}

export interface ProviderDifference {
  readonly changed: readonly string[];
  readonly replaces: readonly string[];
}

/** What a change of the provider's inputs means: another cluster or another directory replaces everything that it manages. */
export async function diffProvider(oldInputs: Props, newInputs: Props): Promise<ProviderDifference> {
  const olds = plainProps(oldInputs);
  const news = plainProps(newInputs);
  const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter((key) => !same(olds[key], news[key])).sort();
  if (changed.length === 0) return { changed, replaces: [] };
  const identified = olds.clusterIdentifier !== undefined && news.clusterIdentifier !== undefined;
  const keep = identified && !changed.includes("clusterIdentifier");
  const unknown = ["kubeconfig", "context", "cluster"].find((key) => isUnknown(plain(news[key] ?? null)));
  if (unknown !== undefined) return { changed: [unknown], replaces: keep ? [] : [unknown] };
  const replaces = identified && changed.includes("clusterIdentifier") ? ["clusterIdentifier"] : [];
  if (changed.includes("renderYamlToDirectory")) replaces.push("renderYamlToDirectory");
  const before = await cluster(olds);
  const after = await cluster(news);
  if (before && after && !same(before, after))
    replaces.push(...["kubeconfig", "context", "cluster"].filter((key) => changed.includes(key)));
  return { changed, replaces: keep ? [] : replaces };
}

async function cluster(inputs: Props): Promise<Props | undefined> {
  const given = kubeconfigText(inputs.kubeconfig);
  if (given === undefined) return undefined;
  try {
    return activeCluster(await readKubeconfig(given), overridesOf(inputs));
  } catch (error) {
    throw new Error(`failed to parse kubeconfig: ${error instanceof Error ? error.message : error}`);
  }
}
