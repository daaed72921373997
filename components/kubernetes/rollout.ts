import type { V1StatefulSet } from "@kubernetes/client-node";
import { all, log, type Output, output, type Resource, RunError } from "@pulumi/pulumi";
import type { Launch } from "../../runtimes/runtime.ts";
import { type Cluster, reasonOf } from "./cluster.ts";
import { TRIALS } from "./objects/namespace.ts";
import type { KnownTemplate } from "./objects/trial.ts";
import { takenFields, takenMessage } from "./owners.ts";
import type { KubernetesSettings } from "./settings.ts";
import { removeTrialsOnInterrupt, TrialFailed, tryNext } from "./trial.ts";
import { watchClaw } from "./watch.ts";

/** A claw's next version. */
export interface Next {
  readonly launch: Launch;
  /** The claw's own resource. */
  readonly claw: Resource;
  /** Known when all that the pod needs is in the cluster. */
  readonly template: Output<KnownTemplate>;
  /** Values that no message may show. */
  readonly secrets: Output<readonly string[]>;
}

/** What accompanies claws to their next version, beside what the provider does. */
export interface Rollout {
  /** Resolves when the version may take the place of the one that runs; rejects with a RunError when it must not. */
  tried(next: Next): Promise<void>;
  /** Says why a claw does not become ready, until the StatefulSet is as it is to be. */
  watch(next: Next, statefulSet: Resource): void;
}

/**
 * Tries each next version before the StatefulSet is touched, some at a time, and says why a claw does not become ready. Part of the
 * program and not of hooks, which not every version of Pulumi's Node host knows.
 */
export function clusterRollout(cluster: Cluster, settings: KubernetesSettings): Rollout {
  const inTurn = limited(TRIALS.atOnce);
  const live = once(() => statefulSets(cluster, settings.namespace));
  removeTrialsOnInterrupt();
  const known = ({ launch, template, secrets }: Next) =>
    new Promise<{ launch: Launch; template: KnownTemplate; secrets: readonly string[] }>((resolve) => {
      all([template, secrets]).apply(([pod, values]) => resolve({ launch, template: pod, secrets: values }));
    });
  return {
    async tried(next) {
      const args = await known(next);
      const { claw } = args.launch;
      // Shown while it lasts.
      const say = (line: string) => log.info(line, next.claw, undefined, true);
      const look = async () => {
        const before = (await live()).get(claw);
        const taken = before === undefined ? [] : takenFields(before, { spec: { template: args.template } });
        if (taken.length > 0) throw new TrialFailed(takenMessage(claw, settings.namespace, taken));
        if (settings.trial) await tryNext(cluster, settings, before, args, say);
      };
      await inTurn(look).catch((error: unknown) => {
        throw told(error instanceof TrialFailed ? error.message : `claw "${claw}": its next version cannot be tried: ${reasonOf(error)}`);
      });
    },
    watch(next, statefulSet) {
      void known(next).then((args) => {
        const stop = watchClaw(cluster, settings, args, next.claw);
        output(statefulSet.urn).apply(stop);
      });
    },
  };
}

/** An error that is shown as it is. The program may have ended when it comes, and then Pulumi shows a stack trace, if it has one. */
function told(message: string): RunError {
  const error = new RunError(message);
  error.stack = "";
  return error;
}

/** All of the namespace by name: asked for once, however many claws there are. */
async function statefulSets({ apps }: Cluster, namespace: string): Promise<Map<string, V1StatefulSet>> {
  const { items } = await apps.listNamespacedStatefulSet({ namespace });
  return new Map(items.map((item) => [item.metadata?.name ?? "", item]));
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}

/** Runs at most so many at a time; the others wait their turn. */
function limited(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
