import { hasUnknown, type Props, UNKNOWN } from "../plugin/value.ts";
import { type Autoname, check } from "./check.ts";
import { container } from "./container.ts";
import { type Change, type Difference, diff, summarize } from "./diff.ts";
import { image } from "./image.ts";
import type { Context, Kind, Made } from "./kind.ts";
import { network } from "./network.ts";
import { importedInputs, refreshedInputs } from "./reconcile.ts";
import { registryImage } from "./registry-image.ts";
import { stateOf, updatedState } from "./schema.ts";
import { volume } from "./volume.ts";

const KINDS: readonly Kind[] = [container, image, network, registryImage, volume];

/** The kind of resource that a token names; an error that lists those there are when it names none. */
export function kindOf(token: string): Kind {
  const found = KINDS.find((kind) => kind.token === token);
  if (found) return found;
  throw new Error(
    `${token} is not implemented by this stand-in for the docker plugin: it has ${KINDS.map((kind) => kind.token).join(", ")}. Install the official plugin for others`,
  );
}

/** Checked inputs with defaults, and what is wrong with them. */
export function checkInputs(
  kind: Kind,
  news: Props,
  olds: Props,
  autoname: Autoname,
): { readonly inputs: Props; readonly failures: readonly string[] } {
  const checked = check(kind.fields, news, olds, autoname, kind.autonamed);
  const more = hasUnknown(checked.inputs) ? [] : (kind.checkAll?.(checked.inputs) ?? []);
  return {
    inputs: checked.inputs,
    failures: [...checked.failures, ...more.map((text) => `${text}. Examine values at '${autoname.logical}'.`)],
  };
}

/** What an update would change. A creation that failed half-way left nulls behind, and the next update replaces the resource. */
export function difference(kind: Kind, state: Props, news: Props, ignored: readonly string[]): Difference {
  const found = diff(kind.fields, state, news, ignored);
  const broken = (kind.nullMeansReplace ?? []).filter((name) => state[name] === null && news[name] === undefined);
  if (broken.length === 0) return found;
  const more: Change[] = broken.map((path) => ({ path, kind: "ADD", replace: true }));
  const computed =
    kind.fields.networkDatas && state.networkDatas === null ? [{ path: "networkDatas", kind: "ADD", replace: false } satisfies Change] : [];
  return summarize(
    kind.fields,
    [...found.changes, ...more, ...computed].sort((a, b) => (a.path < b.path ? -1 : 1)),
  );
}

/** What a preview can say of a resource to create. */
export function previewCreate(kind: Kind, inputs: Props): Props {
  return { ...stateOf(kind.fields, inputs, UNKNOWN), id: UNKNOWN };
}

/** An update in place; in a preview nothing is touched. */
export async function update(
  kind: Kind,
  context: Context | undefined,
  id: string,
  state: Props,
  inputs: Props,
  ignored: readonly string[],
): Promise<Props> {
  const changed = difference(kind, state, inputs, ignored).names;
  const refused = kind.refuseUpdate?.(inputs, changed);
  if (refused !== undefined) throw new Error(refused);
  if (context === undefined || kind.update === undefined) return updatedState(kind.fields, state, inputs);
  return await kind.update(context, id, state, inputs, changed);
}

/** The resource as it really is, with inputs that show what has drifted; undefined when it is gone. */
export async function read(
  kind: Kind,
  context: Context,
  id: string,
  inputs: Props,
  state: Props,
): Promise<(Made & { readonly inputs: Props }) | undefined> {
  const found = await kind.read(context, id, inputs, state);
  if (!found) return undefined;
  const imported = Object.keys(inputs).length === 0 && Object.keys(state).length === 0;
  return {
    ...found,
    inputs: imported ? importedInputs(kind.fields, found.state) : refreshedInputs(kind.fields, inputs, state, found.state),
  };
}
