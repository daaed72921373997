/**
 * Every canonical fixture that a runtime takes, in as few claws as hold them without contradicting each other, and the comparison of what the
 * translation says with what the real runtime then says of its own configuration.
 */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { z } from "zod";
import type { Json } from "../../fleet/types.ts";
import { type Agent, extrasFixture, type Fixture, fixtures, ODD, translated } from "../../runtimes/fixtures.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import type { Runtime, Translation } from "../../runtimes/runtime.ts";

export interface Round {
  /** `claw 2`, for the name of a test. */
  readonly title: string;
  readonly agent: Agent;
  readonly fixtures: readonly Fixture[];
  /** The variables that no round before has with the same value: what is to be asked of the runtime. */
  readonly variables: readonly string[];
  readonly translation: Translation;
  /** A value for every variable of `translation.secretEnv`. */
  readonly secrets: { readonly [variable: string]: string };
}

/**
 * The fixtures that the runtime does not refuse, packed into claws that it does not refuse either.
 *
 * @param schema of the runtime's native configuration, for the fixture of `extras`
 */
export async function rounds(runtime: Runtime, schema: z.ZodType): Promise<Round[]> {
  const all = [...(await loadRuntimes(runtimeNames())).values()];
  const packed: { agent: Agent; fixtures: Fixture[] }[] = [];
  const extras = extrasFixture(runtime, schema);
  const taken = [...fixtures(all), ...(extras === undefined ? [] : [extras])].filter(
    (fixture) => fixture.by === "runtime" && accepts(runtime, fixture.with),
  );
  for (const fixture of taken) {
    const round = packed.find(({ agent }) => {
      const both = merge(agent, fixture.with);
      return both !== undefined && accepts(runtime, both);
    });
    if (round === undefined) packed.push({ agent: fixture.with, fixtures: [fixture] });
    else {
      round.agent = merge(round.agent, fixture.with) ?? round.agent;
      round.fixtures.push(fixture);
    }
  }
  const known = new Set<string>();
  const made = packed.map((round, i) => {
    const { problems: _, ...translation } = translated(runtime, round.agent);
    const secrets = secretsOf(translation);
    const given = Object.entries({ ...translation.env, ...secrets }).filter((entry) => !known.has(JSON.stringify(entry)));
    for (const entry of given) known.add(JSON.stringify(entry));
    return { ...round, title: `claw ${i + 1}`, translation, secrets, variables: given.map(([name]) => name) };
  });
  // What the last claws say in another way may be what others have said already: an allowlist is the channel's own or the claw's.
  return made.filter((round) => round.variables.length > 0);
}

const accepts = (runtime: Runtime, agent: Agent) => translated(runtime, agent).problems.length === 0;

/** A stand-in for each secret, with characters that are awkward. */
function secretsOf({ secretEnv }: Translation): { [variable: string]: string } {
  const hex = "0123456789abcdef".repeat(4);
  return Object.fromEntries(
    Object.entries(secretEnv).map(([name, source]) => [name, source.kind === "ref" ? `secret ${source.name} ${ODD}` : hex]),
  );
}

/** Both at once; undefined where they contradict each other. Tools and channels are the same where their names are. */
function merge(one: Agent, other: Agent): Agent | undefined {
  const result = new Map(Object.entries(one));
  for (const [key, value] of Object.entries(other)) {
    const own = result.get(key);
    const both = own === undefined ? value : mergeValues(own, value);
    if (both === undefined) return undefined;
    result.set(key, both);
  }
  return Object.fromEntries(result);
}

function mergeValues(one: Json, other: Json): Json | undefined {
  if (isDeepStrictEqual(one, other)) return one;
  if (isTable(one) && isTable(other)) return merge(one, other);
  if (!Array.isArray(one) || !Array.isArray(other) || ![...one, ...other].every(isTable)) return undefined;
  const all: Json[] = [...one];
  for (const item of other) {
    // A tool or a channel that is not the same in both is another one.
    const same = all.find((entry) => nameOf(entry) === nameOf(item));
    if (same === undefined) all.push(item);
    else if (!isDeepStrictEqual(same, item)) return undefined;
  }
  return all;
}

const isTable = (value: Json): value is Agent => typeof value === "object" && value !== null && !Array.isArray(value);

function nameOf(value: Json): Json | undefined {
  return isTable(value) ? (value.channel ?? value.name ?? JSON.stringify(value)) : undefined;
}

/** What a runtime says of one setting. */
export type Said = { readonly value: unknown } | { readonly secret: true } | undefined;

/**
 * Fails unless the runtime says of each setting that the translation makes what the translation says.
 *
 * @param said what the runtime says of the setting at a path; `secret` where it only says that it has one, undefined where it says nothing
 * @param elsewhere variables that are not settings: the runtime reads them from its environment
 */
export function expectReadBack(
  runtime: Runtime,
  round: Round,
  said: (path: readonly string[]) => Said,
  elsewhere: readonly string[] = [],
): void {
  const wanted = new Map<string, unknown>();
  const found = new Map<string, unknown>();
  const values = new Map(Object.entries({ ...round.translation.env, ...round.secrets }));
  for (const variable of round.variables) {
    const text = values.get(variable) ?? "";
    const path = pathOf(runtime, variable);
    if (path === undefined) {
      expect(elsewhere, "variables beside the configuration").toContain(variable);
      continue;
    }
    const answer = said(path);
    const name = path.join(".");
    const value = answer !== undefined && "value" in answer ? answer.value : undefined;
    if (answer !== undefined && "secret" in answer) {
      expect(round.secrets, "settings that are secrets").toHaveProperty([variable]);
      continue;
    }
    wanted.set(name, typeof value === "string" ? text : parsed(text));
    found.set(name, value);
  }
  const fixtures = round.fixtures.map(({ field, value }) => `${field} ${value}`).join(", ");
  expect(Object.fromEntries(found), fixtures).toEqual(Object.fromEntries(wanted));
}

/** The place in the runtime's configuration that a variable sets; undefined where it is a variable of the runtime's own. */
export function pathOf(runtime: Runtime, variable: string): string[] | undefined {
  const { envPrefix } = runtime.descriptor;
  const name = variable.startsWith(envPrefix) ? variable.slice(envPrefix.length) : "";
  return /^[a-z]/.test(name) ? name.split("__") : undefined;
}

/** As the entrypoint takes a value that is not text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Text where the runtime says something else: the comparison shows both.
    return text;
  }
}

/** The value at a path in a runtime's configuration, as JSON has it. */
export function at(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined), root);
}
