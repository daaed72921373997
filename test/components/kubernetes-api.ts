import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, clusterOf } from "../../components/kubernetes/cluster.ts";

/** What an API server answers: an object, or a text, or a status with the message of a refusal. */
export type Answer = object | string | { readonly code: number; readonly message: string };

export interface FakeApi {
  readonly cluster: Cluster;
  /** The cluster's file. */
  readonly kubeconfig: string;
  /** `METHOD path?query` of all that was asked, in order. */
  readonly asked: readonly string[];
  /** Bodies of what was sent. */
  readonly sent: readonly string[];
  close(): Promise<void>;
}

/** An API server for answers that a real one gives seldom. Unknown paths are not there. */
export async function fakeApi(answer: (method: string, path: string) => Answer | undefined, user: object = {}): Promise<FakeApi> {
  const [asked, sent]: [string[], string[]] = [[], []];
  const server = createServer((request, response) => {
    const [method, url] = [request.method ?? "", request.url ?? ""];
    asked.push(`${method} ${url}`);
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      if (body !== "") sent.push(body);
      const found = answer(method, url.split("?")[0] ?? "") ?? { code: 404, message: `${url} is not there` };
      const text = typeof found === "string";
      const status = !text && "code" in found && typeof found.code === "number" ? found.code : 200;
      response.writeHead(status, { "content-type": text ? "text/plain" : "application/json" });
      response.end(text ? found : JSON.stringify(status === 200 ? found : { kind: "Status", ...found }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const dir = mkdtempSync(join(tmpdir(), "clawfleet-api-"));
  const kubeconfig = join(dir, "config");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    // Without TLS, which the client library wants to be told twice.
    clusters: [{ name: "fake", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
    users: [{ name: "fake", user }],
    contexts: [{ name: "fake", context: { cluster: "fake", user: "fake" } }],
    "current-context": "fake",
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return {
    cluster: await clusterOf({ kubeconfig }),
    kubeconfig,
    asked,
    sent,
    async close() {
      rmSync(dir, { recursive: true });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
