import { expect } from "vitest";
import type { Claw } from "../../fleet/types.ts";
import type { Runtime, Translation } from "../../runtimes/runtime.ts";
import { claw } from "../contract/helpers.ts";

/** Ways to translate a claw that has every default but for a change; it is the third agent of its file. */
export function translator(runtime: Runtime) {
  /** Translation and problems, as `agent.2.path.of.it: message`. */
  function translate(change: Partial<Claw>): Translation & { readonly problems: string[] } {
    const problems: string[] = [];
    const subject = claw(runtime.descriptor, { path: ["agent", 2], ...change });
    const translation = runtime.translate(subject, (path, message) => problems.push(`${path.join(".")}: ${message}`));
    return { ...translation, problems };
  }

  /** The translation of a claw that has no problems. */
  function good(change: Partial<Claw>): Translation {
    const { problems, ...translation } = translate(change);
    expect(problems).toEqual([]);
    return translation;
  }

  return { translate, good, problemsOf: (change: Partial<Claw>) => translate(change).problems };
}
