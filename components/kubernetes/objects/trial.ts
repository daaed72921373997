import type { Unwrap } from "@pulumi/pulumi";
import { component, label, STATE } from "../names.ts";
import { TRIALS } from "./namespace.ts";
import type { PodTemplate } from "./pod.ts";
import { mebibytes } from "./quantity.ts";

/** What a claw's pod is to be, with nothing left to find out. */
export type KnownTemplate = Unwrap<PodTemplate>;

/**
 * A pod that only tries whether a claw's next version comes up: the same in all but its state, which is empty and goes with it. No
 * Service leads to it and no policy lets it out, so that it takes nobody's messages.
 *
 * @param seconds After these the cluster ends it, should nobody else.
 */
export function trialPod(claw: string, { metadata, spec }: KnownTemplate, seconds: number) {
  return {
    metadata: {
      generateName: `${claw}-${component.trial}-`,
      labels: { ...metadata.labels, [label.component]: component.trial },
      annotations: { ...metadata.annotations },
    },
    spec: {
      ...spec,
      restartPolicy: "Never",
      activeDeadlineSeconds: seconds,
      terminationGracePeriodSeconds: 1,
      containers: spec.containers.map((container) => ({
        ...container,
        resources: {
          ...container.resources,
          limits: { ...container.resources.limits, "ephemeral-storage": mebibytes(TRIALS.stateMiB) },
        },
      })),
      volumes: [...spec.volumes, { name: STATE, emptyDir: { sizeLimit: mebibytes(TRIALS.stateMiB) } }],
    },
  };
}
