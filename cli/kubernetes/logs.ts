import http from "node:http";
import https from "node:https";
import type { V1Pod } from "@kubernetes/client-node";
import { ifThere, statusOf } from "../../components/kubernetes/cluster.ts";
import { CONTAINER } from "../../components/kubernetes/names.ts";
import { redacted } from "../../components/kubernetes/podstate.ts";
import { UserError } from "../errors.ts";
import type { Cluster } from "./cluster.ts";

/** A container that has not started, or not again yet, is asked for by this status. */
const NOT_STARTED = 400;

/**
 * The last lines of a claw's log, of the run before where this one has said nothing yet.
 *
 * @param tail At most so many.
 */
export async function lastLog({ core }: Cluster, namespace: string, pod: string, tail: number): Promise<string> {
  for (const previous of [false, true]) {
    try {
      const text = await core.readNamespacedPodLog({ name: pod, namespace, container: CONTAINER, tailLines: tail, previous });
      if (text) return text;
    } catch (error) {
      if (statusOf(error) === 404) return "";
      if (statusOf(error) !== NOT_STARTED) throw error;
    }
  }
  return "";
}

/**
 * The values of a pod's secret environment.
 *
 * @returns undefined when they cannot be read: what may hold them is then not to be shown.
 */
export async function secretValues({ core }: Cluster, namespace: string, pod: V1Pod): Promise<string[] | undefined> {
  const env = pod.spec?.containers.flatMap((container) => container.env ?? []) ?? [];
  const names = new Set(env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []));
  const values: string[] = [];
  for (const name of names) {
    try {
      const secret = await ifThere(core.readNamespacedSecret({ name, namespace }));
      if (secret === undefined) return undefined;
      values.push(...Object.values(secret.data ?? {}).map((value) => Buffer.from(value, "base64").toString()));
    } catch (error) {
      if (statusOf(error) !== 403) throw error;
      return undefined;
    }
  }
  return values;
}

/** A log's lines, without empty ones and without the values of secrets. */
export function linesOf(log: string, values: readonly string[]): string[] {
  return redacted(log, values)
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

/**
 * Copies a claw's log to stdout as it comes, until the container ends. The client library's own reader gives up on a claw that says
 * nothing for some minutes.
 */
export async function followLog({ config, server }: Cluster, namespace: string, pod: string, tail: number): Promise<void> {
  const url = new URL(`${server.replace(/\/$/, "")}/api/v1/namespaces/${namespace}/pods/${pod}/log`);
  url.search = new URLSearchParams({ container: CONTAINER, follow: "true", tailLines: String(tail) }).toString();
  const options = {};
  await config.applyToHTTPSOptions(options);
  await new Promise<void>((resolve, reject) => {
    const { request } = url.protocol === "http:" ? http : https;
    const asked = request(url, options, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        reject(new UserError(`the log of the pod ${pod} cannot be followed: status ${answer.statusCode}`));
        return;
      }
      answer.on("data", (chunk: Buffer) => process.stdout.write(chunk));
      answer.on("end", resolve);
      answer.on("error", reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}
