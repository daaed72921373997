/**
 * What every runtime's container does when it is stopped, started again and changed: `describeLifecycle` adds these tests to a runtime's contract
 * test, on the container that the file has already started.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Descriptor } from "../../runtimes/runtime.ts";
import { type Container, docker, dockerOrThrow } from "./helpers.ts";

export interface Life {
  readonly runtime: Descriptor;
  readonly image: () => string;
  /** The running claw. These tests restart, stop and replace it: call `describeLifecycle` last in the file. */
  readonly container: () => Container;
  /** Takes the container that comes instead, for the file's `afterAll` to remove. */
  readonly replaced: (container: Container) => void;
  /** An override whose value the runtime itself tells: its variable, another value than the claw has, and how it is told. */
  readonly change: {
    readonly variable: string;
    readonly value: string;
    read(container: Container): Promise<unknown>;
    readonly told: unknown;
  };
  /** An override of a key that does not exist, with its prefix: `OPENCLAW_gateway__nosuch`. */
  readonly wrongKey: string;
  /** What must be the same after each start: a command in the container. Default: the checksum of the configuration's file. */
  readonly effective?: readonly string[];
  /**
   * Wait after each of the restarts until the runtime is healthy; false where that takes seconds: then only until its configuration is there, and
   * the next restart kills it in the middle of its start.
   */
  readonly healthyBetween?: boolean;
  /** Exit codes that a runtime has when it has ended by itself after SIGTERM. Default: 0 only. */
  readonly exitCodes?: readonly number[];
}

/** The number in the first title. */
const RESTARTS = 20;

/** @param life of one runtime; give `describe.skipIf(...)` around the call where the runtime cannot be had. */
export function describeLifecycle(life: Life): void {
  const { runtime, image } = life;
  const effective = life.effective ?? ["sha256sum", runtime.config.path];

  async function fingerprint(): Promise<string> {
    const deadline = performance.now() + runtime.health.startupSeconds * 1000;
    for (;;) {
      const { code, stdout, stderr } = await life.container().exec(effective);
      if (code === 0) return stdout;
      if (performance.now() > deadline) throw new Error(`${effective.join(" ")}: ${stderr}`);
      await sleep(50);
    }
  }

  describe("restarts and stops", () => {
    test("20 restarts keep the configuration and the state", { timeout: 600_000 }, async () => {
      const container = life.container();
      const note = `${runtime.stateDir}/kept-by-the-contract-test`;
      expect((await container.exec(["sh", "-c", `echo kept > ${note}`])).code).toBe(0);
      const before = await fingerprint();
      expect(before).not.toBe("");
      for (let round = 1; round <= RESTARTS; round++) {
        const whole = round === RESTARTS || (life.healthyBetween ?? true);
        await container.restart({ healthy: whole, killed: !whole });
        expect(await fingerprint(), `restart ${round}`).toBe(before);
      }
      expect((await container.exec(["cat", note])).stdout).toBe("kept\n");
    });

    test("SIGTERM stops it cleanly within its grace period", { timeout: 300_000 }, async () => {
      const { name } = life.container();
      const before = performance.now();
      await dockerOrThrow(["stop", "--time", `${runtime.stopGraceSeconds}`, name], { timeoutSeconds: runtime.stopGraceSeconds + 60 });
      const seconds = (performance.now() - before) / 1000;
      const code = Number((await dockerOrThrow(["inspect", "--format", "{{.State.ExitCode}}", name])).trim());
      // 137 would be the daemon's SIGKILL after the grace.
      expect(life.exitCodes ?? [0]).toContain(code);
      expect(seconds).toBeLessThan(runtime.stopGraceSeconds);
    });

    test("a changed variable shows after a restart, on the same volume", { timeout: 600_000 }, async () => {
      const { variable, value, read, told } = life.change;
      const container = await life.container().recreate({ [variable]: value });
      life.replaced(container);
      expect(await read(container)).toEqual(told);
      expect((await container.exec(["cat", `${runtime.stateDir}/kept-by-the-contract-test`])).stdout).toBe("kept\n");
    });

    test("a wrong key fails the start with its name and without its value", { timeout: 120_000 }, async () => {
      const name = `${life.container().name}-wrong`;
      try {
        const args = ["run", "--name", name, "--env", `${life.wrongKey}=canary-value`, image()];
        const { code, stdout, stderr } = await docker(args, { timeoutSeconds: 60 });
        // 0 and 125: it came up, or Docker could not start it, or it was still running after a minute.
        expect([0, 125]).not.toContain(code);
        expect(stdout + stderr).toContain(life.wrongKey);
        expect(stdout + stderr).not.toContain("canary-value");
      } finally {
        await docker(["rm", "--force", "--volumes", name]);
      }
    });
  });
}
