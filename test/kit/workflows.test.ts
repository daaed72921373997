import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { OWN_REPOSITORY } from "../../runtimes/generated/layout.ts";
import { minorOf, workflow } from "../../runtimes/generated/workflow.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { root } from "./compose.ts";

const descriptors = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
const scratch = mkdtempSync(join(tmpdir(), "clawfleet-workflows-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const step = z.object({ uses: z.string().optional(), run: z.string().optional(), with: z.record(z.string(), z.unknown()).default({}) });
const job = z.object({
  if: z.string().optional(),
  needs: z.string().optional(),
  permissions: z.record(z.string(), z.string()).optional(),
  strategy: z.object({ matrix: z.object({ include: z.array(z.object({ arch: z.string(), runner: z.string() })) }) }).optional(),
  steps: z.array(step),
});
const file = z.object({
  on: z.object({
    push: z.object({ branches: z.array(z.string()), tags: z.array(z.string()), paths: z.array(z.string()).optional() }),
    pull_request: z.object({ paths: z.array(z.string()).optional() }).nullable(),
  }),
  permissions: z.record(z.string(), z.string()),
  concurrency: z.object({ group: z.string() }),
  jobs: z.object({ test: job, push: job, publish: job }),
});

const lint = (...files: string[]) =>
  new Promise<{ code: number; stdout: string }>((resolve, reject) => {
    execFile(join(root, "engine/actionlint.sh"), (failed, path) => {
      if (failed !== null) return reject(failed);
      execFile(path.trim(), ["-shellcheck", "shellcheck", "-no-color", ...files], (error, stdout) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 125, stdout });
      });
    });
  });

const fileOf = (name: string) => join(root, `.github/workflows/${name}.yml`);
const textOf = (name: string) => readFileSync(fileOf(name), "utf8");

test("actionlint, with shellcheck, finds nothing in any workflow, and would", { timeout: 180_000 }, async () => {
  const own = join(scratch, "own.yml");
  writeFileSync(own, workflow(first(), OWN_REPOSITORY));
  expect(await lint(...["test", ...runtimeNames()].map(fileOf), own)).toEqual({ code: 0, stdout: "" });
  const wrong = join(scratch, "wrong.yml");
  writeFileSync(wrong, textOf(first().name).replace('"$IMAGE" | gzip', "$IMAGE | gzip").replace("matrix.arch", "matrix.processor"));
  const { code, stdout } = await lint(wrong);
  expect(code).toBe(1);
  expect(stdout).toMatch(/SC2086/);
  expect(stdout).toMatch(/property "processor" is not defined/);
});

function first() {
  const [descriptor] = descriptors;
  if (descriptor === undefined) throw new Error("there is no runtime");
  return descriptor;
}

test("every action of every workflow is pinned to one commit, named with its version, the same everywhere", () => {
  const uses = ["test", ...runtimeNames()].flatMap((name) =>
    [...textOf(name).matchAll(/^.*\buses:(.*)$/gm)].map((match) => match[1] ?? ""),
  );
  expect(uses.length).toBeGreaterThan(10);
  expect(uses.filter((each) => !/^ [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(each))).toEqual([]);
  const commits = Map.groupBy(new Set(uses), (each) => each.split("@")[0]);
  for (const [action, pinned] of commits) expect(pinned, action).toHaveLength(1);
});

test.each([
  ["v0.2.9", "v0.2"],
  ["2026.9.6", "2026.9"],
  ["1.10.0", "1.10"],
  ["1.3", "1.3"],
  ["nightly", "nightly"],
])("the minor version of %s is %s", (version, minor) => {
  expect(minorOf(version)).toBe(minor);
});

describe.each(descriptors.map((descriptor) => ({ name: descriptor.name, descriptor })))("$name.yml", ({ name, descriptor }) => {
  const { on, permissions, concurrency, jobs } = file.parse(parse(textOf(name)));
  const image = `ghcr.io/codervisor/${name}`;
  const stepOf = (which: keyof typeof jobs, action: string) => jobs[which].steps.find(({ uses }) => uses?.startsWith(`${action}@`))?.with;

  test("runs for what the image is made of, on main, for a tag, and for a proposal", () => {
    expect(on.push).toMatchObject({ branches: ["main"], tags: [`${name}-v*`] });
    expect(on.pull_request?.paths).toEqual(on.push.paths);
    expect(on.push.paths).toEqual([`runtimes/${name}/**`, "runtimes/entrypoint/**", `.github/workflows/${name}.yml`]);
    for (const path of on.push.paths ?? []) expect(existsSync(join(root, path.replace("/**", ""))), path).toBe(true);
    expect(concurrency.group).toContain(name);
  });

  test("may read, and write packages where it publishes and nowhere else; a proposal publishes nothing", () => {
    expect(permissions).toEqual({ contents: "read" });
    expect(jobs.test.permissions).toBeUndefined();
    expect(jobs.push.permissions).toEqual({ contents: "read", packages: "write" });
    expect(jobs.publish.permissions).toEqual({ packages: "write" });
    for (const { if: condition } of [jobs.push, jobs.publish]) expect(condition).toContain("github.event_name != 'pull_request'");
    expect(stepOf("test", "docker/build-push-action")).toMatchObject({ load: true });
    expect(stepOf("test", "docker/build-push-action")).not.toHaveProperty("push");
  });

  test("builds for both processors on machines of their own kind, and publishes what it has tested", () => {
    const both = [
      { arch: "amd64", runner: "ubuntu-24.04" },
      { arch: "arm64", runner: "ubuntu-24.04-arm" },
    ];
    expect(jobs.test.strategy?.matrix.include).toEqual(both);
    expect(jobs.push.strategy?.matrix.include).toEqual(both);
    expect([jobs.push.needs, jobs.publish.needs]).toEqual(["test", "push"]);
    const [tested, pushed] = [stepOf("test", "docker/build-push-action"), stepOf("push", "docker/build-push-action")];
    for (const key of ["context", "file", "platforms", "cache-from"]) expect(pushed?.[key], key).toBe(tested?.[key]);
    expect(tested).toMatchObject({ context: "runtimes", file: `runtimes/${name}/Dockerfile` });
    expect(existsSync(join(root, `runtimes/${name}/Dockerfile`))).toBe(true);
  });

  test("attests to parts and origin, scans, and tags version, minor version, latest and commit", () => {
    expect(stepOf("push", "docker/build-push-action")).toMatchObject({ push: true, sbom: true, provenance: "mode=max" });
    expect(stepOf("test", "anchore/scan-action")).toMatchObject({ image: `${image}:${descriptor.version}`, "severity-cutoff": "critical" });
    const tags = z.string().parse(stepOf("publish", "docker/metadata-action")?.tags).trim().split("\n");
    const raw = (value: string) => `type=raw,value=${value}`;
    expect(tags).toEqual([raw(descriptor.version), raw(minorOf(descriptor.version)), raw("latest"), "type=sha"]);
    expect(stepOf("publish", "docker/metadata-action")?.images).toBe(image);
  });

  test("starts the claw with all that it requires, and asks it how it is", () => {
    const smoke = jobs.test.steps.find(({ run }) => run?.includes("docker compose up"))?.run ?? "";
    for (const variable of descriptor.variables.filter((each) => each.required))
      expect(smoke).toContain(`echo "${variable.name}=$(openssl rand -hex 32)" >> .env`);
    expect(smoke).toContain(`http://127.0.0.1:${descriptor.port}${descriptor.health.path}`);
    expect(smoke).toContain(`--wait-timeout ${descriptor.health.startupSeconds + 60}`);
    expect(smoke.includes("DOCKER_SOCKET=")).toBe(descriptor.docker !== undefined);
  });
});
