/** The External Secrets Operator's definition of ExternalSecret: from its Go module, as the operator itself is not needed to check an object. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";

const CRD = "externalsecrets.external-secrets.io";
/** On what these tests have made. */
const MARK = "dev.clawfleet.test=true";

/** Path of the CustomResourceDefinition, a YAML file; fetched the first time. */
export async function externalSecretsCrdFile(): Promise<string> {
  const { stdout } = await promisify(execFile)(join(import.meta.dirname, "../../engine/scan-tool.sh"), ["external-secrets"], {
    timeout: 300_000,
  });
  return stdout.trim();
}

/** The same, parsed: for `writeSchemas`. */
export async function externalSecretsCrd(): Promise<unknown> {
  return parse(await readFile(await externalSecretsCrdFile(), "utf8"));
}

type Kubectl = (...args: string[]) => Promise<string>;

/**
 * Makes a cluster take ExternalSecrets, if it does not already. More than one test may do so at once, so none takes it away again: that is done after
 * all tests (`removeExternalSecretsCrd`, in setup.ts).
 *
 * @param kubectl What kubectl prints, for its arguments; rejects when it fails.
 */
export async function installExternalSecretsCrd(kubectl: Kubectl): Promise<void> {
  if ((await kubectl("get", "crd", CRD, "--ignore-not-found", "--output=name")).trim() === "") {
    // Not as a client's apply: its annotation with the whole object would be too long.
    await kubectl("apply", "--server-side", "--filename", await externalSecretsCrdFile());
    await kubectl("label", "crd", CRD, MARK, "--overwrite");
  }
  await kubectl("wait", "--for=condition=Established", `crd/${CRD}`, "--timeout=60s");
}

/** Removes what `installExternalSecretsCrd` has made; an operator's own stays. */
export async function removeExternalSecretsCrd(kubectl: Kubectl): Promise<void> {
  await kubectl("delete", "crd", `--selector=${MARK}`, "--timeout=60s");
}
