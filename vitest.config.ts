import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    testTimeout: 30_000,
    // Most of the time a test waits for a daemon or a claw.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      { extends: true, test: { name: "machine", include: ["test/**/*.test.ts"], exclude: ["test/kubernetes/**"] } },
      {
        extends: true,
        test: {
          name: "kubernetes",
          include: ["test/kubernetes/**/*.test.ts"],
          globalSetup: "test/kubernetes/setup.ts",
          // After all others: the cluster runs only while it is tested on, and a claw that starts slowly is never one that others slow down.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
