/** A step of an image's build: an instruction of its Dockerfile. */
export interface Step {
  /** As BuildKit writes it: `[build 2/4] RUN make`. */
  readonly name: string;
  /** Its result was there already. */
  readonly cached: boolean;
  readonly seconds: number;
}

/** Reads what `docker build --progress plain` prints, line by line. */
export class Progress {
  /** Finished instructions, in the order in which they ended. */
  readonly steps: Step[] = [];
  readonly #names = new Map<string, string>();

  /** @returns the step that ends with this line, if one does */
  feed(line: string): Step | undefined {
    const [, id = "", rest = ""] = /^#(\d+) (.*)$/.exec(line) ?? [];
    // `[internal] ...` and `exporting to image` are no instructions, and a base image is only looked up.
    if (/^\[\S+ \d+\/\d+\] (?!FROM )/.test(rest)) this.#names.set(id, rest);
    const name = this.#names.get(id);
    const done = /^(CACHED|DONE)(?: (\d+(?:\.\d+)?)s)?$/.exec(rest);
    if (name === undefined || done === null) return undefined;
    const step = { name, cached: done[1] === "CACHED", seconds: Number(done[2] ?? 0) };
    this.#names.delete(id);
    this.steps.push(step);
    return step;
  }
}
