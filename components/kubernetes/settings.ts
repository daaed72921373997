import { DEFAULT_REGISTRY } from "../build.ts";
import { namespaceOf } from "./names.ts";

/** Where and how a stack's fleet runs on Kubernetes; never what runs. */
export interface KubernetesSettings {
  /** Path of the file with the cluster's address and credentials. @default KUBECONFIG, else ~/.kube/config */
  readonly kubeconfig?: string;
  /** @default the file's current one */
  readonly context?: string;
  /** The fleet's own namespace. @default clawfleet-<stack> */
  readonly namespace: string;
  /** @default the cluster's default class */
  readonly storageClass?: string;
  /** Size of each claw's state, as a Kubernetes quantity. A claim keeps the size that it was made with. @default 1Gi */
  readonly storageSize: string;
  /** Registry and path that images are pushed to and pulled from: `registry.example.com/claws`. @default where the published ones are, if `images` is pull */
  readonly registry: string;
  /** @default no login */
  readonly registryUser?: string;
  /** Secrets with logins that are in the namespace already. */
  readonly imagePullSecrets: readonly string[];
  /** @default the cluster's default */
  readonly runtimeClass?: string;
  /** false = users in a pod are others on the node. @default the cluster's default */
  readonly hostUsers?: boolean;
  /** Over what follows from the fleet: `{ "requests.storage": "20Gi" }`. */
  readonly quota: { readonly [resource: string]: string };
  /** Seconds that a claw has to become ready. @default 180 and what its runtime takes to start on a slow machine */
  readonly readyTimeout?: number;
  /** Whether the next version of a claw is tried beside it before it takes its place. @default true */
  readonly trial: boolean;
}

/** What is wrong in the stack's config: a line each. */
export class SettingsError extends Error {}

/** Gives the text of a key of the stack's config, namespace `clawfleet`; a list or a map as JSON. */
export type Lookup = (key: string) => string | undefined;

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const QUANTITY = /^\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;
// Registry host with an optional port, then a path: what is left of an image's name without its last part and tag.
const REGISTRY = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

/** Namespaces that are the cluster's or everybody's: a quota and a policy for all in it would be felt by others. */
const TAKEN = /^(default|kube-.*)$/;

/**
 * Reads a stack's settings for Kubernetes.
 *
 * @throws SettingsError with all that is wrong.
 */
export function kubernetesSettings(stack: string, lookup: Lookup): KubernetesSettings {
  const problems: string[] = [];
  const problem = (key: string, what: string) => {
    problems.push(`clawfleet:${key} ${what}`);
    return undefined;
  };
  /** The text when it has this form. */
  const text = (key: string, form: RegExp, what: string) => {
    const value = lookup(key);
    if (value === undefined || form.test(value)) return value;
    return problem(key, `is ${JSON.stringify(value)}; it must be ${what}`);
  };
  const flag = (key: string) => {
    const value = text(key, /^(true|false)$/, "true or false");
    return value === undefined ? undefined : value === "true";
  };
  const name = "a name as Kubernetes has them: lower-case letters, digits, dashes and dots";
  const quantity = 'a quantity like "1Gi" or "500m"';

  const json = (key: string, what: string): unknown => {
    const value = lookup(key);
    if (value === undefined) return undefined;
    try {
      return JSON.parse(value);
    } catch (error) {
      if (error instanceof SyntaxError) return problem(key, `must be ${what}`);
      throw error;
    }
  };
  const names = (key: string) => {
    const what = 'a list of names: ["login"]';
    const value = json(key, what) ?? [];
    if (Array.isArray(value)) {
      const good = value.filter((one): one is string => typeof one === "string" && SUBDOMAIN.test(one));
      if (good.length === value.length) return good;
    }
    problem(key, `must be ${what}`);
    return [];
  };
  const quantitiesByName = (key: string) => {
    const what = 'a map of quantities: {"requests.storage": "20Gi"}';
    const value = json(key, what) ?? {};
    const result: Record<string, string> = {};
    if (typeof value !== "object" || value === null || Array.isArray(value)) problem(key, `must be ${what}`);
    else {
      for (const [resource, amount] of Object.entries(value)) {
        if ((typeof amount === "string" || typeof amount === "number") && QUANTITY.test(String(amount))) result[resource] = String(amount);
        else problem(key, `has no quantity for ${resource}; it must be ${what}`);
      }
    }
    return result;
  };

  const kubeconfig = text("kubeconfig", /^[^\n{]+$/, "the path of a file; credentials themselves do not belong into a stack's config");
  const context = lookup("context");
  const namespace = lookup("namespace") ?? namespaceOf(stack);
  if (!LABEL.test(namespace)) {
    const what = "lower-case letters, digits and dashes, at most 63";
    if (lookup("namespace") === undefined)
      problem("namespace", `is needed: "${namespace}", from the stack's name, is none. It has ${what}`);
    else problem("namespace", `is ${JSON.stringify(namespace)}; it must be ${what}`);
  } else if (TAKEN.test(namespace)) {
    problem("namespace", `is "${namespace}", which is not only this fleet's; a fleet has a namespace of its own`);
  }
  const storageClass = text("storageClass", SUBDOMAIN, name);
  const storageSize = text("storageSize", QUANTITY, quantity) ?? "1Gi";
  const registry = text("registry", REGISTRY, 'a registry and a path like "registry.example.com/claws", without https:// and tag');
  if (lookup("registry") === undefined && lookup("images") !== "pull") {
    problem(
      "registry",
      "is not set: a cluster pulls its images, so say where to: pulumi config set clawfleet:registry registry.example.com/claws",
    );
  }
  const registryUser = lookup("registryUser");
  const runtimeClass = text("runtimeClass", SUBDOMAIN, name);
  const hostUsers = flag("hostUsers");
  const seconds = text("readyTimeout", /^[1-9]\d{0,4}$/, "a whole number of seconds");
  const rest = { imagePullSecrets: names("imagePullSecrets"), quota: quantitiesByName("quota"), trial: flag("trial") ?? true };
  if (problems.length > 0) throw new SettingsError(problems.join("\n"));
  return {
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
    namespace,
    ...(storageClass !== undefined && { storageClass }),
    storageSize,
    registry: registry ?? DEFAULT_REGISTRY,
    ...(registryUser !== undefined && { registryUser }),
    ...(runtimeClass !== undefined && { runtimeClass }),
    ...(hostUsers !== undefined && { hostUsers }),
    ...(seconds !== undefined && { readyTimeout: Number(seconds) }),
    ...rest,
  };
}

/** Seconds that a claw has to become ready. */
export function readySeconds({ readyTimeout }: KubernetesSettings, startupSeconds: number): number {
  return readyTimeout ?? 180 + startupSeconds;
}
