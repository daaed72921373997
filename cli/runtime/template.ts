import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../root.ts";

/** Where the templates are. */
export const template = join(root, "runtimes/template");

/** What stands for a template's `@word@`. */
export interface Words {
  readonly [word: string]: string | readonly string[];
}

/** A template's text with `@word@` replaced by that value; a line that is nothing else, by as many lines as there are. */
export function fill(file: string, words: Words): string {
  const of = (word: string): string | readonly string[] => {
    const value = words[word];
    if (value === undefined) throw new Error(`${file}: @${word}@ is not known`);
    return value;
  };
  return readFileSync(join(template, file), "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, word] = /^\s*@([a-z]+)@$/.exec(line) ?? [];
      return word === undefined ? [line.replace(/@([a-z]+)@/g, (_, each: string) => [of(each)].flat().join("\n"))] : of(word);
    })
    .join("\n");
}
