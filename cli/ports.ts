import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { systemCode } from "./errors.ts";

/** Whether something listens on this port of 127.0.0.1 (or of all addresses). */
export async function taken(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  } catch (error) {
    if (systemCode(error) === "EADDRINUSE") return true;
    throw error;
  }
  await new Promise((resolve) => server.close(resolve));
  return false;
}

/** The process that listens on a port, as `name (process 123)`; undefined where the kernel does not say (other users', other systems'). */
export function listener(port: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listening(readFileSync(file, "utf8"), port)));
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const held = links(`/proc/${pid}/fd`).some((target) => inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? ""));
    if (held) return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (process ${pid})`;
  }
  return undefined;
}

/** Inodes of the sockets that listen on a port, from the text of /proc/net/tcp (proc_net_tcp: state 0A = listen, port in hexadecimal). */
export function listening(text: string, port: number): string[] {
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === "0A" && Number.parseInt(local?.split(":")[1] ?? "", 16) === port)
    .flatMap((fields) => fields[9] ?? []);
}

/** What the links in a directory point to, of those that are still there and may be read. */
function links(dir: string): string[] {
  return readable(() => readdirSync(dir)).flatMap((name) => readable(() => [readlinkSync(`${dir}/${name}`)]));
}

/** What `read` gives; nothing when it is another user's, or gone. */
function readable(read: () => string[]): string[] {
  try {
    return read();
  } catch (error) {
    const code = systemCode(error);
    if (code === "EACCES" || code === "EPERM" || code === "ENOENT" || code === "ESRCH") return [];
    throw error;
  }
}
