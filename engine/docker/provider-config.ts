import { isProps, type Props, toValue, type Value } from "../plugin/value.ts";
import { check } from "./check.ts";
import type { Credentials } from "./kind.ts";
import { type Fields, string, unsupported } from "./schema.ts";

const fields: Fields = {
  host: string(),
  registryAuth: string(),
  disableDockerDaemonCheck: string(),
  version: string(),
  pluginDownloadURL: string(),
  ...unsupported(["context", "sshOpts"], "give host: a unix:// or tcp:// address; forward an ssh host's socket with ssh -L"),
  ...unsupported(["caMaterial", "certMaterial", "certPath", "keyMaterial"], "TLS to the daemon is for the official plugin"),
};

export interface Settings {
  /** Address of the daemon. */
  readonly host: string;
  readonly credentials: (registry: string) => Credentials | undefined;
}

/** What is wrong with a provider's inputs, one sentence each. */
export function checkProvider(name: string, inputs: Props): readonly string[] {
  const known = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, typeof value === "boolean" ? String(value) : value]));
  const failures = [...check(fields, known, {}, { logical: name, seed: new Uint8Array() }, false).failures];
  try {
    if (inputs.registryAuth !== undefined) registries(inputs.registryAuth);
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }
  return failures;
}

const host = (address: string): string => {
  const name = address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return name === "index.docker.io" || name === "registry-1.docker.io" ? "docker.io" : name;
};

function registries(json: Value | undefined): Map<string, Credentials> {
  const known = new Map<string, Credentials>();
  if (typeof json !== "string") return known;
  let list: Value;
  try {
    list = toValue(JSON.parse(json));
  } catch {
    // The text may hold a password: it must not be repeated.
    throw new Error("registryAuth is not a JSON list");
  }
  for (const entry of Array.isArray(list) ? list : [list]) {
    if (!isProps(entry) || typeof entry.address !== "string") throw new Error("registryAuth: every entry needs an address");
    const { address, username, password } = entry;
    if (entry.configFile !== undefined || entry.configFileContent !== undefined) {
      throw new Error(
        `registryAuth of ${address}: configFile is not implemented by this stand-in for the docker plugin; give username and password`,
      );
    }
    known.set(host(address), typeof username === "string" && typeof password === "string" ? { username, password } : {});
  }
  return known;
}

/** The settings of a configured provider; the host defaults to DOCKER_HOST, then to Docker's usual socket. */
export function settings(inputs: Props, env: NodeJS.ProcessEnv): Settings {
  const known = registries(inputs.registryAuth);
  const given = inputs.host;
  return {
    host: (typeof given === "string" && given !== "" ? given : env.DOCKER_HOST) || "unix:///var/run/docker.sock",
    credentials: (registry) => known.get(host(registry)),
  };
}
