import { expect, test } from "vitest";
import { parseFleet } from "../../fleet/load.ts";
import { FleetError } from "../../fleet/problems.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { launches } from "../../runtimes/launch.ts";
import type { Runtime } from "../../runtimes/runtime.ts";
import { descriptor } from "../components/sample.ts";

/** A runtime that takes a model's key and refuses a model called "bad". */
const runtime: Runtime = {
  descriptor,
  tools: [],
  channels: [],
  translate(claw, report) {
    if (claw.model?.name === "bad") report([...claw.path, "model", "name"], "no such model");
    const ref = claw.model?.apiKeyRef;
    return {
      env: { ZED: "own", TESTCLAW_model: claw.model?.name ?? "" },
      secretEnv: ref === undefined ? {} : { TESTCLAW_key: { kind: "ref", name: ref, required: false, path: [...claw.path, "model"] } },
    };
  },
};

function launchesOf(text: string) {
  return launches(parseFleet(text, "fleet.toml", { runtimes: ["picoclaw"] }), new Map([["picoclaw", runtime]]));
}

test("a launch is the translation over the descriptor's environment, with the claw's limits", () => {
  const text = `[[agent]]
name = "ada"
runtime = "picoclaw"
port = 3000
model = { provider = "anthropic", name = "good", api_key_ref = "anthropic" }
security = { memory_limit = "512m", cpus = 1.5, max_open_files = 2048 }
`;
  expect(launchesOf(text)).toEqual([
    {
      claw: "ada",
      runtime: descriptor,
      hostPort: 3000,
      env: { HOME: "/home/testclaw", ZED: "own", TESTCLAW_model: "good" },
      secretEnv: { TESTCLAW_key: { kind: "ref", name: "anthropic", required: false, path: ["agent", 0, "model"] } },
      memoryMiB: 512,
      cpus: 1.5,
      maxOpenFiles: 2048,
      docker: "none",
      network: { egress: [{ kind: "internet" }], ingress: [] },
    },
  ]);
});

test("a runtime that needs Docker is refused where the claw has no access to it, and comes up where it has", () => {
  const needy = { ...runtime, descriptor: { ...descriptor, docker: { why: "run each agent in a container of its own" } } };
  const agent = '[[agent]]\nname = "ada"\nruntime = "picoclaw"\n';
  const granted = `\n[agent.docker]\naccess = "shared"\nacknowledge = "agents on this daemon can control each other"\n`;
  const of = (text: string) => launches(parseFleet(text, "fleet.toml", { runtimes: ["picoclaw"] }), new Map([["picoclaw", needy]]));
  const why = 'Testclaw needs Docker to run each agent in a container of its own, and "ada" has no access to it; ';
  const how = 'write [agent.docker] with access = "shared" and acknowledge = "agents on this daemon can control each other"';
  expect(() => of(agent)).toThrow(new FleetError([{ file: "fleet.toml", line: 1, column: 1, message: why + how }]));
  expect(() => of(`${agent}docker.access = "none"\n`)).toThrow(`fleet.toml:4:8: ${why}`);
  expect(of(agent + granted).map(({ docker }) => docker)).toEqual(["shared"]);
});

test("no claw gets more open files than the daemon can give", () => {
  const fleet = parseFleet('[[agent]]\nname = "ada"\nruntime = "picoclaw"\n', "fleet.toml", { runtimes: ["picoclaw"] });
  const files = (most?: number) => launches(fleet, new Map([["picoclaw", runtime]]), most).map(({ maxOpenFiles }) => maxOpenFiles);
  expect(files()).toEqual([65_536]);
  expect(files(20_000)).toEqual([20_000]);
  expect(files(1_048_576)).toEqual([65_536]);
});

test("problems of all claws are one error, each at its place", () => {
  const text = `[defaults.model]
provider = "anthropic"
name = "bad"

[[agent]]
name = "ada"
runtime = "picoclaw"

[[agent]]
name = "bob"
runtime = "picoclaw"
model = { provider = "anthropic", name = "good" }

[agent.security]
memory_limit = "64m"
`;
  const error = (() => {
    try {
      return launchesOf(text);
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toBeInstanceOf(FleetError);
  expect(error).toHaveProperty(
    "message",
    'fleet.toml:3:1: no such model\nfleet.toml:15:1: Testclaw needs at least 128 MiB to come up; "bob" has 64: memory_limit = "128m"',
  );
});

test("every runtime's folder is found, and only those asked for are loaded", async () => {
  const names = runtimeNames();
  expect(names).not.toContain("entrypoint");
  expect(names).toEqual([...names].sort());
  const [first = ""] = names;
  const loaded = await loadRuntimes([first, first]);
  expect([...loaded.keys()]).toEqual([first]);
  expect(loaded.get(first)?.descriptor.name).toBe(first);
  await expect(loadRuntimes(["nosuchclaw"])).rejects.toThrow("nosuchclaw");
});
