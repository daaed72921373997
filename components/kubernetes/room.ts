import { type Cluster, ifThere } from "./cluster.ts";
import { FLEET } from "./names.ts";
import { amount } from "./objects/quantity.ts";

/** A quota's amounts by resource. */
type Hard = { readonly [resource: string]: string };

/** What is to be done with a quota while claws come, change and go. */
export interface Change {
  /** It allows less of something than before: that may hold only when the claws are as they are to be. */
  readonly shrinks: boolean;
  /** What it allows more of. */
  readonly grown: Hard;
}

/** The change from one quota to the next. What was not limited before counts as unlimited. */
export function quotaChange(before: Hard, after: Hard): Change {
  const less = Object.entries(after).some(([resource, now]) => !(amount(now) >= amount(before[resource] ?? "")));
  const grown = Object.entries(after).filter(([resource, now]) => amount(now) > amount(before[resource] ?? ""));
  return { shrinks: less, grown: Object.fromEntries(grown) };
}

/**
 * Makes room for an update: claws that come or are tried need it while those that they take the place of are still there, and claws
 * whose update fails need what they had.
 *
 * @returns whether the quota may be set only after the claws; what it allows more of holds already then
 */
export async function makeRoom({ core }: Cluster, namespace: string, wanted: Hard): Promise<boolean> {
  const live = await ifThere(core.readNamespacedResourceQuota({ name: FLEET, namespace }));
  if (live === undefined) return false;
  const { shrinks, grown } = quotaChange(live.spec?.hard ?? {}, wanted);
  if (shrinks && Object.keys(grown).length > 0) {
    const { PatchStrategy, setHeaderOptions } = await import("@kubernetes/client-node");
    await core.patchNamespacedResourceQuota(
      { name: FLEET, namespace, body: { spec: { hard: grown } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
  }
  return shrinks;
}
