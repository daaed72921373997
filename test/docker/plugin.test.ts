import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The stand-in docker plugin under the real engine, against the real daemon. */

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, "../..");
const base: unknown = JSON.parse(process.env.CLAWFLEET_BASES ?? "{}");
const debian = typeof base === "object" && base !== null && "DEBIAN" in base ? String(base.DEBIAN) : "debian:bookworm-slim";
const unique = `plugin-test-${process.pid}`;
const container = `${unique}-c`;
const secret = "s3cret-build-value";

interface Result {
  readonly code: number;
  readonly output: string;
}

async function command(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = repository): Promise<Result> {
  try {
    const { stdout, stderr } = await run(file, args, {
      cwd,
      env: { ...process.env, ...env },
      timeout: 150_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const streams = "stdout" in error && "stderr" in error ? `${error.stdout}${error.stderr}` : error.message;
    return { code: "code" in error && typeof error.code === "number" ? error.code : -1, output: streams };
  }
}

const docker = async (...args: string[]): Promise<string> => (await command("docker", args)).output.trim();

async function missing(): Promise<string | undefined> {
  if ((await command("pulumi", ["version"])).code !== 0) return "pulumi is not on PATH";
  if ((await command("pulumi-language-nodejs", ["--help"])).code === -1) return "pulumi-language-nodejs is not on PATH";
  if ((await command("docker", ["version"])).code !== 0) return "no Docker daemon answers (DOCKER_HOST)";
  if ((await command("docker", ["image", "inspect", debian])).code !== 0) return `image ${debian} is not there`;
  return undefined;
}

const why = await missing();
if (why !== undefined) {
  if (process.env.CI) throw new Error(`test/docker/plugin.test.ts needs Docker and Pulumi: ${why}`);
  console.warn(`SKIPPED test/docker/plugin.test.ts: ${why}`);
}

const PROGRAM = `
import * as docker from "@pulumi/docker";
const env = process.env;
const name = env.T_NAME ?? "";
const image = new docker.RemoteImage("image", {
  name: name + ":1", keepLocally: false, triggers: { v: env.T_TRIGGER ?? "1" },
  build: { context: "app", tags: [name + ":also"], buildArgs: { BASE: env.T_BASE ?? "", MARK: name }, secrets: [{ id: "one", env: "T_SECRET" }, { id: "none", env: "T_UNSET" }] },
});
const net = new docker.Network("net", { name: name + "-net", internal: env.T_INTERNAL === "1" });
const vol = new docker.Volume("vol", { name: name + "-vol", labels: [{ label: "part", value: "plugin-test" }] });
export const id = new docker.Container("c", {
  name: name + "-c", image: image.imageId, command: ["sh", "-c", env.T_COMMAND ?? "touch /run/claw/ok; exec sleep 1000"],
  envs: ["A=" + (env.T_A ?? "1"), "API_KEY=key-in-the-log"], user: "10001:10001", readOnly: true, init: true, memory: 128, memorySwap: 128,
  networkMode: "bridge", networksAdvanced: [{ name: net.name, aliases: ["me"] }], volumes: [{ containerPath: "/data", volumeName: vol.name }],
  capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges:true"], ulimits: [{ name: "nofile", soft: 1024, hard: 1024 }],
  tmpfs: { "/run/claw": "uid=10001,gid=10001,mode=0700,size=4m" }, ports: [{ internal: 8080, ip: "127.0.0.1" }],
  restart: env.T_RESTART ?? "unless-stopped", destroyGraceSeconds: 0, logDriver: "json-file", logOpts: { "max-size": "1m" },
  healthcheck: { tests: ["CMD", "test", "-e", "/run/claw/ok"], interval: env.T_INTERVAL ?? "1s", timeout: "10s", retries: 3, startPeriod: "0s" },
  wait: true, waitTimeout: 40,
}, { replaceOnChanges: ["healthcheck", "tmpfs", "init"], deleteBeforeReplace: true }).id;
`;

const DOCKERFILE = `ARG BASE
FROM \${BASE}
ARG MARK
ENV MARK=\${MARK}
RUN --mount=type=secret,id=one --mount=type=secret,id=none echo "got $(cat /run/secrets/one)"; sha256sum < /run/secrets/one | grep -q ${createHash("sha256").update(secret).digest("hex")} && test ! -s /run/secrets/none
COPY . /app
`;

describe.skipIf(why !== undefined)("the docker plugin's stand-in", { timeout: 240_000 }, () => {
  let root = "";
  let env: NodeJS.ProcessEnv = {};
  const pulumi = async (args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Result> =>
    await command("pulumi", [...args, "--non-interactive", "--color", "never"], { ...env, ...more }, join(root, "program"));
  const up = async (more: NodeJS.ProcessEnv = {}, ...args: string[]): Promise<Result> =>
    await pulumi(["up", "--yes", "--skip-preview", ...args], more);
  const id = async (): Promise<string> => await docker("inspect", "-f", "{{.Id}}", container);

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "clawfleet-plugin-"));
    const plugin = join(root, "home/plugins/resource-docker-v5.2.0");
    for (const directory of [plugin, join(root, "state"), join(root, "program/app")]) mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(plugin, "pulumi-resource-docker"),
      `#!/bin/sh\nexec '${process.execPath}' '${repository}/engine/docker/main.ts' "$@"\n`,
    );
    chmodSync(join(plugin, "pulumi-resource-docker"), 0o755);
    writeFileSync(join(root, "program/Pulumi.yaml"), "name: plugin-test\nruntime: {name: nodejs, options: {typescript: false}}\n");
    writeFileSync(join(root, "program/package.json"), '{"type": "module", "main": "index.ts"}');
    writeFileSync(join(root, "program/index.ts"), PROGRAM);
    writeFileSync(join(root, "program/app/Dockerfile"), DOCKERFILE);
    writeFileSync(join(root, "program/app/kept"), "kept");
    writeFileSync(join(root, "program/app/left-out"), "left out");
    writeFileSync(join(root, "program/app/.dockerignore"), "left-*\n");
    symlinkSync(join(repository, "node_modules"), join(root, "program/node_modules"));
    env = {
      PATH: [join(process.execPath, ".."), process.env.PATH].join(delimiter),
      PULUMI_HOME: join(root, "home"),
      PULUMI_BACKEND_URL: `file://${join(root, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "x",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      T_NAME: unique,
      T_BASE: debian,
      T_SECRET: secret,
    };
    expect((await pulumi(["stack", "init", "test"])).code).toBe(0);
  }, 60_000);

  afterAll(async () => {
    await pulumi(["destroy", "--yes", "--skip-preview"]);
    await docker("rm", "-f", container);
    await docker("network", "rm", `${unique}-net`);
    await docker("volume", "rm", `${unique}-vol`);
    await docker("rmi", "-f", `${unique}:1`, `${unique}:also`);
    rmSync(root, { recursive: true, force: true });
  }, 120_000);

  test("brings everything up, healthy, with secrets hidden in what it prints", async () => {
    const preview = await pulumi(["preview"], { DOCKER_HOST: "unix:///nonexistent/docker.sock" });
    expect(preview.output).toContain("5 to create");
    const result = await up();
    expect(result.output).toContain("5 created");
    expect(result.code).toBe(0);
    expect(result.output).not.toContain(secret);
    expect(
      await docker(
        "inspect",
        "-f",
        "{{.State.Health.Status}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{json .NetworkSettings.Networks}}",
        container,
      ),
    ).toMatch(new RegExp(`^healthy true \\[ALL\\] \\{"${unique}-net":`));
    expect(await docker("exec", container, "ls", "/app")).toBe("Dockerfile\nkept");
    expect(await docker("images", "-q", `${unique}:also`)).toBe(await docker("images", "-q", `${unique}:1`));
    expect(await docker("history", "--no-trunc", `${unique}:1`)).not.toContain(secret);
  });

  test("then changes nothing, also after a refresh", async () => {
    const before = await id();
    expect(await pulumi(["preview", "--expect-no-changes"])).toMatchObject({ code: 0 });
    expect(await pulumi(["preview", "--refresh", "--expect-no-changes"])).toMatchObject({ code: 0 });
    expect(await id()).toBe(before);
  });

  test("changes a restart policy in place, and replaces for a health check or a variable", async () => {
    const before = await id();
    expect((await up({ T_RESTART: "always" })).output).toContain("1 updated");
    expect(await docker("inspect", "-f", "{{.Id}} {{.HostConfig.RestartPolicy.Name}}", container)).toBe(`${before} always`);
    expect((await up({ T_INTERVAL: "2s", T_A: "2" })).output).toContain("+-1 replaced");
    expect(await docker("inspect", "-f", "{{.Config.Healthcheck.Interval}} {{.Config.Env}}", container)).toMatch(/^2s \[A=2/);
    expect((await up()).code).toBe(0);
  });

  test("sees what others did: stopped, cut off its network, removed", async () => {
    await docker("stop", "-t", "0", container);
    expect((await up({}, "--refresh")).code).toBe(0);
    expect(await docker("inspect", "-f", "{{.State.Health.Status}}", container)).toBe("healthy");
    await docker("network", "disconnect", "-f", `${unique}-net`, container);
    expect((await up({}, "--refresh")).output).toContain("+-1 replaced");
    await docker("rm", "-f", container);
    expect((await up({}, "--refresh")).output).toContain("1 created");
    expect(await docker("inspect", "-f", "{{.State.Health.Status}}", container)).toBe("healthy");
  });

  test("a claw that crashes fails early with its last lines, stays known, and is replaced by the next update", async () => {
    await docker("exec", "-u", "0", container, "sh", "-c", "echo precious > /data/file");
    const bad = await up({ T_COMMAND: "echo about to fail; echo key is $API_KEY; exit 3", T_RESTART: "no" });
    expect(bad.code).not.toBe(0);
    expect(bad.output).toContain("container failed to be in healthy state: it ended with exit code 3 and will not be started again");
    expect(bad.output).toContain("about to fail");
    expect(bad.output).toContain("key is <hidden>");
    const state = (await pulumi(["stack", "export"])).output;
    expect(state).toContain("initErrors");
    expect(state).not.toContain("key is <hidden>");
    expect((await up()).output).toContain("+-1 replaced");
    expect(await docker("exec", container, "cat", "/data/file")).toBe("precious");
  });

  test("a build that fails names its step and hides secrets; the rest stays as it was", async () => {
    const before = await id();
    writeFileSync(
      join(root, "program/app/Dockerfile"),
      `${DOCKERFILE}RUN --mount=type=secret,id=one echo "using $(cat /run/secrets/one)"; echo deep trouble; exit 9\n`,
    );
    const bad = await up({ T_TRIGGER: "2" });
    writeFileSync(join(root, "program/app/Dockerfile"), DOCKERFILE);
    expect(bad.code).not.toBe(0);
    expect(bad.output).toMatch(/Unable to build image .*: step '.*RUN --mount=type=secret.*' failed: .*exit code: 9/);
    expect(bad.output).toContain("deep trouble");
    expect(bad.output).toContain("using <hidden>");
    expect(bad.output).not.toContain(secret);
    expect(await id()).toBe(before);
  });

  test("no daemon: says so and what to do", async () => {
    const result = await up({ DOCKER_HOST: "unix:///nonexistent/docker.sock", T_A: "3" });
    expect(result.code).not.toBe(0);
    expect(result.output).toContain(
      "failed to connect to any docker daemon: nothing answers at unix:///nonexistent/docker.sock (ENOENT). Start Docker",
    );
  });

  test("a name that is taken: the daemon's words and what to do", async () => {
    await docker("rm", "-f", container);
    await docker("run", "-d", "--name", container, debian, "sleep", "1000");
    const result = await up({}, "--refresh");
    expect(result.code).not.toBe(0);
    expect(result.output).toContain("Unable to create container: Error response from daemon: Conflict. The container name");
    expect(result.output).toContain(`docker rm -f ${container}`);
    await docker("rm", "-f", container);
    expect((await up()).code).toBe(0);
  });

  test("removes all of it, and what is already gone is no problem", async () => {
    await docker("rm", "-f", container);
    const result = await pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(result.output).toContain("5 deleted");
    expect(await docker("ps", "-aq", "--filter", `name=${unique}`)).toBe("");
    expect(await docker("volume", "ls", "-q", "--filter", `name=${unique}`)).toBe("");
    expect(await docker("network", "ls", "-q", "--filter", `name=${unique}`)).toBe("");
    expect(await docker("images", "-q", `${unique}:1`)).toBe("");
  });
});
