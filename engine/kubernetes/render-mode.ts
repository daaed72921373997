import type { Severity } from "../plugin/engine-log.ts";
import type { Props } from "../plugin/value.ts";
import type { Context, Made } from "./context.ts";
import { apiVersionOf, idOf, type KubeObject } from "./object.ts";
import { renderPath, renderYaml } from "./render.ts";
import { holdsSecret } from "./secrets.ts";
import { makeState } from "./state.ts";

/** Writes an object as YAML in place of sending it to a cluster. Its state is the inputs: nothing else is known of it. */
export async function renderNew(
  context: Context,
  given: Props,
  inputs: KubeObject,
  manager: string,
  severity: Severity,
  version = apiVersionOf(inputs),
): Promise<Made> {
  const directory = context.settings.render ?? "";
  if (holdsSecret(given))
    await context.log(severity, `rendered file ${renderPath(inputs, directory)} contains a secret value in plaintext`);
  const path = renderYaml(inputs, directory);
  await context.log("status", `rendered ${path}`);
  return { id: idOf(inputs), state: makeState(inputs, inputs, given, version, manager) };
}
