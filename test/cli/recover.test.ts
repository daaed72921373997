import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

/** A Docker daemon and a Pulumi that say what each test is about, and note what is asked of them. */
interface World {
  /** Seconds since 1970 at which the container and the network of claw "ada" were made; absent = not there. */
  readonly made?: number;
  /** What the state knows and what a killed run had begun. */
  readonly deployment: object;
  readonly history: readonly object[];
}

const main = join(import.meta.dirname, "../../cli/main.ts");
const container = "clawfleet-dev.ada";
const labels = { "dev.clawfleet.stack": "dev", "dev.clawfleet.claw": "ada" };
const at = (time: string) => `2026-11-22T${time}.000Z`;
const seconds = (time: string) => Date.parse(at(time)) / 1000;
const update = (from: string, to: string, result: string, kind = "update") => ({ kind, startTime: at(from), endTime: at(to), result });
const begun = (kind: string) => ({
  type: "creating",
  resource: { urn: `urn:pulumi:dev::clawfleet::docker:x$y::ada-${kind}`, type: "docker:x" },
});

let dir: string;
let server: Server;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "clawfleet-recover-"));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

/** Runs the command line in a world. `asked` = the changes that were asked of Docker and Pulumi, in order. */
async function clawfleet(world: World, ...args: string[]) {
  const log = join(dir, "asked");
  writeFileSync(log, "");
  const there = world.made === undefined ? [] : [world.made];
  const answers: { readonly [request: string]: unknown } = {
    "/containers/json": there.map((Created) => ({
      Id: "c1",
      Names: [`/${container}`],
      State: "running",
      Created,
      Labels: labels,
      Ports: [],
    })),
    "/networks": there.map((made) => ({ Id: "n1", Name: container, Created: new Date(made * 1000).toISOString(), Labels: labels })),
    "/volumes": { Volumes: [] },
  };
  server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    if (request.method !== "GET" && request.method !== "HEAD") writeFileSync(log, `docker ${request.method} ${path}\n`, { flag: "a" });
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(answers[path] ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(join(dir, "docker.sock"), resolve));
  writeFileSync(join(dir, "export.json"), JSON.stringify({ deployment: world.deployment }));
  writeFileSync(join(dir, "history.json"), JSON.stringify(world.history));
  const pulumi = `#!/bin/sh
case "$*" in
  "stack export"*) cat "${dir}/export.json" ;;
  "stack history"*) cat "${dir}/history.json" ;;
  config*) echo '{}' ;;
  *) echo "pulumi $1 $(echo " $* " | grep -oE -- ' --(refresh|clear-pending-creates) ' | tr -d ' ')" >> "${log}" ;;
esac
`;
  writeFileSync(join(dir, "pulumi"), pulumi, { mode: 0o755 });
  const env = { PATH: `${dir}:${dirname(process.execPath)}:/usr/bin:/bin`, HOME: dir, DOCKER_HOST: `unix://${dir}/docker.sock` };
  return await new Promise<{ code: unknown; stderr: string; asked: string[] }>((resolve) => {
    execFile(process.execPath, [main, ...args], { env, cwd: dir }, (error, _, stderr) => {
      const asked = readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "");
      resolve({ code: error?.code ?? 0, stderr, asked: asked.map((line) => line.trim()) });
    });
  });
}

const known = {
  resources: [
    { urn: "u", type: "docker:index/container:Container", id: "c1" },
    { urn: "v", type: "docker:index/network:Network", id: "n1" },
  ],
};

test("what the state knows is left to Pulumi, also after a failed run, which is then started with a look at the daemon", async () => {
  const history = [update("04:10:00", "04:11:00", "failed"), update("04:00:00", "04:01:00", "succeeded")];
  const { code, asked } = await clawfleet({ made: seconds("04:10:30"), deployment: known, history }, "down");
  expect([code, asked]).toEqual([0, ["pulumi destroy --refresh"]]);
});

test("after a run that succeeded there is nothing to look for", async () => {
  const history = [update("04:00:00", "04:01:00", "succeeded")];
  expect(await clawfleet({ made: seconds("04:00:30"), deployment: known, history }, "down")).toMatchObject({
    code: 0,
    asked: ["pulumi destroy"],
    stderr: "",
  });
});

test("what a failed run made and did not note is removed; a refresh in between does not hide it", async () => {
  const history = [
    update("04:12:00", "04:12:01", "succeeded", "refresh"),
    update("04:10:00", "04:11:00", "failed"),
    update("04:00:00", "04:01:00", "succeeded"),
  ];
  const { code, asked, stderr } = await clawfleet({ made: seconds("04:10:30"), deployment: {}, history }, "down");
  expect([code, asked]).toEqual([0, ["docker DELETE /containers/c1", "docker DELETE /networks/n1", "pulumi destroy --refresh"]]);
  expect(stderr).toContain(`removes ${container}`);
});

test("what a killed run had begun is removed by its name in the state, and the state is told", async () => {
  const history = [update("04:00:00", "04:01:00", "succeeded")];
  const deployment = { pending_operations: [begun("container")] };
  const { code, asked } = await clawfleet({ made: seconds("04:10:30"), deployment, history }, "down");
  expect([code, asked]).toEqual([0, ["docker DELETE /containers/c1", "pulumi refresh --clear-pending-creates", "pulumi destroy"]]);
});

test("a container that may be another stack's is never removed, and up says so before it changes anything", async () => {
  const file = join(dir, "fleet.toml");
  writeFileSync(file, '[[agent]]\nname = "ada"\nruntime = "picoclaw"\n');
  for (const history of [
    [],
    [update("04:00:00", "04:01:00", "succeeded")],
    [update("04:20:00", "04:21:00", "failed"), update("04:12:00", "04:13:00", "succeeded")],
  ]) {
    const { code, asked, stderr } = await clawfleet({ made: seconds("04:10:30"), deployment: {}, history }, "up", "--fleet", file);
    expect([code, asked]).toEqual([1, []]);
    expect(stderr).toContain(`the container ${container} exists, but this stack's state does not know it`);
    expect(stderr).toContain(`docker rm -f ${container}`);
    await new Promise((resolve) => server.close(resolve));
  }
});
