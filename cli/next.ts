import type { Launch } from "../runtimes/runtime.ts";
import type { TargetKind } from "./target.ts";
import { styled } from "./terminal.ts";

type Command = "up" | "down" | "clean" | "status" | "logs" | "token" | "port-forward" | "preview";

/**
 * A command as it can be typed where this one was: by make, or in a shell with clawfleet on the PATH. It names the stack where
 * another one would be taken.
 *
 * @param claw For the commands that take one.
 * @param options E.g. `-f`.
 */
export function typed(command: Command, stack: string, claw = "", options = "", env: NodeJS.ProcessEnv = process.env): string {
  if (env.MAKELEVEL === undefined) {
    const named = stack === (env.PULUMI_STACK || "dev") ? "" : `--stack ${stack}`;
    const program = command === "preview" ? "pulumi" : "clawfleet";
    return [program, command, claw, options, named].filter((word) => word !== "").join(" ");
  }
  // What was said on make's command line; what is in the environment stays there.
  const words = [claw && `CLAW=${claw}`, options && `ARGS=${options}`, env.STACK && `STACK=${env.STACK}`];
  return ["make", command === "port-forward" ? "forward" : command, ...words.filter(Boolean)].join(" ");
}

/** Commands to try after an `up`, with what they are for. */
export function nextCommands(stack: string, target: TargetKind, launches: readonly Launch[], fleetFile: string): string[] {
  const claw = launches[0]?.claw;
  const guarded = launches.find(({ secretEnv }) => Object.values(secretEnv).some(({ kind }) => kind === "gateway-token"))?.claw;
  const preview = typed("preview", stack, "", process.env.MAKELEVEL === undefined ? "--diff" : "");
  const forwarded = launches[0] === undefined ? "" : `http://127.0.0.1:${launches[0].hostPort}`;
  const commands = [
    [typed("logs", stack, claw, "-f"), "what a claw says"],
    ...(target === "kubernetes" ? [[typed("port-forward", stack, claw), `brings it to ${forwarded}`]] : []),
    [typed("status", stack), "the table above, now"],
    ...(guarded === undefined ? [] : [[typed("token", stack, guarded), `the token that ${guarded}'s gateway wants`]]),
    [preview, "what an edit would change"],
    [typed("up", stack), `after an edit of ${fleetFile}: one [[agent]] more is one claw more`],
    [typed("down", stack), "stops and removes all but data (clean: data too)"],
  ];
  const width = Math.max(...commands.map(([command = ""]) => command.length));
  return [styled("bold", "Next"), ...commands.map(([command = "", what]) => `  ${command.padEnd(width)}  ${what}`)];
}
