import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Descriptor } from "../runtimes/runtime.ts";
import { messageOf } from "./errors.ts";

/** A runtime's own answer to the question whether it is well. */
export interface Health {
  readonly healthy: boolean;
  /** The answer in short: its body, or why there is none. */
  readonly answer: string;
}

/** Asks once, at the published port, within 5 s. Healthy = status 200 and every expected member in the JSON body. */
export async function askHealth(url: string, { expect }: Descriptor["health"]): Promise<Health> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000), redirect: "manual" });
    const text = await response.text();
    const body = parsed(text);
    const healthy = response.status === 200 && Object.entries(expect).every(([key, value]) => isDeepStrictEqual(body?.[key], value));
    return { healthy, answer: `${healthy ? "" : `${response.status} `}${text.replace(/\s+/g, " ").trim()}`.trim() };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { healthy: false, answer: messageOf(cause) || "no answer" };
  }
}

/** Asks until the answer is good or the deadline has passed. */
export async function awaitHealth(url: string, expected: Descriptor["health"], deadline: number): Promise<Health> {
  for (;;) {
    const health = await askHealth(url, expected);
    if (health.healthy || Date.now() >= deadline) return health;
    await sleep(250);
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
