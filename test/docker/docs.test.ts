import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runs } from "../docs/commands.ts";
import { readerOf, type Shell, wrong } from "../docs/reader.ts";
import { freePort, TestStack } from "./stack.ts";

/** Every command of the documents really runs, as a reader would run it, on a stack and a local state of the test's own. */

const claw = (name: string, port: number) => `[[agent]]\nname = "${name}"\nruntime = "picoclaw"\nport = ${port}\n`;

let stack: TestStack;
let shell: Shell;
let holder: string | undefined;

beforeAll(async () => {
  const ports = await Promise.all([freePort(), freePort()]);
  stack = new TestStack("docs", claw("ada", ports[0]));
  writeFileSync(join(stack.dir, "more.toml"), claw("ada", ports[0]) + claw("bea", ports[1]));
  shell = readerOf(stack);
  await stack.init();
});

afterAll(async () => {
  if (holder !== undefined) await stack.docker.getContainer(holder).remove({ force: true });
  await stack?.remove();
});

describe("the documents' commands", { timeout: 300_000 }, () => {
  test.each(runs)("$command", async (run) => {
    // `clean` removes images that nothing uses: this one is to stay for others.
    if (run.command === "make clean") holder = await hold();
    expect(await wrong(shell, run)).toBeUndefined();
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
