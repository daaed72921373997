import type { Descriptor } from "./runtime.ts";

/** Seconds that a container's own check of a healthy claw lasts: it sleeps in between, so that an idle claw costs nothing. */
export const HOLD_SECONDS = 30;

/**
 * Docker's health check of a runtime's container, whoever starts it. The check in the image asks each 100 ms until the first good answer and sleeps
 * between later ones: below Engine 25 Docker itself knows no fast start with a slow pace afterwards. Durations in milliseconds.
 */
export function healthcheckOf({ health }: Descriptor) {
  return {
    test: ["CMD", "/usr/local/bin/entrypoint", "health", "--hold", `${HOLD_SECONDS}s`],
    // Before the first check; later ones are apart by what they themselves sleep.
    interval: 200,
    // Longer than a start and than a hold: the check itself decides.
    timeout: (Math.max(health.startupSeconds, HOLD_SECONDS) + 60) * 1000,
    retries: 1,
    startPeriod: 0,
  } as const;
}

/** Mount options by path. /run/claw holds the effective configuration, secrets included: private to the runtime's user, in memory. */
export function tmpfsOf({ uid, tmpfs }: Descriptor): Record<string, string> {
  const owner = `uid=${uid},gid=${uid}`;
  const further = tmpfs.map(({ path, sizeMiB, exec }) => [path, `${owner},mode=1777,size=${sizeMiB}m${exec ? ",exec" : ""}`]);
  return Object.fromEntries([["/run/claw", `${owner},mode=0700,size=4m`], ...further]);
}

/** Rotation of a container's log. */
export const LOGGING = { driver: "json-file", options: { "max-file": "3", "max-size": "10m" } } as const;

/**
 * Build secrets and the variables they come from: the machine's proxies, mirrors and CA, which must reach the build but no layer. An unset one is
 * an empty secret.
 */
export const buildSecrets = [
  { id: "build-env", env: "CLAWFLEET_BUILD_ENV" },
  { id: "ca", env: "CLAWFLEET_BUILD_CA" },
  { id: "npmrc", env: "CLAWFLEET_BUILD_NPMRC" },
  { id: "cargo", env: "CLAWFLEET_BUILD_CARGO" },
] as const;
