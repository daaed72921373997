/** One answer each, from text; a UserError says what is wrong with it and what it should be. */
import { z } from "zod";
import { UserError } from "../errors.ts";

function wrong(text: string, should: string): never {
  throw new UserError(`${JSON.stringify(text)} ${should}`, 2);
}

function matching(text: string, form: RegExp, should: string): string {
  return form.test(text) ? text : wrong(text, should);
}

/** Folders beside the runtimes, users that Debian has, and words that mean something else where a runtime's name stands. */
const RESERVED = new Set(
  "entrypoint template generated test docker all default build state root daemon bin sys sync games man lp mail news uucp proxy backup list irc nobody node staff users".split(
    " ",
  ),
);

export const name = (text: string) =>
  RESERVED.has(text)
    ? wrong(text, "is a reserved name; choose another")
    : matching(
        text,
        /^(?=.{2,30}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
        "is no name: lower-case letters, digits and single hyphens, 2 to 30, a letter first",
      );

export function free(text: string, taken: ReadonlySet<string>, what: string): string {
  return taken.has(text) ? wrong(text, `is ${what} already; choose another`) : text;
}

/** `my-bot` as `My Bot`. */
export const titleOf = (id: string) =>
  id.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => (dash && " ") + letter.toUpperCase());

export const title = (text: string) =>
  matching(text.trim(), /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u, "is no title: letters, digits, spaces and . _ -, 40 at most");

/** A whole number, which another runtime may have already. */
export function number(text: string, from: number, to: number, taken: ReadonlyMap<number, string>): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= from && value <= to)) wrong(text, `is no number from ${from} to ${to}`);
  const other = taken.get(value);
  return other === undefined ? value : wrong(text, `is ${other}'s already; choose another`);
}

export const version = (text: string) =>
  matching(text, /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "is no version: letters, digits and . _ -, as an image's tag");

export const choice =
  <T extends string>(...choices: readonly T[]) =>
  (text: string): T =>
    choices.find((one) => one === text) ?? wrong(text, `is not one of ${choices.join(", ")}`);

/** An address without a user, a password, or anything that a Dockerfile or YAML would take for its own. */
const address = (text: string, schemes: string) =>
  matching(
    text,
    new RegExp(`^(${schemes})://[A-Za-z0-9.-]+(:\\d+)?(/[A-Za-z0-9._~%/+-]*)?$`),
    `is no address (${schemes.replaceAll("|", ", ")})`,
  );

export const url = (text: string) => address(text, "https|http");
export const repository = (text: string) => address(text, "https|http|git");
export const reference = (text: string) => matching(text, /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/, "is no tag or commit");
export const license = (text: string) =>
  matching(text, /^[A-Za-z0-9][A-Za-z0-9.+() -]{0,79}$/, "is no licence: an SPDX expression, such as MIT");
export const path = (text: string) => matching(text, /^\/[A-Za-z0-9._~/-]*$/, "is no path: /health, say");

export const main = (text: string) =>
  matching(text, /^\.(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/, "is no package within the module: ./cmd/NAME, say");

/** What `go install` or npm takes, without a version. */
export function module(text: string, language: "go" | "node"): string {
  return language === "go"
    ? matching(text, /^[a-z0-9-]+(\.[a-z0-9-]+)+(\/[A-Za-z0-9._~-]+)+$/, "is no Go package: github.com/OWNER/NAME/cmd/NAME, say")
    : matching(text, /^(@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*$/, "is no npm package");
}

/** Of override variables; no other prefix may begin with it, nor it with another. */
export function prefix(text: string, taken: ReadonlyMap<string, string>): string {
  matching(text, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_$/, "is no prefix: capitals, digits and single underscores, one at the end");
  const own = ["CLAW_", "CLAWFLEET_", "DOCKER_", "COMPOSE_", "PULUMI_", "NODE_", "GO_", "NPM_"].find((one) => text.startsWith(one));
  if (own !== undefined) wrong(text, `begins with ${own}, which means something else already; choose another (--env-prefix)`);
  for (const [one, owner] of taken) {
    if (one.startsWith(text) || text.startsWith(one))
      wrong(text, `and ${owner}'s ${one} cannot be told apart; choose another (--env-prefix)`);
  }
  return text;
}

export const prefixOf = (id: string) => `${id.toUpperCase().replaceAll("-", "_")}_`;

/** A command's words; quotes keep spaces together. What a shell does is for `sh -c '...'`. */
export function words(text: string): string[] {
  matching(text, /^\s*(("[^"]*"|'[^']*'|[^\s"'])+\s*)+$/, "is no command: words, and quotes in pairs");
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

/** Members of a JSON object. */
export function members(text: string): { [member: string]: z.core.util.JSONType } {
  try {
    return z.record(z.string(), z.json()).parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    return wrong(text, 'is no JSON object: {"status":"ok"}, say');
  }
}
