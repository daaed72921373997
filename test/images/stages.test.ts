/** Runtimes whose source is in git only: every stage of their images that needs none of it is built wherever the tests run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { buildRuntime, dockerClient } from "../../cli/images/build.ts";
import { buildContext, dockerfileOf } from "../../components/build.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { docker } from "../contract/helpers.ts";

interface Stage {
  readonly name: string;
  readonly text: string;
}

/** A Dockerfile's named stages, in order. */
function stagesOf(dockerfile: string): Stage[] {
  return dockerfile.split(/^(?=FROM )/m).flatMap((text) => {
    const name = /^FROM \S+ AS (\S+)/.exec(text)?.[1];
    return name === undefined ? [] : [{ name, text }];
  });
}

/** Those of them that do something, fetch nothing from git, and are made of no stage that does. */
function withoutSource(dockerfile: string): string[] {
  const free: string[] = [];
  const stages = stagesOf(dockerfile);
  for (const { name, text } of stages) {
    const from = [...text.matchAll(/^FROM (\S+)|--from=(\S+)|\bfrom=([\w-]+)/gm)].map(([, a, b, c]) => a ?? b ?? c ?? "");
    const known = from.filter((one) => stages.some((stage) => stage.name === one));
    if (!text.includes("git fetch") && known.every((one) => free.includes(one))) free.push(name);
  }
  return free.filter((name) => stages.some((stage) => stage.name === name && /^(RUN|COPY) /m.test(stage.text)));
}

test("a stage is free of the source when all that it is made of is", () => {
  const file =
    "FROM a AS one\nRUN ls\nFROM z AS bare\nFROM b AS two\nRUN git fetch x\nFROM one AS three\nCOPY --from=two /x /x\nFROM one AS four\nRUN --mount=type=bind,from=one ls\n";
  expect(withoutSource(file)).toEqual(["one", "four"]);
});

const descriptors = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
const fromGit = descriptors.filter(({ buildArgs }) => "REPO" in buildArgs);
const cases = fromGit.flatMap((descriptor) =>
  withoutSource(readFileSync(join(buildContext, dockerfileOf(descriptor)), "utf8")).map((stage) => ({
    runtime: descriptor.name,
    stage,
    descriptor,
  })),
);
const tag = `clawfleet-test-stage-${process.pid}`;
afterAll(() => docker(["image", "rm", "--force", tag]));

test("there are such stages, and the entrypoint is one of them for every such runtime", () => {
  expect(fromGit.length).toBeGreaterThanOrEqual(3);
  expect(cases.filter(({ stage }) => stage === "entrypoint").length).toBe(fromGit.length);
});

describe("is built without the runtime's source", { timeout: 1_200_000 }, () => {
  test.each(cases)("$runtime: $stage", async ({ stage, descriptor }) => {
    const steps = await buildRuntime(descriptor, { target: stage, tag });
    expect(steps.length).toBeGreaterThan(0);
    expect((await docker(["image", "inspect", tag])).code, dockerClient).toBe(0);
  });
});
