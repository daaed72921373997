import { CancelledError } from "./daemon.ts";
import { number, text } from "./inspect.ts";
import type { Context, Credentials } from "./kind.ts";
import { jsonLines } from "./lines.ts";

/** Registry part of an image name, as Docker reads it; `docker.io` when the name has none. */
export function registryOf(name: string): string {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  return first.includes(".") || first.includes(":") || first === "localhost" ? first : "docker.io";
}

/** Repository and tag of an image name; tag "" when it has none or a digest instead. */
export function splitTag(name: string): { readonly repository: string; readonly tag: string } {
  const digest = name.indexOf("@");
  if (digest >= 0) return { repository: name.slice(0, digest), tag: name.slice(digest + 1) };
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? { repository: name.slice(0, colon), tag: name.slice(colon + 1) } : { repository: name, tag: "" };
}

/** The header that carries a registry's credentials. */
export function authHeader(credentials: Credentials | undefined, registry: string): { readonly [name: string]: string } {
  const auth = { username: credentials?.username ?? "", password: credentials?.password ?? "", serveraddress: registry };
  // With the padding, which Node's base64url leaves out: without it, a daemon silently takes it for no login at all.
  const text = Buffer.from(JSON.stringify(auth)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
  return { "X-Registry-Auth": text };
}

/** Follows the progress of a pull or push; throws the daemon's error when it ends with one. Returns what `aux` messages said. */
export async function followTransfer(context: Context, stream: NodeJS.ReadableStream): Promise<unknown[]> {
  const layers = new Map<string, { current: number; total: number }>();
  const extra: unknown[] = [];
  let shown = 0;
  for await (const message of jsonLines(stream)) {
    const problem = text(message, "error");
    if (problem !== "") throw new Error(`Error response from daemon: ${problem}`);
    if (typeof message === "object" && message !== null && "aux" in message) extra.push(message.aux);
    const total = number(message, "progressDetail", "total");
    if (total > 0) layers.set(text(message, "id"), { current: number(message, "progressDetail", "current"), total });
    if (Date.now() - shown < 500) continue;
    shown = Date.now();
    const sum = [...layers.values()].reduce((all, layer) => ({ current: all.current + layer.current, total: all.total + layer.total }), {
      current: 0,
      total: 0,
    });
    const size = sum.total > 0 ? ` ${Math.round(sum.current / 1e6)}/${Math.round(sum.total / 1e6)} MB` : "";
    void context.log("status", `${text(message, "status")}${size}`);
  }
  return extra;
}

/** Pulls an image through the daemon, with progress. */
export async function pull(context: Context, name: string, platform: string | undefined): Promise<void> {
  const { repository, tag } = splitTag(name);
  const registry = registryOf(name);
  try {
    const stream = await context.daemon.stream({
      method: "POST",
      path: "/images/create",
      query: { fromImage: repository, tag: tag === "" ? "latest" : tag, platform },
      headers: authHeader(context.credentials(registry), registry),
      signal: context.signal,
      timeout: 120_000,
    });
    await followTransfer(context, stream);
  } catch (error) {
    if (error instanceof CancelledError || context.signal.aborted) throw new CancelledError();
    throw new Error(`unable to pull image ${name}: error pulling image ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
