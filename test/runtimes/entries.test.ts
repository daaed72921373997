import { expect, test } from "vitest";
import type { Claw } from "../../fleet/types.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import type { Runtime } from "../../runtimes/runtime.ts";
import { translator } from "./translate.ts";

const runtimes = await loadRuntimes(runtimeNames());

/** Problems with the names themselves; whether a tool may be allowed is another matter. */
const problemsOf = (runtime: Runtime, change: Partial<Claw>) =>
  translator(runtime)
    .problemsOf(change)
    .filter((problem) => /\.(name|channel): /.test(problem));

const all = [...runtimes.values()];

test.each(all.filter(({ tools }) => tools.includes("cron")))("$descriptor.title has each tool once, and says which it has", (runtime) => {
  const { title } = runtime.descriptor;
  const tools = ["cron", "cron", "corn", "constructor"].map((name) => ({ name, allowed: true }));
  expect(problemsOf(runtime, { tools })).toEqual([
    'agent.2.tools.1.name: "cron" is here already; remove one of the two',
    `agent.2.tools.2.name: ${title} has no tool "corn"; did you mean "cron"?`,
    `agent.2.tools.3.name: ${title} has no tool "constructor"; it has ${runtime.tools.join(", ")}`,
  ]);
});

test.each(all.filter(({ channels }) => channels.length > 0))(
  "$descriptor.title has each channel once, and says which it has",
  (runtime) => {
    const { title } = runtime.descriptor;
    const channels = ["telegram", "telegram", "telgram", "constructor"].map((channel) => ({ channel, enabled: false, allowlist: [] }));
    expect(problemsOf(runtime, { channels })).toEqual([
      "agent.2.channels.1.channel: a claw has one telegram channel; remove this one or give it a claw of its own",
      `agent.2.channels.2.channel: ${title} has no channel "telgram" here; did you mean "telegram"?`,
      `agent.2.channels.3.channel: ${title} has no channel "constructor" here; it has ${runtime.channels.join(", ")}`,
    ]);
  },
);
