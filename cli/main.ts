#!/usr/bin/env node
import { parseArgs } from "node:util";
import { FleetError } from "../fleet/problems.ts";
import { messageOf, UserError } from "./errors.ts";
import { fromRoot, root } from "./root.ts";
import { note, say, styled } from "./terminal.ts";

const usage = `clawfleet: a fleet of claws on Docker or Kubernetes

  clawfleet up                 bring the fleet up and show how every claw is
  clawfleet status [--json]    how the claws are now
  clawfleet logs CLAW [-f] [--tail N]
  clawfleet token CLAW         the token that its gateway wants
  clawfleet port-forward CLAW [PORT]
                               bring a claw on Kubernetes to 127.0.0.1, until Ctrl-C
  clawfleet down               remove what runs; data stays
  clawfleet clean [--yes]      remove data too, and on Docker images
  clawfleet render STACK [--out DIR]
                               plain manifests for Kubernetes (clawfleet render --help)
  clawfleet check [FILE]       check a fleet file (exit code 2 when it has problems)
  clawfleet doctor [--json]    what is on this machine
  clawfleet runtime init NAME  scaffold a new runtime (clawfleet runtime --help)

  -s, --stack NAME   the stack; default PULUMI_STACK, else dev
  --fleet FILE       the fleet file; default CLAWFLEET_FLEET, else the stack's config clawfleet:fleet
  -h, --help

Exit codes: 0 all is well, 1 it is not, 2 wrong input.`;

const options = {
  stack: { type: "string", short: "s" },
  fleet: { type: "string" },
  json: { type: "boolean", default: false },
  yes: { type: "boolean", short: "y", default: false },
  follow: { type: "boolean", short: "f", default: false },
  tail: { type: "string", default: "100" },
  help: { type: "boolean", short: "h", default: false },
} as const;

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError(`${error.message}\n\n${usage}`, 2);
  }
}

/** The stack that a command works on: `--stack`, else PULUMI_STACK, else dev. */
function stackName(option: string | undefined): string {
  return option ?? (process.env.PULUMI_STACK || "dev");
}

async function main(args: string[]): Promise<number> {
  // Its options are its own, and its paths are from where it was called.
  if (args[0] === "runtime") return await (await import("./runtime.ts")).runtime(args.slice(1));
  if (args[0] === "render") return await (await import("./render.ts")).render(args.slice(1));
  const { values, positionals } = parsed(args);
  const [command, operand, second, ...more] = positionals;
  if (values.help || command === "help") {
    say(usage);
    return 0;
  }
  const takes = { logs: 1, token: 1, check: 1, "port-forward": 2 };
  const most = Object.entries(takes).find(([name]) => name === command)?.[1] ?? 0;
  if ([operand, second, ...more].filter((one) => one !== undefined).length > most) throw new UserError(`too many arguments\n\n${usage}`, 2);
  if (values.fleet !== undefined) process.env.CLAWFLEET_FLEET = fromRoot(values.fleet);
  const file = command === "check" && operand !== undefined ? fromRoot(operand) : undefined;
  // Where the program runs too: a path in the stack's config or in CLAWFLEET_FLEET means the same to both.
  process.chdir(root);
  const stack = stackName(values.stack);
  // Each command's modules are loaded only when it runs.
  switch (command) {
    case "up":
      return await (await import("./up.ts")).up(stack);
    case "status":
      return await (await import("./status.ts")).status(stack, values.json);
    case "logs": {
      const tail = Number(values.tail);
      if (operand === undefined || !Number.isInteger(tail) || tail < 0) throw new UserError("clawfleet logs CLAW [-f] [--tail N]", 2);
      return await (await import("./logs.ts")).logs(stack, operand, values.follow, tail);
    }
    case "token":
      if (operand === undefined) throw new UserError("clawfleet token CLAW", 2);
      return await (await import("./token.ts")).token(stack, operand);
    case "port-forward": {
      const port = second === undefined ? undefined : Number(second);
      const fits = port === undefined || (/^\d+$/.test(second ?? "") && port >= 1 && port <= 65535);
      if (operand === undefined || !fits) throw new UserError("clawfleet port-forward CLAW [PORT], a port from 1 to 65535", 2);
      return await (await import("./port-forward.ts")).portForward(stack, operand, port);
    }
    case "down":
      return await (await import("./down.ts")).down(stack);
    case "clean":
      return await (await import("./clean.ts")).clean(stack, values.yes);
    case "check":
      return await (await import("./check.ts")).check(stack, file);
    case "doctor":
      return await (await import("./doctor.ts")).doctor(stack, values.json);
    default:
      throw new UserError(command === undefined ? usage : `no command "${command}"\n\n${usage}`, 2);
  }
}

// Who reads us may stop early (`clawfleet logs ada | head`): that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof FleetError) {
    note(error.message);
    process.exitCode = 2;
  } else if (error instanceof UserError) {
    note(`${styled("red", "clawfleet:")} ${error.message}`);
    process.exitCode = error.code;
  } else if (process.env.CLAWFLEET_DEBUG) {
    throw error;
  } else {
    note(`${styled("red", "clawfleet:")} ${messageOf(error)} (CLAWFLEET_DEBUG=1 shows where)`);
    process.exitCode = 1;
  }
}
