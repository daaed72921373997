import type { Severity } from "../plugin/engine-log.ts";
import type { Props } from "../plugin/value.ts";
import { AwaitError, type Wait } from "./await/loop.ts";
import type { Cluster } from "./cluster.ts";
import { annotation, type KubeObject } from "./object.ts";
import type { Settings } from "./settings.ts";
import type { Status } from "./status.ts";

/** What an operation on one resource may use. */
export interface Context {
  readonly urn: string;
  readonly type: string;
  readonly settings: Settings;
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
  readonly log: (severity: Severity, message: string) => Promise<void>;
}

export interface Made {
  readonly id: string;
  readonly state: Props;
}

const DEFAULT_TIMEOUT = 600;

export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Milliseconds for waiting: the resource's own timeout, else its annotation. */
function timeout(seconds: number, inputs: KubeObject): number {
  if (seconds > 0) return seconds * 1000;
  const written = annotation(inputs, "timeoutSeconds");
  return (/^\d+$/.test(written) ? Number(written) : DEFAULT_TIMEOUT) * 1000;
}

/** What waiting for `outputs` takes; `last` is the object before an update. */
export async function wait(
  context: Context,
  status: Status,
  inputs: KubeObject,
  outputs: KubeObject,
  seconds: number,
  last?: KubeObject,
): Promise<Wait> {
  const { client, informers } = await context.cluster.use();
  const log: Wait["log"] = (severity, text) => status.say(severity, text);
  return { client, informers, signal: context.signal, log, timeout: timeout(seconds, inputs), inputs, outputs, last };
}

/** An error's text, and what was wrong with the object. */
export const reasonsOf = (error: unknown, text: string): string[] => [text, ...(error instanceof AwaitError ? error.reasons : [])];
