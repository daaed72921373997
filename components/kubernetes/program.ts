import { log, RunError, runtime, secret } from "@pulumi/pulumi";
import type { RegistryLogin } from "../image.ts";
import type { Program, ProgramArgs } from "../program.ts";
import { type Cluster, clusterOf, NoCluster } from "./cluster.ts";
import { KubernetesFleet } from "./fleet.ts";
import { namespaceObjects } from "./objects/index.ts";
import { type Problem, problemsOf } from "./preflight.ts";
import { refuseOnKubernetes } from "./refused.ts";
import { Provider } from "./resources.ts";
import { clusterRollout } from "./rollout.ts";
import { makeRoom } from "./room.ts";
import { type KubernetesSettings, kubernetesSettings, SettingsError } from "./settings.ts";

/** The program's part for a Kubernetes cluster. */
export const program: Program = async ({ loaded, launches, stack, config, env, secrets, bases, buildArgs, images }) => {
  const settings = settingsOf(stack, config);
  refuseOnKubernetes(loaded);
  const login = loginOf(config, env, settings);
  // For who wants the images alone, by --target: then no cluster is needed.
  const cluster = env.CLAWFLEET_IMAGES_ONLY === "1" ? undefined : await ready(settings);
  const changing = cluster !== undefined && !runtime.isDryRun();
  const { hard } = namespaceObjects({ launches, stack, settings }).quota.spec;
  const quotaLast = changing && (await makeRoom(cluster, settings.namespace, hard));
  return () => {
    const { kubeconfig, context } = settings;
    const where = { ...(kubeconfig !== undefined && { kubeconfig }), ...(context !== undefined && { context }) };
    return new KubernetesFleet("fleet", {
      launches,
      stack,
      settings,
      secrets,
      provider: new Provider("kubernetes", where),
      namespaceProvider: new Provider("kubernetes-namespace", where, true),
      login,
      bases,
      buildArgs,
      images,
      quotaLast,
      // A preview changes nothing, so there is nothing to try.
      rollout: changing ? clusterRollout(cluster, settings) : undefined,
    });
  };
};

function settingsOf(stack: string, config: ProgramArgs["config"]): KubernetesSettings {
  try {
    return kubernetesSettings(stack, (key) => config.get(key));
  } catch (error) {
    // Its lines say it all: no stack trace.
    throw error instanceof SettingsError ? new RunError(error.message) : error;
  }
}

/** Who may push to the registry and pull from it: of the stack's config, else of the environment. */
function loginOf(config: ProgramArgs["config"], env: ProgramArgs["env"], settings: KubernetesSettings): RegistryLogin | undefined {
  const username = settings.registryUser ?? (env.CLAWFLEET_REGISTRY_USER || undefined);
  const stored = config.getSecret("registryPassword");
  const password = stored ?? (env.CLAWFLEET_REGISTRY_PASSWORD ? secret(env.CLAWFLEET_REGISTRY_PASSWORD) : undefined);
  if (username === undefined && password === undefined) return undefined;
  if (username !== undefined && password !== undefined) return { username, password };
  const [have, lack, how] =
    username === undefined
      ? ["password", "user", "pulumi config set clawfleet:registryUser NAME (or CLAWFLEET_REGISTRY_USER in the environment)"]
      : ["user", "password", "pulumi config set --secret clawfleet:registryPassword (or CLAWFLEET_REGISTRY_PASSWORD in the environment)"];
  throw new RunError(`there is a ${have} for the registry ${settings.registry}, but no ${lack}: ${how}`);
}

/** The cluster, when nothing is known to be wrong there; undefined in a preview that has none. */
async function ready(settings: KubernetesSettings): Promise<Cluster | undefined> {
  const [cluster, problems] = await looked(settings);
  const away = problems.filter(({ kind }) => kind === "cluster");
  if (problems.length > away.length || (away.length > 0 && !runtime.isDryRun())) {
    throw new RunError(problems.map(({ message }) => message).join("\n"));
  }
  for (const { message } of away) await log.warn(`${message}. The preview goes by what is known without it.`);
  return cluster;
}

async function looked(settings: KubernetesSettings): Promise<[Cluster | undefined, Problem[]]> {
  try {
    const cluster = await clusterOf(settings);
    return [cluster, await problemsOf(cluster, settings)];
  } catch (error) {
    if (error instanceof NoCluster) return [undefined, [{ kind: "cluster", message: error.message }]];
    throw error;
  }
}
