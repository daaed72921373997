import { createHash } from "node:crypto";
import { isProps, type Props } from "../plugin/value.ts";
import { isPatch } from "./kinds.ts";
import { normalize } from "./normalize.ts";
import { annotation, type KubeObject, metadata, nameOf, namespaceOf, withMetadata } from "./object.ts";
import { isUnknown, markSecrets, plainProps } from "./secrets.ts";

/** How an object gets its name when the program gives none. */
export interface Autoname {
  /** Name of the resource in the program. */
  readonly logical: string;
  /** Random bytes of the engine. */
  readonly seed: Uint8Array;
  /** A name that the project's configuration proposes. */
  readonly proposed?: string;
  /** The project's configuration forbids made-up names. */
  readonly forbidden?: boolean;
}

const AUTONAMED = "pulumi.com/autonamed";

export const isAutonamed = (it: KubeObject): boolean => annotation(it, "autonamed") === "true";

/** Whether the program names the object, if only by a value not known yet. */
export const isNamed = (it: KubeObject): boolean => nameOf(it) !== "";

function autonamed(it: KubeObject, name: string): KubeObject {
  const { annotations } = metadata(it);
  // Nothing can be put into what is not known yet.
  if (isUnknown(it.metadata)) return it;
  const kept = isUnknown(annotations) ? annotations : { ...(isProps(annotations) ? annotations : {}), [AUTONAMED]: "true" };
  return withMetadata(it, { name, annotations: kept });
}

function madeUp({ logical, seed, proposed, forbidden }: Autoname): string {
  if (forbidden) throw new Error("autonaming is disabled, resource requires the .metadata.name field to be set");
  return proposed ?? `${logical}-${createHash("sha256").update(seed).digest("hex").slice(0, 8)}`;
}

/**
 * A resource's inputs as they will be compared and sent: normalized, named and in a namespace. Secrets stay marked.
 * `namespaced` tells whether the kind is in a namespace, `namespace` the one of objects that name none.
 */
export async function checkInputs(
  type: string,
  news: Props,
  olds: Props,
  autoname: Autoname,
  namespaced: () => Promise<boolean>,
  namespace: () => Promise<string>,
): Promise<Props> {
  let it = normalize(plainProps(news));
  const old = plainProps(olds);
  if (isPatch(type, String(it.kind ?? "")) && !isNamed(it)) throw new Error("patch resources require the `.metadata.name` field to be set");
  if (Object.keys(old).length > 0) {
    if (!isNamed(it) && isAutonamed(old)) it = autonamed(it, nameOf(old));
  } else if (!isNamed(it) && metadata(it).generateName === undefined) it = autonamed(it, madeUp(autoname));
  if (!isNamed(it) && metadata(it).generateName !== undefined) {
    throw new Error("the `.metadata.generateName` field is not supported in Server-Side Apply mode");
  }
  if (namespaceOf(it) === "" && !isUnknown(it.metadata)) {
    const fallback = await namespace();
    if (fallback !== "" && (await namespaced())) it = withMetadata(it, { namespace: fallback });
  }
  return markSecrets(it, news);
}
