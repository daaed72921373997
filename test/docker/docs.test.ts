import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runs } from "../docs/commands.ts";
import { endGroup, freePort, start, TestStack } from "./stack.ts";

/** Every command of the documents really runs, as a reader would run it, on a stack and a local state of the test's own. */

const claw = (name: string, port: number) => `[[agent]]\nname = "${name}"\nruntime = "picoclaw"\nport = ${port}\n`;

let stack: TestStack;
let holder: string | undefined;

beforeAll(async () => {
  const ports = await Promise.all([freePort(), freePort()]);
  stack = new TestStack("docs", claw("ada", ports[0]));
  const { env, dir } = stack;
  writeFileSync(join(dir, "more.toml"), claw("ada", ports[0]) + claw("bea", ports[1]));
  // Pulumi's home holds the plugins, which are shared, and which stack is selected, which is not.
  const home = env.PULUMI_HOME ?? join(homedir(), ".pulumi");
  mkdirSync(join(dir, "home"));
  symlinkSync(join(home, "plugins"), join(dir, "home/plugins"));
  Object.assign(env, { DIR: dir, CLAWFLEET_STATE: join(dir, "local"), PULUMI_HOME: join(dir, "home") });
  // What an outer `make test ARGS=...` and its vitest hand down is not for the runs within; what is set here is the user's own.
  for (const name of Object.keys(env)) if (/^(MAKE|MFLAGS|VITEST|CLAWFLEET_ENV_SET$|ARGS$|FLEET$|CLAW$)/.test(name)) delete env[name];
  await stack.init();
});

afterAll(async () => {
  if (holder !== undefined) await stack.docker.getContainer(holder).remove({ force: true });
  await stack?.remove();
});

/** Runs a line in the checkout; all but `make` in a shell that has sourced the environment, as `make shell` gives it. */
async function shell(line: string, stdin = ""): Promise<{ code: number; out: string }> {
  writeFileSync(join(stack.dir, "stdin"), stdin);
  const sourced = /^(make|\.) /.test(line) ? line : `. "$CLAWFLEET_STATE/env"; ${line}`;
  const running = start(["bash", "-c", `exec <"$DIR/stdin"; ${sourced}`], stack.env, 280);
  try {
    return await running.done;
  } finally {
    endGroup(running.process, "SIGKILL");
  }
}

describe("the documents' commands", { timeout: 300_000 }, () => {
  test.each(runs)("$command", async ({ command, as, stdin, codes = [0], prints }) => {
    // `clean` removes images that nothing uses: this one is to stay for others.
    if (command === "make clean") holder = await hold();
    const ended = await shell(as?.[0] ?? command, stdin);
    expect(ended.out).toMatch(prints);
    expect(codes, ended.out).toContain(ended.code);
    expect(ended.out).not.toContain("canary");
  });

  test("make clean left nothing on the daemon", async () => {
    const filters = { label: [`dev.clawfleet.stack=${stack.name}`] };
    expect(await stack.docker.listContainers({ all: true, filters })).toEqual([]);
    expect(await stack.docker.listNetworks({ filters })).toEqual([]);
    expect((await stack.docker.listVolumes({ filters })).Volumes).toEqual([]);
  });

  test("the secrets went into the stack's own config, encrypted", () => {
    const config = readFileSync(stack.env.PULUMI_OPTION_CONFIG_FILE ?? "", "utf8");
    expect(config).toMatch(/secrets:anthropic\W+secure: /);
    expect(config).not.toContain("canary");
  });
});

/** A container, never started, that keeps PicoClaw's image from being removed. */
async function hold(): Promise<string> {
  const { out } = await shell("pulumi stack export");
  const image = /"imageId": "(sha256:[0-9a-f]{64})"/.exec(out)?.[1];
  if (image === undefined) throw new Error("no image in the state");
  return (await stack.docker.createContainer({ Image: image, name: `${stack.name}-holder` })).id;
}
