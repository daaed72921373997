import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, type TestStack } from "../docker/stack.ts";
import { cost } from "./measure.ts";
import { Report } from "./report.ts";

/** One part's measurements: its stacks, which go with it, and its table. */
export class Bench {
  /** Of each comparison. */
  readonly rounds: number;
  readonly report = new Report();
  /** A directory of its own. */
  readonly place = mkdtempSync(join(tmpdir(), "clawfleet-bench-"));
  readonly #stacks: TestStack[] = [];

  constructor(rounds: number) {
    this.rounds = rounds;
  }

  async init<T extends TestStack>(stack: T): Promise<T> {
    this.#stacks.push(stack);
    await stack.init();
    return stack;
  }

  /**
   * A Pulumi program that does nothing, with the same runtime options: what any preview and any update cost at least.
   *
   * @returns runs a command of `pulumi` on it and gives the seconds that it took
   */
  async emptyProgram(env: NodeJS.ProcessEnv): Promise<(...command: readonly string[]) => Promise<number>> {
    const dir = join(this.place, "empty");
    mkdirSync(dir);
    writeFileSync(join(dir, "Pulumi.yaml"), "name: empty\nmain: index.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n");
    writeFileSync(join(dir, "package.json"), '{"type": "module"}');
    writeFileSync(join(dir, "index.ts"), 'import "@pulumi/pulumi";\n');
    execFileSync("ln", ["-s", join(root, "node_modules"), join(dir, "node_modules")]);
    const own = { ...env, PULUMI_STACK: "empty", PULUMI_OPTION_CONFIG_FILE: join(dir, "Pulumi.empty.yaml") };
    const run = async (...command: readonly string[]) =>
      (await cost(["pulumi", "--cwd", dir, "--non-interactive", ...command], own)).seconds;
    await run("stack", "init", "empty");
    return run;
  }

  async remove(): Promise<void> {
    for (const stack of this.#stacks) await stack.remove();
    rmSync(this.place, { recursive: true, force: true });
  }
}
