import { parseArgs } from "node:util";
import { UserError } from "../errors.ts";

export const usage = `clawfleet runtime init NAME --port PORT: scaffold a new runtime, in this repository or as one of its own

  --repo DIR          make a stand-alone repository there instead, with all it needs
  --title TITLE       default: NAME, capitalized
  --port PORT         its port inside the container
  --version VERSION   of its program, as upstream writes it; default 0.1.0
  --build go|node     what its program is built with; default go
  --from DIR          its program: a copy of this folder (Go: a module; Node: package-lock.json and server.js),
  --package NAME        or this Go command or npm package, at VERSION,
  --git URL [--ref R]   or this repository, at R (default: VERSION);
                        none of the three: a small HTTP server, to start from
  --main PATH         Go: the package to build in DIR or the repository; default .
  --command "..."     how it is started; default: the program, with its configuration's path as argument
  --format json|toml  of its configuration; default json
  --health PATH       where it says that it is alive; default /health
  --expect JSON       members that this answer has; default {"status":"ok"}
  --uid UID           in the image; default: the next free one from 10001
  --env-prefix P_     of the variables that override its settings; default NAME_
  --source URL        its home page
  --license SPDX      its licence; default Apache-2.0, required for --package and --git
  -y, --yes           take the defaults, ask nothing

What is not said is asked for on a terminal, else it is the default.`;

const text = { type: "string" } as const;
const options = {
  ...{ repo: text, title: text, port: text, version: text, build: text, from: text, package: text, git: text, ref: text, main: text },
  ...{ command: text, format: text, health: text, expect: text, uid: text, "env-prefix": text, source: text, license: text },
  yes: { type: "boolean", short: "y" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws UserError (exit code 2) for a wrong command line */
export function parseFlags(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError(`${error.message}\n\n${usage}`, 2);
  }
}

export type Flags = ReturnType<typeof parseFlags>["values"];
