/** NanoClaw's control socket, `data/ncl.sock`: one request and one answer a connection, each a line of JSON. Its `ncl` command does the same. */
import { once } from "node:events";
import { createConnection } from "node:net";
import { addAbortSignal } from "node:stream";
import { text } from "node:stream/consumers";

type Answer = { readonly ok: true; readonly data: unknown } | { readonly ok: false; readonly error: { readonly message: string } };

export interface Arguments {
  readonly [name: string]: string | number;
}

/**
 * @param command As in `ncl`, words joined by hyphens: `groups-list`.
 * @returns the answer's data
 * @throws when nobody answers within `timeoutSeconds`, or with NanoClaw's own error.
 */
export async function ncl(socket: string, command: string, args: Arguments = {}, timeoutSeconds = 5): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const connection = addAbortSignal(signal, createConnection(socket));
  try {
    await once(connection, "connect");
    connection.write(`${JSON.stringify({ id: "shim", command, args })}\n`);
    const line = await text(connection);
    if (line === "") throw new Error("the socket was closed without an answer");
    const answer: Answer = JSON.parse(line);
    if (!answer.ok) throw new Error(answer.error.message);
    return answer.data;
  } catch (error) {
    if (signal.aborted) throw new Error(`no answer to ${command} within ${timeoutSeconds} s`, { cause: error });
    throw error;
  } finally {
    connection.destroy();
  }
}
