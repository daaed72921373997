import { createHash } from "node:crypto";

/** Where derived ports lie: above the well-known ones, below the ports that Linux gives to outgoing connections (32768 and up). */
export const DERIVED = { from: 10_000, to: 32_767 } as const;
/** What may be written in a fleet file: no port that needs privileges. */
export const EXPLICIT = { from: 1024, to: 65_535 } as const;

/** The host port of a claw that names none: a function of its name alone, so no other claw's coming or going ever moves it. */
export function derivedPort(name: string): number {
  return DERIVED.from + (createHash("sha256").update(name).digest().readUInt32BE(0) % (DERIVED.to - DERIVED.from + 1));
}

/** The port nearest to `wanted` (upwards first) that is not in `taken`. A fleet has far fewer claws than there are ports. */
export function nearestFree(wanted: number, taken: { has(port: number): boolean }): number {
  const free = (port: number) => port >= EXPLICIT.from && port <= EXPLICIT.to && !taken.has(port);
  for (let step = 1; step <= EXPLICIT.to; step++) {
    if (free(wanted + step)) return wanted + step;
    if (free(wanted - step)) return wanted - step;
  }
  throw new RangeError("every port is taken");
}
