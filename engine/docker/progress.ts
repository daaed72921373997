import { lastLines } from "./container-logs.ts";
import { fieldsOf, textOf } from "./wire.ts";

/** Lines of a step kept for the error that may come. */
const KEPT = 200;

const cut = (text: string): string => (text.length > 240 ? `${text.slice(0, 160)} … ${text.slice(-70)}` : text);

interface Step {
  name: string;
  started: boolean;
  completed: boolean;
  cached: boolean;
  error: string;
  /** Text after the last complete line. */
  rest: string;
  readonly lines: string[];
}

/** What BuildKit reports of a build, put together from its messages (controlapi.StatusResponse). */
export class Progress {
  readonly #steps = new Map<string, Step>();
  readonly #say: (line: string) => void;
  readonly #hide: (line: string) => string;

  /** `say` gets each line that shows what goes on; `hide` takes secrets out of it first. */
  constructor(say: (line: string) => void, hide: (line: string) => string) {
    this.#say = say;
    this.#hide = hide;
  }

  #step(digest: string): Step {
    let step = this.#steps.get(digest);
    if (!step) {
      step = { name: "", started: false, completed: false, cached: false, error: "", rest: "", lines: [] };
      this.#steps.set(digest, step);
    }
    return step;
  }

  /** Takes one message: vertexes = 1, statuses = 2, logs = 3. */
  message(bytes: Buffer): void {
    for (const field of fieldsOf(bytes)) {
      if (!field.bytes) continue;
      if (field.number === 1) this.#vertex(field.bytes);
      else if (field.number === 3) this.#log(field.bytes);
    }
  }

  /** Vertex: digest = 1, name = 3, cached = 4, started = 5, completed = 6, error = 7. */
  #vertex(bytes: Buffer): void {
    const step = this.#step(textOf(bytes, 1));
    const before = step.started;
    for (const field of fieldsOf(bytes)) {
      if (field.number === 3 && field.bytes) step.name = this.#hide(field.bytes.toString("utf8"));
      else if (field.number === 4) step.cached = field.varint === 1;
      else if (field.number === 5) step.started = true;
      else if (field.number === 6) step.completed = true;
      else if (field.number === 7 && field.bytes) step.error = this.#hide(field.bytes.toString("utf8"));
    }
    if (step.started && !before && !step.cached && !step.name.startsWith("[internal]")) this.#say(step.name);
  }

  /** VertexLog: vertex = 1, msg = 4. */
  #log(bytes: Buffer): void {
    const step = this.#step(textOf(bytes, 1));
    let message = "";
    for (const field of fieldsOf(bytes)) if (field.number === 4 && field.bytes) message = field.bytes.toString("utf8");
    const lines = (step.rest + message).split("\n");
    step.rest = lines.pop() ?? "";
    for (const line of lastLines(lines.join("\n"), KEPT)) {
      const clean = this.#hide(line);
      step.lines.push(clean);
      this.#say(clean);
    }
    if (step.lines.length > KEPT) step.lines.splice(0, step.lines.length - KEPT);
  }

  /** The step that failed with its last lines, as an error message; undefined when none did. */
  failure(count = 20): string | undefined {
    // A failing step cancels those beside it: theirs is not the reason.
    const failed = [...this.#steps.values()].filter((step) => step.error !== "");
    const step = failed.find((one) => !/context canceled/i.test(one.error)) ?? failed[0];
    if (!step) return undefined;
    const lines = [...step.lines, ...lastLines(this.#hide(step.rest))].slice(-count);
    const tail = lines.length > 0 ? `\nIts last lines:\n${lines.map((line) => `    ${line}`).join("\n")}` : "";
    return `step '${cut(step.name)}' failed: ${cut(step.error)}${tail}`;
  }
}
