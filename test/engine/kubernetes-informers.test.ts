import { createServer, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "../../engine/kubernetes/client.ts";
import { connect } from "../../engine/kubernetes/connection.ts";
import { Informers } from "../../engine/kubernetes/informers.ts";
import { knownResource } from "../../engine/kubernetes/kinds.ts";

/** Milliseconds that a busy machine may take for what usually comes at once. */
const SOON = { timeout: 15_000 };

/** What is asked, and the watch that is open. */
const asked: string[] = [];
let open: ServerResponse | undefined;
let items: object[] = [];
let version = "1";
let server: Server;
let informers: Informers;

const object = (name: string, resourceVersion = "1") => ({ metadata: { name, namespace: "n", uid: name, resourceVersion } });
const send = (type: string, it: object): void => void open?.write(`${JSON.stringify({ type, object: it })}\n`);
const watches = (): string[] => asked.flatMap((url) => new URL(url, "http://x").searchParams.get("resourceVersion") ?? []);
const pods = () => {
  const found = knownResource("v1", "Pod");
  if (!found) throw new Error("no pods");
  return found;
};

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.url?.includes("watch=true")) {
      response.writeHead(200).flushHeaders();
      open = response;
    } else response.end(JSON.stringify({ metadata: { resourceVersion: version }, items }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const address = `http://127.0.0.1:${typeof bound === "object" && bound ? bound.port : 0}`;
  informers = new Informers(new Client(await connect({ name: "c", cluster: { server: address }, user: {} }, {})));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test("one watch tells all listeners, goes on where it was when it breaks, and lists anew when that is too long ago", async () => {
  items = [object("a")];
  const seen: string[] = [];
  const listen = (who: string) =>
    informers.subscribe(pods(), "n", {
      event: ({ type, object: it }) => void seen.push(`${who} ${type} ${JSON.stringify(it.kind)} ${Object(it.metadata).name}`),
    });
  const first = listen("1");
  await first.synced;
  const second = listen("2");
  await second.synced;
  expect(seen).toEqual(['1 ADDED "Pod" a', '2 ADDED "Pod" a']);
  await expect.poll(watches, SOON).toEqual(["1"]);

  send("ADDED", object("b", "5"));
  await expect.poll(() => seen.filter((line) => line.endsWith(" b")), SOON).toHaveLength(2);
  open?.destroy();
  await expect.poll(watches, SOON).toEqual(["1", "5"]);

  items = [object("b", "9")];
  version = "9";
  send("ERROR", { code: 410, message: "too old resource version" });
  await expect.poll(watches, SOON).toEqual(["1", "5", "9"]);
  expect(seen.filter((line) => line.includes("DELETED"))).toEqual(['1 DELETED "Pod" a', '2 DELETED "Pod" a']);
  expect(asked.filter((url) => !url.includes("watch"))).toHaveLength(2);

  second.close();
  seen.length = 0;
  send("DELETED", object("b", "10"));
  await expect.poll(() => seen, SOON).toHaveLength(1);
  first.close();
});

test("who may not watch is told so", async () => {
  const refusing = createServer((_request, response) => {
    response.writeHead(403).end(JSON.stringify({ message: 'pods is forbidden: User "u" cannot list resource "pods"' }));
  });
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
  const bound = refusing.address();
  const address = `http://127.0.0.1:${typeof bound === "object" && bound ? bound.port : 0}`;
  const one = new Informers(new Client(await connect({ name: "c", cluster: { server: address }, user: {} }, {})));
  const error = await new Promise<Error>((resolve) => {
    const subscription = one.subscribe(pods(), "n", {
      event: () => undefined,
      refused: (why) => {
        subscription.close();
        resolve(why);
      },
    });
  });
  expect(error.message).toContain("cannot list resource");
  refusing.closeAllConnections();
  refusing.close();
});
