import { type StdioOptions, spawn } from "node:child_process";
import { z } from "zod";
import { systemCode, UserError } from "./errors.ts";
import { root } from "./root.ts";
import { colourful } from "./terminal.ts";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where Pulumi's output goes: into the result, or as it comes to our stdout and stderr, or all of it to stderr. */
type Show = "no" | "yes" | "stderr";
const stdio: Readonly<Record<Show, StdioOptions>> = {
  no: ["ignore", "pipe", "pipe"],
  yes: "inherit",
  stderr: ["inherit", 2, "inherit"],
};

/**
 * Runs `pulumi` in the repository. Its settings and secrets come from the environment, never from the command line.
 *
 * @param show Where it is shown, Ctrl-C reaches it alone, so that it ends in order.
 * @param more Further environment.
 */
async function run(args: readonly string[], show: Show, more: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = { ...process.env, ...more };
  const child = spawn("pulumi", args, { cwd: root, env, stdio: stdio[show] });
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  // A terminal sends Ctrl-C to both; what is sent to us alone is passed on. Either way we stay until Pulumi has ended.
  const stay = () => {};
  const pass = () => child.kill("SIGTERM");
  process.on("SIGINT", stay).on("SIGTERM", pass);
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", (error) => {
        reject(
          systemCode(error) === "ENOENT"
            ? new UserError("pulumi is not on the PATH: run this in the shell that `make shell` opens")
            : error,
        );
      });
      child.on("close", (code) => resolve({ code: code ?? 1, ...output }));
    });
  } finally {
    process.off("SIGINT", stay).off("SIGTERM", pass);
  }
}

/**
 * Runs a command of Pulumi for the user to see.
 *
 * @param show `stderr` where stdout holds data. @default yes
 * @param env Further environment. @default none
 * @returns its exit code
 */
export async function showPulumi(args: readonly string[], show: "yes" | "stderr" = "yes", env: NodeJS.ProcessEnv = {}): Promise<number> {
  const interactive = process.stdin.isTTY && process.stdout.isTTY ? [] : ["--non-interactive"];
  const { code } = await run([...args, ...interactive, "--color", colourful() ? "always" : "never"], show, env);
  return code;
}

/** The output of a command of Pulumi that asks for something. @throws UserError with Pulumi's own words when it fails */
export async function askPulumi(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...args, "--non-interactive", "--color", "never"], "no");
  if (code !== 0) throw new UserError(`pulumi ${args.slice(0, 2).join(" ")} failed: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  id: z.string().optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
});
const exported = z.object({
  deployment: z.object({
    resources: z.array(resource).optional(),
    pending_operations: z.array(z.object({ type: z.string(), resource })).optional(),
  }),
});

/** The stack's state: its resources, and what a killed run had begun. Secrets in it are encrypted. */
export type State = z.infer<typeof exported>["deployment"];

/** The stack's state, or undefined when there is no such stack. */
export async function readState(stack: string): Promise<State | undefined> {
  const args = ["stack", "export", "--stack", stack, "--non-interactive", "--color", "never"];
  const { code, stdout, stderr } = await run(args, "no");
  if (code === 0) return exported.parse(JSON.parse(stdout)).deployment;
  if (/no stack named/.test(stderr)) return undefined;
  throw new UserError(`pulumi stack export failed: ${stderr.trim()}`);
}

/** The inventory among a state's outputs; empty before the first `up`. */
export function inventoryOf(state: State | undefined): Inventory {
  const outputs = state?.resources?.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs;
  return inventory.parse(outputs?.claws ?? []);
}

const inventory = z.array(
  z.object({
    name: z.string(),
    runtime: z.string(),
    version: z.string(),
    url: z.string(),
    healthUrl: z.string(),
    imageDigest: z.string(),
    container: z.string(),
    volume: z.string(),
    uid: z.number(),
  }),
);

/** What the program says of its claws (stack output `claws`). */
export type Inventory = z.infer<typeof inventory>;

/** Makes a stack, with what the environment says of its backend and its passphrase. */
export async function makeStack(stack: string): Promise<void> {
  await askPulumi(["stack", "init", stack]);
}

const settings = z.record(z.string(), z.object({ value: z.string().optional() }));

/** The stack's config by key; the value of a secret is undefined. */
export async function readConfig(stack: string): Promise<ReadonlyMap<string, string | undefined>> {
  const values = settings.parse(JSON.parse(await askPulumi(["config", "--json", "--stack", stack])));
  return new Map(Object.entries(values).map(([key, { value }]) => [key, value]));
}

/** One value of the stack's config, a secret's too. */
export async function readSetting(stack: string, key: string): Promise<string> {
  return (await askPulumi(["config", "get", key, "--stack", stack])).trimEnd();
}

const history = z.array(z.object({ kind: z.string(), startTime: z.string(), endTime: z.string(), result: z.string() }));

/** Since when updates of the stack have not succeeded: the end of the last success, or the first one there is. Undefined when the last one did. */
export async function failingSince(stack: string): Promise<Date | undefined> {
  const all = history.parse(JSON.parse(await askPulumi(["stack", "history", "--json", "--page-size", "50", "--stack", stack])));
  const runs = all.filter(({ kind }) => kind === "update" || kind === "destroy");
  const success = runs.findIndex(({ result }) => result === "succeeded");
  const since = success < 0 ? runs.at(-1)?.startTime : runs[success]?.endTime;
  return success === 0 || since === undefined ? undefined : new Date(since);
}
