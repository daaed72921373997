import { relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { loadRuntimes, runtimeNames } from "../runtimes/index.ts";
import type { Descriptor } from "../runtimes/runtime.ts";
import { UserError } from "./errors.ts";
import { type Ask, answersOf, type Taken } from "./runtime/answers.ts";
import { parseFlags, usage } from "./runtime/flags.ts";
import { initHere } from "./runtime/here.ts";
import { initRepository } from "./runtime/repository.ts";
import { say, styled } from "./terminal.ts";

/**
 * `clawfleet runtime ...`: scaffolds a new runtime.
 *
 * @param args What follows `runtime` on the command line.
 */
export async function runtime(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags(args);
  const [action, name, ...more] = positionals;
  if (values.help) {
    say(usage);
    return 0;
  }
  if (action !== "init" || more.length > 0) throw new UserError(`clawfleet runtime knows: init NAME\n\n${usage}`, 2);

  const descriptors = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
  const bases = new Map(descriptors.flatMap((descriptor) => Object.entries(descriptor.bases)));
  const repo = values.repo === undefined ? undefined : resolve(values.repo);
  const flags = values.from === undefined ? values : { ...values, from: resolve(values.from) };
  const home = (id: string) => `https://github.com/codervisor/${repo === undefined ? "clawfleet" : `${id}-docker`}`;
  const person = values.yes !== true && process.stdin.isTTY && process.stdout.isTTY ? terminal() : undefined;
  try {
    // A repository of its own is beside no other runtime.
    const answers = await answersOf(name, flags, person?.ask, takenBy(repo === undefined ? descriptors : []), home);
    if (repo !== undefined) {
      await initRepository(repo, answers, bases);
      say(`${styled("bold", `${answers.name}-docker`)} is in ${repo}; nothing is committed. Next:\n`);
      say(`  cd ${relative(process.cwd(), repo) || "."}\n  cp .env.example .env && chmod 600 .env\n  docker compose up --wait --build`);
    } else {
      const made = await initHere(answers, bases);
      say(`${styled("bold", answers.title)} is scaffolded: ${made.join(", ")}. Next:\n`);
      say(`  runtimes/${answers.name}/     its program, native.ts and runtime.ts are yours to change; then: node runtimes/generate.ts`);
      say(`  make test ARGS=${answers.name}     runs its tests`);
      say(`  runtime = "${answers.name}"        in a fleet file, then: make up FLEET=...`);
      say(`  make images ARGS="--record ${answers.name}"     notes how large its image is`);
    }
    return 0;
  } finally {
    person?.close();
  }
}

function takenBy(descriptors: readonly Descriptor[]): Taken {
  const by = <K>(key: (descriptor: Descriptor) => K) => new Map(descriptors.map((descriptor) => [key(descriptor), descriptor.title]));
  return {
    names: new Set(descriptors.map(({ name }) => name)),
    ports: by(({ port }) => port),
    uids: by(({ uid }) => uid),
    prefixes: by(({ envPrefix }) => envPrefix),
  };
}

/** Asks on the terminal. */
function terminal(): { readonly ask: NonNullable<Ask>; close(): void } {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  // Keeps what is typed, or pasted, before it is asked for.
  const typed = lines[Symbol.asyncIterator]();
  return {
    async ask(question, fallback) {
      lines.setPrompt(`${question}${fallback === undefined ? "" : ` [${fallback}]`}: `);
      lines.prompt();
      const { value, done } = await typed.next();
      if (done) throw new UserError("nothing is made", 130);
      return value.trim();
    },
    close: () => lines.close(),
  };
}
