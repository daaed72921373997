import { type Output, output, secret, unsecret } from "@pulumi/pulumi";
import type { Launch } from "../../runtimes/runtime.ts";
import { type RegistryLogin, registryHost } from "../image.ts";
import type { Secrets } from "../secrets.ts";
import { pullSecretName, secretHash, secretName } from "./names.ts";
import type { ClawSecret, PullSecret } from "./objects/index.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** A claw's Secret with its values, which are Pulumi secrets; its name and hash are not, and tell nothing of them. */
export interface FilledSecret extends ClawSecret {
  readonly values: Output<Record<string, string>>;
}

/**
 * @returns undefined when the claw has no secrets with a value
 * @throws RunError when one that it needs has none, or the stack has no token seed
 */
export function clawSecret(launch: Launch, secrets: Secrets): FilledSecret | undefined {
  const found = secrets.of(launch);
  if (found.size === 0) return undefined;
  const values = secret(output(Object.fromEntries(found)));
  const hash = hashOf(secrets, values);
  return {
    name: hash.apply((digits) => secretName(launch.claw, digits)),
    hash,
    keys: [...found.keys()].sort(),
    data: values.apply((texts) => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, base64(text)]))),
    values,
  };
}

/** What the cluster pulls images with. */
export function pullSecret(registry: string, { username, password }: RegistryLogin, secrets: Secrets): PullSecret {
  const config = secret(password).apply((text) => {
    const auth = { username, password: text, auth: base64(`${username}:${text}`) };
    return JSON.stringify({ auths: { [registryHost(registry)]: auth } });
  });
  return {
    name: hashOf(
      secrets,
      config.apply((text): Record<string, string> => ({ ".dockerconfigjson": text })),
    ).apply(pullSecretName),
    dockerConfig: config.apply(base64),
  };
}

function hashOf(secrets: Secrets, values: Output<Record<string, string>>): Output<string> {
  return unsecret(secrets.seed.apply((seed) => values.apply((texts) => secretHash(seed, texts))));
}
