import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, type RequestOptions } from "node:https";
import { BlockList, isIP } from "node:net";
import { type Props, str } from "../plugin/value.ts";
import type { Target } from "./kubeconfig.ts";

/** How to reach one API server: its address, and what every request takes. */
export interface Connection {
  readonly server: URL;
  /** Options with the agent and the credentials; asked anew for every request, as credentials may expire. */
  options(watch: boolean): Promise<RequestOptions>;
  close(): void;
}

/** Connections for ordinary requests. More would only queue in the API server. */
const SOCKETS = 24;

const file = (props: Props, path: string, data: string): Buffer | undefined => {
  const encoded = str(props, data);
  if (encoded !== undefined) return Buffer.from(encoded, "base64");
  const name = str(props, path);
  return name === undefined ? undefined : readFileSync(name);
};

/** Whether NO_PROXY names the host: exactly, as a domain above it, or as a network in CIDR form. */
function direct(host: string, noProxy: string): boolean {
  const version = isIP(host);
  if (host === "localhost" || host === "::1" || (version === 4 && host.startsWith("127."))) return true;
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    const [network = "", bits] = entry.split("/");
    if (bits !== undefined) {
      if (version === 0 || isIP(network) !== version) return false;
      const block = new BlockList();
      block.addSubnet(network, Number(bits), version === 4 ? "ipv4" : "ipv6");
      return block.check(host, version === 4 ? "ipv4" : "ipv6");
    }
    const domain = entry
      .replace(/^\*?\./, "")
      .replace(/:\d+$/, "")
      .toLowerCase();
    return host.toLowerCase() === domain || host.toLowerCase().endsWith(`.${domain}`);
  });
}

/** The proxy for an address: the cluster's own, else the environment's. */
export function proxyFor(server: URL, cluster: Props, env: NodeJS.ProcessEnv): string | undefined {
  const own = str(cluster, "proxy-url");
  if (own !== undefined) return own;
  const proxy = server.protocol === "https:" ? (env.HTTPS_PROXY ?? env.https_proxy) : (env.HTTP_PROXY ?? env.http_proxy);
  if (!proxy || direct(server.hostname.replace(/^\[|\]$/g, ""), env.NO_PROXY ?? env.no_proxy ?? "")) return undefined;
  return proxy;
}

function authorization(user: Props): string | undefined {
  const tokenFile = str(user, "tokenFile");
  const token = tokenFile === undefined ? str(user, "token") : readFileSync(tokenFile, "utf8").trim();
  if (token !== undefined) return `Bearer ${token}`;
  const name = str(user, "username");
  return name === undefined ? undefined : `Basic ${Buffer.from(`${name}:${str(user, "password") ?? ""}`).toString("base64")}`;
}

/** Certificates, tokens and passwords: all that most kubeconfigs have. */
function plainConnection(server: URL, { cluster, user }: Target, proxy: string | undefined): Connection {
  const agentOptions = (maxSockets: number): AgentOptions => {
    const ca = file(cluster, "certificate-authority", "certificate-authority-data");
    const cert = file(user, "client-certificate", "client-certificate-data");
    const key = file(user, "client-key", "client-key-data");
    const name = str(cluster, "tls-server-name");
    return {
      keepAlive: true,
      maxSockets,
      ...(ca ? { ca } : {}),
      ...(cert && key ? { cert, key } : {}),
      ...(name ? { servername: name } : {}),
      ...(cluster["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {}),
      ...(proxy ? { proxyEnv: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy } } : {}),
    };
  };
  const make = (sockets: number) =>
    server.protocol === "https:" ? new HttpsAgent(agentOptions(sockets)) : new HttpAgent({ keepAlive: true, maxSockets: sockets });
  const ordinary = make(SOCKETS);
  // Each watch keeps a connection to itself.
  const watching = make(Number.POSITIVE_INFINITY);
  return {
    server,
    options: async (watch) => {
      const credentials = authorization(user);
      return { agent: watch ? watching : ordinary, headers: credentials ? { authorization: credentials } : {} };
    },
    close: () => {
      ordinary.destroy();
      watching.destroy();
    },
  };
}

/** Programs that give credentials, providers of identity, SOCKS proxies: what Kubernetes' own client library knows. Loaded only here: it is big. */
async function libraryConnection(server: URL, { cluster, user }: Target): Promise<Connection> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  );
  return {
    server,
    options: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      return options;
    },
    close: () => undefined,
  };
}

/** The connection to a kubeconfig's cluster. Nothing is sent yet; errors are those of files that are not there. */
export async function connect(to: Target, env: NodeJS.ProcessEnv): Promise<Connection> {
  const address = str(to.cluster, "server") ?? "";
  const url = /^https?:\/\//.test(address) ? address : `https://${address}`;
  if (!URL.canParse(url)) throw new Error(`invalid configuration: server "${address}" is no URL`);
  const server = new URL(url);
  const proxy = proxyFor(server, to.cluster, env);
  if (to.user.exec !== undefined || to.user["auth-provider"] !== undefined || proxy?.startsWith("socks")) {
    return await libraryConnection(server, proxy === undefined ? to : { ...to, cluster: { ...to.cluster, "proxy-url": proxy } });
  }
  if (str(to.user, "as") !== undefined) throw new Error("users that act as others (`as`) are for the official kubernetes plugin");
  return plainConnection(server, to, proxy);
}
