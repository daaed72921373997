import { isIPv4, isIPv6 } from "node:net";
import type { Egress, Ingress } from "./types.ts";

/** Reads `internet`, `10.0.0.0/8`, `10.0.0.0/8:5432`, `fd00::/8` or `[fd00::/8]:5432`; undefined for anything else. */
export function parseEgress(text: string): Egress | undefined {
  if (text === "internet") return { kind: "internet" };
  const [, bracketed, bare, digits] = /^(?:\[([^\]]+)\]|([^[\]]+?))(?::(\d{1,5}))?$/.exec(text) ?? [];
  // Without brackets, the end of an IPv6 range is no port.
  const whole = bare !== undefined && isRange(text);
  const cidr = whole ? text : (bracketed ?? bare);
  const port = whole || digits === undefined ? undefined : Number(digits);
  if (cidr === undefined || !isRange(cidr) || (bare !== undefined && !whole && cidr.includes(":"))) return undefined;
  if (port === undefined) return { kind: "range", cidr };
  return port >= 1 && port <= 65_535 ? { kind: "range", cidr, port } : undefined;
}

/** Reads `claw:NAME`, `namespace:NAME`, `10.0.0.0/8` or `fd00::/8`; undefined for anything else. */
export function parseIngress(text: string): Ingress | undefined {
  const [, kind, name] = /^(claw|namespace):([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/.exec(text) ?? [];
  if (name !== undefined) return kind === "claw" ? { kind: "claw", name } : { kind: "namespace", name };
  return isRange(text) ? { kind: "range", cidr: text } : undefined;
}

/** Whether a text is a range of addresses that starts where its prefix says: `10.1.2.3/8` is more likely a slip than 10.0.0.0/8. */
function isRange(text: string): boolean {
  const [, address = "", digits = ""] = /^([0-9A-Fa-f.:]+)\/(\d{1,3})$/.exec(text) ?? [];
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes(".") ? 128 : 0;
  const prefix = Number(digits);
  if (bits === 0 || prefix > bits || String(prefix) !== digits) return false;
  const number = bits === 32 ? address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n) : ipv6Number(address);
  return number % (1n << BigInt(bits - prefix)) === 0n;
}

function ipv6Number(address: string): bigint {
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [first, last] = [groups(head), groups(tail ?? "")];
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array.from({ length: gap }, () => "0"), ...last].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}
