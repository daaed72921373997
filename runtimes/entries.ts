import { quote, suggestion } from "../fleet/problems.ts";
import type { Channel, Claw, Path, Tool } from "../fleet/types.ts";
import type { Report } from "./runtime.ts";

/** What several runtimes say of what they cannot do; each names the runtime, and what to write instead. */
export const say = {
  /** An entry of an allowlist that would never match anybody. */
  nobody: (title: string, channel: string, userIs: string, who: string) =>
    `${title} knows people on ${channel} by ${userIs}; write that instead of ${quote(who)}`,
  noAppToken: (title: string, channel: string) => `${title}'s ${channel} has no app token; remove app_token_ref`,
  noToolWhenStrict: (title: string, tool: string) =>
    `${title} has no ${tool} under security.profile "strict"; remove this tool or choose "managed"`,
};

/** One of a claw's `tools` or `channels`, with what its runtime knows by that name and its place in the fleet file. */
interface Entry<Of, Kind> {
  readonly entry: Of;
  readonly kind: Kind;
  readonly from: Path;
}

/** The claw's tools that its runtime has, each name once; the rest is reported. */
export function* toolsOf<Kind>(
  claw: Claw,
  title: string,
  kinds: { readonly [name: string]: Kind },
  report: Report,
): Generator<Entry<Tool, Kind>> {
  yield* entriesOf(claw.tools, "name", [...claw.path, "tools"], kinds, report, {
    unknown: (name, rest) => `${title} has no tool "${name}"${rest}`,
    repeated: (name) => `"${name}" is here already; remove one of the two`,
  });
}

/** As `toolsOf`, for channels. `apart` says of a known name what there is instead of a channel in the image. */
export function* channelsOf<Kind>(
  claw: Claw,
  title: string,
  kinds: { readonly [name: string]: Kind },
  report: Report,
  apart: (name: string) => string | undefined = () => undefined,
): Generator<Entry<Channel, Kind>> {
  yield* entriesOf(claw.channels, "channel", [...claw.path, "channels"], kinds, report, {
    unknown: (name, rest) => apart(name) ?? `${title} has no channel "${name}" here${rest}`,
    repeated: (name) => `a claw has one ${name} channel; remove this one or give it a claw of its own`,
  });
}

function* entriesOf<Key extends string, Of extends { readonly [key in Key]: string }, Kind>(
  entries: readonly Of[],
  key: Key,
  at: Path,
  kinds: { readonly [name: string]: Kind },
  report: Report,
  message: { unknown(name: string, rest: string): string; repeated(name: string): string },
): Generator<Entry<Of, Kind>> {
  const known = new Map(Object.entries(kinds));
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const from = [...at, index];
    const name = entry[key];
    const kind = known.get(name);
    if (kind === undefined) report([...from, key], message.unknown(name, suggestion(name, [...known.keys()])));
    else if (seen.has(name)) report([...from, key], message.repeated(name));
    else yield { entry, kind, from };
    seen.add(name);
  }
}
