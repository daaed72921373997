import { describe, expect, test } from "vitest";
import { loadFleet, parseFleet } from "../../fleet/load.ts";
import { DERIVED, derivedPort, nearestFree } from "../../fleet/ports.ts";
import { FleetError } from "../../fleet/problems.ts";
import { random } from "./random.ts";

function portsOf(names: readonly string[]): Map<string, number> | undefined {
  const text = names.map((name) => `[[agent]]\nname = "${name}"\nruntime = "openclaw"\n`).join("");
  try {
    return new Map(parseFleet(text, "f.toml", { runtimes: ["openclaw"] }).fleet.claws.map(({ name, port }) => [name, port]));
  } catch (error) {
    // Two names with one port: an error, not another port.
    if (error instanceof FleetError && error.message.includes("is also the port of")) return undefined;
    throw error;
  }
}

describe("derived ports", () => {
  test("stay what they were in earlier versions", () => {
    expect(["ada", "pixel", "zero"].map(derivedPort)).toEqual([26_061, 19_305, 15_027]);
  });

  test("lie in their range and spread over it", () => {
    const ports = Array.from({ length: 5000 }, (_, i) => derivedPort(`claw-${i}`));
    expect(ports.every((port) => port >= DERIVED.from && port <= DERIVED.to)).toBe(true);
    expect(new Set(ports).size).toBeGreaterThan(4400);
  });

  test("never move when claws come and go, in 500 random histories", () => {
    const { int, pick } = random(42);
    const known = new Map<string, number>();
    let names: string[] = [];
    let compared = 0;
    for (let step = 0; step < 500; step++) {
      if (names.length > 0 && int(3) === 0) {
        const gone = pick(names);
        names = names.filter((name) => name !== gone);
      } else {
        const name = `${pick(["a", "b", "c"])}${int(60)}`;
        if (!names.includes(name)) names.splice(int(names.length + 1), 0, name);
      }
      if (names.length === 0) continue;
      for (const [name, port] of portsOf(names) ?? []) {
        expect(port).toBe(known.get(name) ?? port);
        known.set(name, port);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(5000);
  });

  test("a collision's advice can be followed", () => {
    const file = new URL("bad/25-two-names-with-one-port.toml", import.meta.url).pathname;
    expect(() => loadFleet(file, { runtimes: ["openclaw", "picoclaw"] })).toThrow("write port = 19615 here");
    const fixed = ["cat-eve", "emu-cow"].map((name) => `[[agent]]\nname = "${name}"\nruntime = "openclaw"\n`).join("");
    const { fleet } = parseFleet(`${fixed}port = 19615\n`, "f.toml", { runtimes: ["openclaw"] });
    expect(fleet.claws.map((claw) => claw.port)).toEqual([19_616, 19_615]);
  });
});

test("the nearest free port is upwards first, and inside what may be written", () => {
  expect(nearestFree(3000, new Set([3000]))).toBe(3001);
  expect(nearestFree(3000, new Set([3000, 3001]))).toBe(2999);
  expect(nearestFree(65_535, new Set([65_535]))).toBe(65_534);
  expect(nearestFree(1024, new Set([1024, 1025]))).toBe(1026);
});
