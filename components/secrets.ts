import { type Output, RunError, secret } from "@pulumi/pulumi";
import type { Path } from "../fleet/types.ts";
import type { Launch, SecretSource } from "../runtimes/runtime.ts";
import type { Environment } from "./environment.ts";
import { gatewayToken, tokenHash } from "./token.ts";

/** Variables in which keys of these providers usually are, in order; others follow the rule `<NAME>_API_KEY`. */
const usualVariables: { readonly [ref: string]: readonly string[] } = {
  google: ["GOOGLE_API_KEY", "GEMINI_API_KEY"],
  gemini: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
};

function upper(ref: string): string {
  return ref.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

/** The environment variable that holds a named secret when the stack's config does not. */
export function secretVariable(ref: string): string {
  return `CLAWFLEET_SECRET_${upper(ref)}`;
}

/** A secret without a value. */
export interface Missing {
  readonly claw: string;
  readonly name: string;
  readonly required: boolean;
  readonly path: Path;
}

function howToSet(name: string): string {
  return `pulumi config set --secret secrets:${name} (or ${secretVariable(name)} in the environment or in .env)`;
}

/** Says that a claw cannot come up, and what to do. */
export function requiredMessage({ claw, name }: Missing): string {
  return `no value for the secret "${name}" of claw "${claw}": ${howToSet(name)}`;
}

/** Says which claws come up without a secret that they would use; a line per secret. */
export function optionalMessages(missing: readonly Missing[]): string[] {
  const byName = Map.groupBy(missing, ({ name }) => name);
  return [...byName].map(
    ([name, users]) => `no value for "${name}": ${users.map(({ claw }) => claw).join(", ")} without it. ${howToSet(name)}`,
  );
}

/**
 * Finds the values of secrets. Every value is a Pulumi secret from the first line on.
 *
 * A named secret is looked up in the stack's config (`secrets:<name>`), then in `CLAWFLEET_SECRET_<NAME>`, then, when it
 * is a model's key (a secret a claw comes up without), in its provider's usual variable (`ANTHROPIC_API_KEY`).
 */
export class Secrets {
  readonly #config: (name: string) => Output<string> | undefined;
  readonly #seed: Output<string> | undefined;
  readonly #env: Environment;

  /**
   * @param config A secret of the stack's config, namespace `secrets`.
   * @param seed The stack's `clawfleet:tokenSeed`; default `CLAWFLEET_TOKEN_SEED` of `env`.
   * @param env See `environment`.
   */
  constructor(config: (name: string) => Output<string> | undefined, seed: Output<string> | undefined, env: Environment) {
    this.#config = config;
    this.#seed = seed ?? (env.CLAWFLEET_TOKEN_SEED ? secret(env.CLAWFLEET_TOKEN_SEED) : undefined);
    this.#env = env;
  }

  /** The value, or undefined when there is none. A gateway token (or its hash) without a seed is an error. */
  find(source: SecretSource, claw: string): Output<string> | undefined {
    if (source.kind === "gateway-token") {
      const token = this.#gatewayToken(claw);
      return source.hash === "sha256" ? secret(token.apply(tokenHash)) : token;
    }
    const stored = this.#config(source.name);
    if (stored !== undefined) return secret(stored);
    const usual = source.required ? [] : (usualVariables[source.name] ?? [`${upper(source.name)}_API_KEY`]);
    for (const variable of [secretVariable(source.name), ...usual]) {
      const value = this.#env[variable];
      if (value) return secret(value);
    }
    return undefined;
  }

  /** The secrets of these claws that have no value. */
  missing(launches: readonly Launch[]): Missing[] {
    return launches.flatMap(({ claw, secretEnv }) =>
      Object.values(secretEnv).flatMap((source) =>
        source.kind === "ref" && this.find(source, claw) === undefined
          ? [{ claw, name: source.name, required: source.required, path: source.path }]
          : [],
      ),
    );
  }

  /** The stack's token seed. None is an error. */
  get seed(): Output<string> {
    if (this.#seed === undefined) {
      throw new RunError(
        `no seed for gateway tokens: openssl rand -hex 32 | pulumi config set --secret clawfleet:tokenSeed (or CLAWFLEET_TOKEN_SEED in the environment)`,
      );
    }
    return secret(this.#seed);
  }

  /**
   * The values of a claw's secrets by environment variable; those of secrets that it comes up without may be absent.
   *
   * @throws RunError when one that it needs has no value
   */
  of({ claw, secretEnv }: Launch): Map<string, Output<string>> {
    const values = new Map<string, Output<string>>();
    for (const [variable, source] of Object.entries(secretEnv)) {
      const value = this.find(source, claw);
      if (value !== undefined) values.set(variable, value);
      else if (source.kind === "ref" && source.required) throw new RunError(`claw "${claw}": no value for the secret "${source.name}"`);
    }
    return values;
  }

  #gatewayToken(claw: string): Output<string> {
    return secret(this.seed.apply((seed) => gatewayToken(seed, claw)));
  }
}
