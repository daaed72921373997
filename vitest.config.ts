import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    // Most of the time a test waits for a daemon or a claw.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
