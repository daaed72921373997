import type { Output } from "@pulumi/pulumi";
import type { Target } from "../runtimes/launch.ts";

/** What is known of a running claw without a secret: what ClawLab and the command line read. */
export interface ClawRecord {
  readonly name: string;
  readonly target: Target;
  readonly runtime: string;
  /** Upstream version of the runtime. */
  readonly version: string;
  /** The claw's address: on the Docker host, or in the cluster. */
  readonly url: string;
  readonly healthUrl: string;
  /** `sha256:...` */
  readonly imageDigest: Output<string>;
  /** The container, or the pod. */
  readonly container: string;
  /** The volume, or the claim. */
  readonly volume: string;
  readonly uid: number;
  /** Where the claw's objects are on Kubernetes; undefined on Docker. */
  readonly namespace?: string;
}
