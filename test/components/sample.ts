import type { Descriptor, Launch } from "../../runtimes/runtime.ts";

/** A runtime of the tests; its folder holds an image only where a test makes one. */
export const descriptor: Descriptor = {
  name: "picoclaw",
  title: "Testclaw",
  version: "1.2.3",
  source: "https://example.com/testclaw",
  upstream: { kind: "npm", name: "testclaw" },
  license: "MIT",
  uid: 10042,
  port: 8080,
  health: { path: "/health", expect: { ok: true }, startupSeconds: 120 },
  stateDir: "/home/testclaw/.testclaw",
  tmpfs: [
    { path: "/tmp", sizeMiB: 64, exec: false },
    { path: "/home/testclaw/.cache", sizeMiB: 32, exec: true },
  ],
  stopGraceSeconds: 12,
  minMemoryMiB: 128,
  config: { format: "json", overrides: "merge", path: "/run/claw/config.json" },
  envPrefix: "TESTCLAW_",
  variables: [],
  env: { HOME: "/home/testclaw", ZED: "z" },
  command: ["testclaw"],
  bases: { DEBIAN: "debian:bookworm-slim@sha256:0", GO: "golang:1@sha256:1" },
  buildArgs: { VERSION: "1.2.3" },
};

export function launch(change: Partial<Launch> = {}): Launch {
  return {
    claw: "ada",
    runtime: descriptor,
    hostPort: 3000,
    env: { ZED: "z", ALPHA: "a=b" },
    secretEnv: {
      TESTCLAW_key: { kind: "ref", name: "anthropic", required: false, path: ["agent", 0, "model", "api_key_ref"] },
      TESTCLAW_TOKEN: { kind: "gateway-token" },
    },
    memoryMiB: 1024,
    cpus: 1.5,
    maxOpenFiles: 65536,
    docker: "none",
    network: { egress: [{ kind: "internet" }], ingress: [] },
    ...change,
  };
}
