/**
 * docs/runtimes.md: what each setting of a fleet file becomes in each runtime's own configuration, found out by translating the canonical fixtures,
 * and which test has seen what of the real runtimes.
 */
import type { z } from "zod";
import { differences, extrasFixture, type Fixture, fixtures, isBesideThePoint, type Outcome, translated } from "./fixtures.ts";
import type { Descriptor, Runtime } from "./runtime.ts";
import { CLAIMS, shownBy } from "./shown.ts";

export interface Subject {
  readonly runtime: Runtime;
  /** Of its native configuration. */
  readonly schema: z.ZodType;
}

/** Sentences below a table that its cells refer to by number, each once. */
class Notes {
  readonly #notes: string[] = [];

  number(note: string): number {
    if (!this.#notes.includes(note)) this.#notes.push(note);
    return this.#notes.indexOf(note) + 1;
  }

  lines(): string[] {
    return this.#notes.length === 0 ? [] : ["", ...this.#notes.map((note, i) => `${i + 1}. ${plain(note)}`)];
  }
}

/** A message as Markdown shows it unchanged. */
const plain = (text: string) => text.replaceAll(/[\\<>*_`|[\]]/g, "\\$&");

const code = (text: string) => `\`${text.replaceAll("|", "\\|")}\``;

/** `OPENCLAW_gateway__port` as `gateway.port`; a variable of the runtime's own as `$ANTHROPIC_API_KEY`. */
function native({ envPrefix }: Descriptor, variable: string): string {
  const path = variable.startsWith(envPrefix) ? variable.slice(envPrefix.length) : "";
  return code(/^[a-z]/.test(path) ? path.replaceAll("__", ".") : `$${variable}`);
}

interface Tried {
  readonly fixture: Fixture;
  readonly on: Outcome;
  readonly off: Outcome;
}

const refused = ({ problems }: Outcome) => problems.length > 0;
const messageOf = ({ problems }: Outcome) => [...new Set(problems.map(({ message }) => message))].join("; ");

/** The message with a word for the tool or the provider that it is about, so that what is said of many is said once. */
function general({ fixture, on }: Tried): string {
  const [what, name = ""] =
    fixture.field === "model.provider" ? ["provider", JSON.parse(fixture.value)] : ["tool", /^(\w+) =/.exec(fixture.value)?.[1] ?? ""];
  return name === "" ? messageOf(on) : messageOf(on).replace(new RegExp(`(?<!no )\\b${name}\\b`), `<${what}>`);
}

/** What becomes of some fixtures of one setting: the keys, and for what is refused the numbers of the messages. */
function cell({ descriptor }: Runtime, tried: readonly Tried[], notes: Notes): string {
  const taken = tried.filter(({ on }) => !refused(on));
  const keys = [...new Set(taken.flatMap(({ on, off }) => differences(on, off)))].map((variable) => native(descriptor, variable));
  const lines = keys.length > 0 ? keys : taken.length > 0 ? ["as it is"] : [];
  const byMessage = Map.groupBy(
    tried.filter(({ on }) => refused(on)),
    general,
  );
  for (const [message, which] of byMessage) {
    const values = taken.length === 0 && byMessage.size === 1 ? "" : `${which.map(({ fixture }) => code(shortValue(fixture))).join(", ")} `;
    lines.push(`${values}refused (${notes.number(message)})`);
  }
  return lines.join("<br>");
}

/** The value alone, without the tool or the channel that it is of. */
const shortValue = ({ value }: Fixture) => value.replace(/^\w+( =|:) /, "");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

/** One table: a row for each group of fixtures, a column for each runtime. */
function section(runtimes: readonly Runtime[], rows: ReadonlyMap<string, readonly Fixture[]>, first = "setting"): string[] {
  const notes = new Notes();
  const lines = [...rows].map(([name, group]) => [
    code(name),
    ...runtimes.map((runtime) => {
      const telling = group.filter((fixture) => !isBesideThePoint(runtime, fixture));
      const tried = telling.map((fixture) => ({
        fixture,
        on: translated(runtime, fixture.with),
        off: translated(runtime, fixture.without),
      }));
      return cell(runtime, tried, notes);
    }),
  ]);
  return [...table([first, ...runtimes.map(({ descriptor }) => descriptor.title)], lines), ...notes.lines()];
}

/** One type of channel: the runtimes that have it in columns, and what the others say below. */
function channel(type: string, runtimes: readonly Runtime[], all: readonly Fixture[]): string[] {
  const opening = all.filter(({ field, value }) => field === "channels[].channel" && value === JSON.stringify(type));
  const whys = runtimes.map((runtime) => ({ runtime, why: opening.map((fixture) => messageOf(translated(runtime, fixture.with))).join() }));
  const having = whys.filter(({ why }) => why === "").map(({ runtime }) => runtime);
  const ofType = all.filter(({ field, value }) => field.startsWith("channels[].") && value.startsWith(`${type}: `));
  const rows = new Map([["channels[].channel", opening], ...Map.groupBy(ofType, ({ field }) => field)]);
  const without = whys.filter(({ why }) => why !== "").map(({ why }) => `- ${plain(why)}`);
  return [
    `### ${type}`,
    "",
    ...(having.length > 0 ? section(having, rows) : []),
    ...(without.length > 0 ? ["", "Refused elsewhere:", "", ...without] : []),
    "",
  ];
}

/** What somebody who has just met the runtime needs to know. */
function introduction({ runtime: { descriptor } }: Subject): string {
  const { name, title, version, config, envPrefix, stateDir, port, health, docker } = descriptor;
  const how =
    config.overrides === "merge"
      ? `written anew at each start from [the default](../runtimes/${name}/config.${config.format}) and the variables \`${envPrefix}<path__to__key>\``
      : `put there once from [the default](../runtimes/${name}/config.${config.format}); the variables \`${envPrefix}<path__to__key>\` win over it at each start`;
  return [
    `- **[${title}](../runtimes/${name}/README.md)** ${version}: ${config.format.toUpperCase()} in \`${config.path}\`, ${how}.`,
    `  State in \`${stateDir}\`, port ${port}, health \`GET ${health.path}\`.${docker === undefined ? "" : ` It needs Docker to ${docker.why}.`}`,
  ].join("\n");
}

function shown(subjects: readonly Subject[]): string[] {
  const rows = subjects.map(({ runtime: { descriptor } }) => {
    const tests = shownBy(descriptor.name);
    const where = descriptor.buildArgs.REPO === undefined ? "everywhere" : "where its repository can be reached";
    return [descriptor.title, ...CLAIMS.map((claim) => plain(tests[claim].replace(/,? %s$/, ""))), where];
  });
  return table(["runtime", ...CLAIMS, "run for real"], rows);
}

/** The whole of docs/runtimes.md. */
export function mappingDoc(subjects: readonly Subject[]): string {
  const runtimes = subjects.map(({ runtime }) => runtime);
  const all = fixtures(runtimes).filter(({ odd, by }) => !odd && by === "runtime");
  const of = (start: string) => all.filter(({ field }) => field.startsWith(start));
  const byField = (start: string) => Map.groupBy(of(start), ({ field }) => field);
  const types = of("channels[].channel").map(({ value }) => value.replaceAll('"', ""));
  const clawfleets = [...new Set(fixtures(runtimes).flatMap(({ field, by }) => (by === "clawfleet" ? [code(field)] : [])))];
  const security = new Map([...byField("security.")].filter(([field]) => field !== "security.allowlist"));
  return `${[
    "<!-- Written by: node runtimes/generate.ts -->",
    "# What a fleet file becomes",
    "",
    "One fleet file says the same of every runtime; here is what each makes of it. Keys are paths in the runtime's own configuration, `$NAME` is a",
    "variable of its environment. What a runtime cannot do is refused with the message below the table, never left out. *As it is* means that the",
    "runtime has no other way.",
    "",
    ...subjects.map(introduction),
    "",
    "## Model",
    "",
    ...section(runtimes, byField("model.")),
    "",
    "## Tools",
    "",
    "`tools[].allowed`, tool by tool. What holds for a tool that is not named is up to `security.profile`.",
    "",
    ...section(
      runtimes,
      Map.groupBy(of("tools[]."), ({ value }) => value.split(" ")[0] ?? ""),
      "tool",
    ),
    "",
    "## Channels",
    "",
    "`security.allowlist` is the allowlist of each channel that has none of its own.",
    "",
    ...types.flatMap((type) => channel(type, runtimes, all)),
    "## Memory",
    "",
    ...section(runtimes, byField("memory.")),
    "",
    "## Security",
    "",
    ...section(runtimes, security),
    "",
    `The container holds these, whatever runs in it: ${clawfleets.join(", ")}.`,
    "",
    "## Schedule",
    "",
    ...section(runtimes, byField("schedule.")),
    "",
    "## Extras",
    "",
    "Any other key of a runtime's own, as `[agent.extras.<section>]`, checked against its schema. Keys that something above decides are refused. For",
    "example:",
    "",
    ...subjects.flatMap(({ runtime, schema }) => {
      const example = extrasFixture(runtime, schema);
      return example === undefined ? [] : [`- ${runtime.descriptor.title}: ${code(`extras.${example.value}`)}`];
    }),
    "",
    "## What was seen to work",
    "",
    "Each cell names a test: its file in `test/`, and its title.",
    "",
    ...shown(subjects),
  ].join("\n")}\n`;
}
