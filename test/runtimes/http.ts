import { once } from "node:events";
import type { Server } from "node:http";
import { onTestFinished } from "vitest";

/** Listens on a free port of 127.0.0.1 until the test is over; gives the address. */
export async function urlOf(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
