import { isProps, object, type Props, str } from "../plugin/value.ts";
import { annotation, type KubeObject, random } from "./object.ts";
import { isSecret, markSecrets, plainProps, secret } from "./secrets.ts";

/** What the state of a resource holds besides the object: these are not the API server's. */
const MANAGER = "__fieldManager";
const VERSION = "__initialApiVersion";
const INPUTS = "__inputs";

export interface State {
  readonly inputs: KubeObject;
  readonly live: KubeObject;
  readonly manager: string | undefined;
  readonly initialVersion: string | undefined;
}

/** A resource's state in its parts, secrets in clear. */
export function parseState(state: Props): State {
  const { [INPUTS]: inputs, [MANAGER]: manager, [VERSION]: version, ...live } = plainProps(state);
  return {
    inputs: isProps(inputs) ? inputs : {},
    live,
    manager: typeof manager === "string" ? manager : undefined,
    initialVersion: typeof version === "string" ? version : undefined,
  };
}

/** The manager of an object's fields: the one its annotation names, else the one it has had, else a new one. */
export function fieldManager(inputs: KubeObject, known: string | undefined): string {
  return annotation(inputs, "patchFieldManager") || known || `pulumi-kubernetes-${random()}`;
}

/** A resource's state: the object, and what it was made from. What is secret in `marked` is secret in both. */
export function makeState(inputs: KubeObject, live: KubeObject, marked: Props, initialVersion: string, manager: string): Props {
  const outs = markSecrets(live, marked);
  // The API server makes `data` of it.
  const written = marked.stringData;
  if (str(live, "kind") === "Secret" && isSecret(written) && object(outs, "data")) outs.data = secret(outs.data ?? null);
  return { ...outs, [INPUTS]: markSecrets(inputs, marked), [VERSION]: initialVersion, [MANAGER]: manager };
}
