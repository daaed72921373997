import type { Severity } from "../plugin/engine-log.ts";

/** The lines of one operation: each text once, and the status taken away at the end. */
export class Status {
  readonly #log: (severity: Severity, message: string) => Promise<void>;
  readonly #said = new Set<string>();

  constructor(log: (severity: Severity, message: string) => Promise<void>) {
    this.#log = log;
  }

  say(severity: Severity, message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    void this.#log(severity, message);
  }

  /** Takes the status line away, if there is one. */
  clear(): void {
    if (this.#said.size > 0) void this.#log("status", "");
  }
}
