import { Writable } from "node:stream";
import type { KubeConfig } from "@kubernetes/client-node";
import { UserError } from "../errors.ts";
import { whyOf } from "./forward.ts";

/**
 * All that a command in a pod's container writes to stdout.
 *
 * @throws UserError when it cannot be run, or fails
 */
export async function outputOf(config: KubeConfig, namespace: string, pod: string, container: string, command: readonly string[]) {
  const { Exec } = await import("@kubernetes/client-node");
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const failed = (why: string) => new UserError(`${command[0]} in the pod ${pod}: ${why}`);
  await new Promise<void>((resolve, reject) => {
    new Exec(config)
      .exec(namespace, pod, container, [...command], sink, null, null, false, ({ status, message }) => {
        if (status === "Success") resolve();
        else reject(failed(message ?? "it failed"));
      })
      .then((socket) => {
        socket.onclose = () => reject(failed("the connection ended"));
        socket.onerror = () => reject(failed("the connection broke"));
      })
      .catch((error: unknown) => reject(failed(whyOf(error))));
  });
  return Buffer.concat(chunks).toString();
}
