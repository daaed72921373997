/** An edit of a runtime's configuration or prompts costs seconds: of its image's build only the smoke test and the last stage run again. */
import { randomBytes } from "node:crypto";
import { appendFile, cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { buildRuntime, sourceReachable } from "../../cli/images/build.ts";
import type { Step } from "../../cli/images/progress.ts";
import { buildContext } from "../../components/build.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import type { Descriptor } from "../../runtimes/runtime.ts";
import { buildImage, docker, dockerOrThrow, obtainable } from "../contract/helpers.ts";

/** What an edit may cost on a machine that does nothing else. */
const SECONDS = 5;

const known = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
const here: Descriptor[] = [];
for (const descriptor of known) if ((await obtainable(descriptor)) && (await sourceReachable(descriptor))) here.push(descriptor);

// By id too: a tag that moves on leaves its image behind.
const images = new Set<string>();
const folders: string[] = [];
afterAll(async () => {
  for (const image of images) await docker(["image", "rm", "--force", image]);
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

interface Build {
  readonly ran: readonly Step[];
  readonly seconds: number;
  readonly id: string;
}

/** A copy of the runtime's folder, and how to build it. */
async function copyOf(runtime: Descriptor) {
  const context = await mkdtemp(join(tmpdir(), "clawfleet-rebuild-"));
  folders.push(context);
  for (const part of [runtime.name, "entrypoint"]) await cp(join(buildContext, part), join(context, part), { recursive: true });
  const tag = `clawfleet-rebuild-test:${runtime.name}-${randomBytes(4).toString("hex")}`;
  images.add(tag);
  const build = async (): Promise<Build> => {
    const started = performance.now();
    const steps = await buildRuntime(runtime, { context, tag });
    const seconds = (performance.now() - started) / 1000;
    const id = (await dockerOrThrow(["image", "inspect", "--format", "{{ .Id }}", tag])).trim();
    images.add(id);
    return { ran: steps.filter(({ cached }) => !cached), seconds, id };
  };
  return { folder: join(context, runtime.name), build };
}

test("there is a runtime to try it with", () => expect(here.length).toBeGreaterThan(1));

describe.each(here.map((descriptor) => [descriptor.title, descriptor] as const))("%s", (_, runtime) => {
  test("an edit of its configuration or workspace runs nothing slow again", async () => {
    await buildImage(runtime);
    const { folder, build } = await copyOf(runtime);
    const config = join(folder, `config.${runtime.config.format}`);
    const prompts = (await readdir(join(folder, "workspace"))).filter((name) => name.endsWith(".md"));
    expect(prompts.length).toBeGreaterThan(0);
    const id = () => randomBytes(4).toString("hex");
    // JSON has no comments: blanks that were never there before.
    const blanks = () => Array.from(randomBytes(32), (byte) => (byte % 2 === 0 ? " " : "\n")).join("");
    const edits = [
      () => appendFile(config, runtime.config.format === "toml" ? `# ${id()}\n` : blanks()),
      () => appendFile(join(folder, "workspace", prompts[0] ?? ""), `${id()}\n`),
    ];
    const first = await build();
    for (const edit of edits) {
      let spare = Number.NEGATIVE_INFINITY;
      for (let round = 1; round <= 3 && spare < 0; round += 1) {
        await edit();
        const edited = await build();
        const names = edited.ran.map(({ name }) => name);
        expect(names.filter((name) => !/^\[(smoke|stage-\d+) /.test(name))).toEqual([]);
        expect(names.filter((name) => /^\[smoke \S+\] RUN /.test(name))).toHaveLength(1);
        expect(edited.id).not.toBe(first.id);
        // A machine that does other things too is given as much more time as there are who wait for each processor.
        spare = SECONDS * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()) - edited.seconds;
      }
      expect(spare).toBeGreaterThan(0);
    }
  }, 3_600_000);
});
