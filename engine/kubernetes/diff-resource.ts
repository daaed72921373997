import type { Props } from "../plugin/value.ts";
import { isAutonamed, isNamed } from "./check.ts";
import { type Change, contains, difference } from "./diff.ts";
import { forceNewPaths, type Mutable } from "./force-new.ts";
import { isPatch } from "./kinds.ts";
import { normalize, prune } from "./normalize.ts";
import { apiVersionOf, type KubeObject, kindOf, nameOf, namespaceOf, withMetadata } from "./object.ts";
import { isUnknown, plainProps } from "./secrets.ts";
import { parseState } from "./state.ts";

export interface Difference {
  readonly changes: readonly Change[];
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

/**
 * What an update would change. New inputs are compared with the object as it was last seen, cut down to the old inputs: what the cluster
 * adds does not count, what has drifted does.
 */
export function differenceOf(
  type: string,
  olds: Props,
  given: Props,
  ignored: readonly string[],
  namespaced: boolean,
  mutable: Mutable,
): Difference {
  const { inputs, live } = parseState(olds);
  const oldInputs = normalize(inputs);
  let news = normalize(plainProps(given));
  let before: KubeObject = prune(live, oldInputs);
  if (namespaced) {
    before = withMetadata(before, { namespace: namespaceOf(before) || "default" });
    if (!isUnknown(news.metadata)) news = withMetadata(news, { namespace: namespaceOf(news) || "default" });
  } else {
    before = withMetadata(before, { namespace: undefined });
    if (!isUnknown(news.metadata)) news = withMetadata(news, { namespace: undefined });
  }
  if (apiVersionOf(before) === "") before = { apiVersion: apiVersionOf(news), kind: kindOf(news), ...before };
  // Naming what was autonamed by the same name is no change.
  if (isNamed(news)) before = withMetadata(before, { name: nameOf(live) });
  const patch = isPatch(type, kindOf(news));
  const found = difference(before, news, forceNewPaths(news, patch, mutable));
  const changes = found.filter(({ path }) => !ignored.some((one) => contains(one, path)));
  const replaces = changes.flatMap(({ path, kind, replace }) => (replace || (kind === "DELETE" && path === "metadata") ? [path] : []));
  // A replacement of the same name can only come after the old one is gone.
  const deleteBeforeReplace =
    replaces.length > 0 && isNamed(news) && !isAutonamed(news) && nameOf(news) === nameOf(live) && namespaceOf(news) === namespaceOf(live);
  return { changes, replaces, deleteBeforeReplace };
}
