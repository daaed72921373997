/** The canonical fixtures themselves, and what every runtime's translation makes of each: another translation, or an error that helps. No Docker. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { agentSchema } from "../../fleet/schema.ts";
import { clawOf, differences, extrasFixture, type Fixture, fixtures, isBesideThePoint, translated } from "../../runtimes/fixtures.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { launches } from "../../runtimes/launch.ts";
import type { Runtime } from "../../runtimes/runtime.ts";

const runtimes = [...(await loadRuntimes(runtimeNames())).values()];
const all = fixtures(runtimes);

/** A JSON Schema, as far as this test looks at it. */
const Node = z.object({
  get properties() {
    return z.record(z.string(), Node).optional();
  },
  get items() {
    return Node.optional();
  },
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
});
type Node = z.output<typeof Node>;

/** Every setting that holds a value, as docs/fleet-file.md names it. */
function* settings(node: Node, path: string): Generator<[string, Node]> {
  const { items } = node;
  if (items?.properties !== undefined) yield* settings(items, `${path}[]`);
  else if (Object.keys(node.properties ?? {}).length === 0) yield [path, node];
  for (const [name, member] of Object.entries(node.properties ?? {})) yield* settings(member, path === "" ? name : `${path}.${name}`);
}

const schema = new Map(settings(Node.parse(z.toJSONSchema(agentSchema(["openclaw"]), { io: "input", reused: "inline" })), ""));

/** What is not a fixture of its own: it is in every one of them, or in each that has the list. */
const IN_ALL = ["runtime", "tools[].name"];

test("every setting of the fleet file has a fixture, and every fixture a setting", () => {
  expect(schema.size).toBeGreaterThan(20);
  const covered = new Set(all.map(({ field }) => field));
  expect([...schema.keys()].filter((setting) => !covered.has(setting) && !IN_ALL.includes(setting))).toEqual(["extras"]);
  expect([...covered].filter((field) => !schema.has(field))).toEqual([]);
});

test("every value that a setting can have by name has a fixture, and so have both states of a switch", () => {
  for (const [setting, node] of schema) {
    if (IN_ALL.includes(setting)) continue;
    const values = node.enum ?? (node.const !== undefined ? [node.const] : []);
    const written = all.filter(({ field }) => field === setting).map(({ value }) => value);
    for (const value of values) expect(written, setting).toContain(JSON.stringify(value));
  }
  for (const setting of ["tools[].allowed", "channels[].enabled", "security.sandboxed", "memory.enabled"]) {
    const both = all
      .filter(({ field }) => field === setting)
      .flatMap((fixture) => [fixture.with, fixture.without].map((agent) => JSON.stringify(agent)));
    expect(both.some((agent) => agent.includes("true")) && both.some((agent) => agent.includes("false")), setting).toBe(true);
  }
});

test("texts have fixtures that are awkward", () => {
  const odd = new Set(all.filter((fixture) => fixture.odd).map(({ field }) => field));
  const texts = ["model.name", "model.base_url", "model.api_key_ref", "channels[].allowlist", "schedule.cron[].message"];
  expect([...odd]).toEqual(expect.arrayContaining(texts));
});

/** What a person can do instead, in a message: an imperative, or what there is. */
const HELP =
  /\b(remove|write|add|choose|set|use|put|install|give|leave|limit|rename|ask|did you mean|its? (\w+ )?has|instead|allowed = )\b/;

describe.each(runtimes)("$descriptor.title", (runtime) => {
  async function own(): Promise<Fixture | undefined> {
    const { schema: native }: { schema: z.ZodType } = await import(`../../runtimes/${runtime.descriptor.name}/native.ts`);
    return extrasFixture(runtime, native);
  }

  /** That nothing is dropped: the runtime is told, or the person is; or there is no other way for the runtime than what is written. */
  function check(fixture: Fixture): void {
    if (isBesideThePoint(runtime, fixture)) return;
    const name = `${fixture.field} ${fixture.value}`;
    const [on, off] = [translated(runtime, fixture.with), translated(runtime, fixture.without)];
    for (const { path, message } of on.problems) {
      expect(message, name).toContain(runtime.descriptor.title);
      expect(message, name).toMatch(HELP);
      // Not about something else that is wrong; an allowlist is the channel's.
      const [table = "", about = ""] = [fixture.field, path].map((setting) => /^\w+/.exec(setting)?.[0] ?? "");
      expect(table === "security" ? [table, "channels"] : [table], `${name}: ${message}`).toContain(about);
    }
    if (on.problems.length === 0 && off.problems.length === 0) expect(differences(on, off), name).not.toEqual([]);
  }

  test.each([...new Set(all.filter(({ by }) => by === "runtime").map(({ field }) => field))])("is told of %s, or says why not", (field) => {
    for (const fixture of all.filter((one) => one.field === field)) check(fixture);
  });

  test("is told of extras", async () => {
    const fixture = await own();
    if (fixture !== undefined) check(fixture);
  });

  test("what Clawfleet itself sees to is in the launch, whatever the runtime", () => {
    for (const fixture of all.filter(({ by }) => by === "clawfleet")) {
      // These two can only be as they are: a fleet file that says otherwise is refused.
      if (["security.seccomp_enabled", "security.drop_capabilities"].includes(fixture.field)) continue;
      const name = `${fixture.field} ${fixture.value}`;
      const found = [fixture.with, fixture.without].map((agent) => launchOf(runtime, agent));
      if (found.every((one) => typeof one !== "string")) expect(found[0], name).not.toEqual(found[1]);
      else expect(found.filter((one) => typeof one === "string").join(), name).toContain(runtime.descriptor.title);
    }
  });
});

/** What a target is given for an agent, but for the runtime's own settings; or the message that refuses it. */
function launchOf(runtime: Runtime, agent: Fixture["with"]): unknown {
  const claw = clawOf(runtime, agent);
  try {
    const loaded = { fleet: { file: "fixture.toml", claws: [claw] }, locate: () => ({ line: 1, column: 1 }) };
    return launches(loaded, new Map([[claw.runtime, runtime]])).map(({ env: _, secretEnv: __, ...launch }) => launch);
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}
