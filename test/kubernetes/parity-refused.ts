/** A claw that Kubernetes refuses for the Docker access that it needs, run there all the same without it: its objects are applied by kubectl. */
import { clawObjects } from "../../components/kubernetes/objects/claw.ts";
import { kubernetesSettings } from "../../components/kubernetes/settings.ts";
import { gatewayToken, tokenHash } from "../../components/token.ts";
import type { Launch } from "../../runtimes/runtime.ts";
import type { KubernetesStack } from "./stack.ts";

/**
 * @param image `repository@sha256:...`
 * @param keys values of the secrets by name
 */
export async function applyWithoutDocker(
  stack: KubernetesStack,
  refused: Launch,
  image: string,
  keys: { readonly [name: string]: string },
): Promise<void> {
  const launch: Launch = { ...refused, docker: "none" };
  const token = gatewayToken(stack.env.CLAWFLEET_TOKEN_SEED ?? "", launch.claw);
  const values = Object.entries(launch.secretEnv).map(([name, source]): [string, string] => {
    const value = source.kind === "ref" ? (keys[source.name] ?? "") : source.hash === "sha256" ? tokenHash(token) : token;
    return [name, Buffer.from(value).toString("base64")];
  });
  const login = await stack.kubectl("get", "secrets", "--field-selector", "type=kubernetes.io/dockerconfigjson", "--output", "name");
  const config: { readonly [key: string]: string } = { registry: image.slice(0, image.indexOf("@")), namespace: stack.namespace };
  const objects = clawObjects({
    launch,
    launches: [launch],
    stack: stack.name,
    settings: kubernetesSettings(stack.name, (key) => config[key]),
    image,
    secret: { name: `${launch.claw}-parity`, hash: "parity", keys: values.map(([name]) => name), data: Object.fromEntries(values) },
    pullSecrets: login.split("\n").flatMap((name) => (name === "" ? [] : [name.replace(/^secret\//, "")])),
  });
  await stack.cluster.apply(...Object.values(objects).filter((object) => object !== undefined));
  await stack.kubectl("rollout", "status", `statefulset/${launch.claw}`, "--timeout=120s");
}
