import { runtime as engine, isSecret, type Output, output, secret } from "@pulumi/pulumi";
import { beforeAll, describe, expect, test } from "vitest";
import { DockerClaw } from "../../components/docker/claw.ts";
import { DockerFleet } from "../../components/docker/fleet.ts";
import { Secrets } from "../../components/secrets.ts";
import { inputsOf, options, register, registered } from "./register.ts";
import { descriptor, launch } from "./sample.ts";

const marker = "4dabf18193072939515e22adb298388d";
const key = "sk-canary-of-the-tests";

const secrets = new Secrets((name) => (name === "anthropic" ? secret(key) : undefined), secret("seed of the tests"), {});
const value = <T>(out: Output<T>) => new Promise<T>((resolve) => out.apply(resolve));

describe("a fleet of two claws of one runtime", () => {
  let fleet: DockerFleet;
  beforeAll(async () => {
    const launches = [launch(), launch({ claw: "bob", hostPort: 3001, cpus: 2, secretEnv: {} })];
    fleet = await register(
      () => new DockerFleet("fleet", { launches, stack: "dev", secrets, bases: { DEBIAN: "local/debian:1", RUST: "local/rust:1" } }),
    );
  });
  test("is three resources per claw and one image per runtime", () => {
    expect(registered.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "clawfleet:docker:Claw ada",
      "clawfleet:docker:Claw bob",
      "clawfleet:docker:Fleet fleet",
      "clawfleet:image:RuntimeImage picoclaw",
      "docker:index/container:Container ada-container",
      "docker:index/container:Container bob-container",
      "docker:index/network:Network ada-network",
      "docker:index/network:Network bob-network",
      "docker:index/remoteImage:RemoteImage picoclaw-image",
      "docker:index/volume:Volume ada-state",
      "docker:index/volume:Volume bob-state",
      "pulumi:pulumi:Stack clawfleet-dev",
    ]);
  });

  test("runs each claw confined, limited, checked and by digest", () => {
    const { envs, ...inputs } = inputsOf("ada-container") ?? {};
    expect(inputs).toEqual({
      name: "clawfleet-dev.ada",
      image: "sha256:built",
      labels: [
        { label: "dev.clawfleet.claw", value: "ada" },
        { label: "dev.clawfleet.managed", value: "true" },
        { label: "dev.clawfleet.runtime", value: "picoclaw" },
        { label: "dev.clawfleet.stack", value: "dev" },
      ],
      user: "10042:10042",
      readOnly: true,
      tmpfs: {
        "/run/claw": "uid=10042,gid=10042,mode=0700,size=4m",
        "/tmp": "uid=10042,gid=10042,mode=1777,size=64m",
        "/home/testclaw/.cache": "uid=10042,gid=10042,mode=1777,size=32m,exec",
      },
      volumes: [{ volumeName: "clawfleet-dev.ada-state", containerPath: "/home/testclaw/.testclaw" }],
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      init: true,
      memory: 1024,
      memorySwap: 1024,
      cpus: "1.5",
      ulimits: [{ name: "nofile", soft: 65536, hard: 65536 }],
      logDriver: "json-file",
      logOpts: { "max-file": "3", "max-size": "10m" },
      restart: "unless-stopped",
      networkMode: "bridge",
      networksAdvanced: [{ name: "clawfleet-dev.ada" }],
      ports: [{ internal: 8080, external: 3000, ip: "127.0.0.1", protocol: "tcp" }],
      healthcheck: {
        tests: ["CMD", "/usr/local/bin/entrypoint", "health", "--hold", "30s"],
        interval: "200ms",
        timeout: "3m0s",
        retries: 1,
        startPeriod: "0s",
      },
      wait: true,
      waitTimeout: 135,
      destroyGraceSeconds: 12,
    });
    expect(inputsOf("bob-container")?.cpus).toBe("2");
    expect(envs).toBeDefined();
  });

  test("marks the environment as secret where it holds one, and nothing else", () => {
    // The SDK marks the whole list when one of its members is a secret.
    expect(inputsOf("ada-container")?.envs).toEqual({
      [marker]: expect.any(String),
      value: ["ALPHA=a=b", expect.stringMatching(/^TESTCLAW_TOKEN=[0-9a-f]{64}$/), `TESTCLAW_key=${key}`, "ZED=z"],
    });
    expect(inputsOf("bob-container")?.envs).toEqual(["ALPHA=a=b", "ZED=z"]);
    const elsewhere = registered.map(({ inputs: { envs, ...inputs } }) => inputs);
    expect(JSON.stringify(elsewhere)).not.toContain(key);
  });

  test("keeps volumes whatever is edited, and replaces what the provider would not update", () => {
    expect(inputsOf("ada-state")).toMatchObject({ name: "clawfleet-dev.ada-state" });
    expect(options.get("ada-state")).toMatchObject({ retainOnDelete: true });
    expect(options.get("ada-state")?.ignoreChanges?.sort()).toEqual(["cluster", "driver", "driverOpts", "labels", "name"]);
    for (const name of ["ada-container", "ada-network"]) expect(options.get(name), name).toMatchObject({ deleteBeforeReplace: true });
    expect(options.get("ada-container")?.replaceOnChanges).toEqual(["healthcheck", "init", "memory", "memorySwap", "restart", "tmpfs"]);
    for (const name of ["ada-network", "ada-state", "ada-container", "picoclaw-image"]) {
      expect(options.get(name)?.parent, name).toBeDefined();
      expect(options.get(name)?.version, name).toBe("5.2.0");
    }
  });

  test("builds the image from the shared context, with local bases only where the runtime has such a base", () => {
    expect(inputsOf("picoclaw-image")).toEqual({
      name: "ghcr.io/codervisor/picoclaw:1.2.3",
      keepLocally: true,
      build: {
        context: "runtimes",
        dockerfile: "picoclaw/Dockerfile",
        buildArgs: { DEBIAN: "local/debian:1", GO: "golang:1@sha256:1", VERSION: "1.2.3" },
        networkMode: "host",
        secrets: [
          { id: "build-env", env: "CLAWFLEET_BUILD_ENV" },
          { id: "ca", env: "CLAWFLEET_BUILD_CA" },
          { id: "npmrc", env: "CLAWFLEET_BUILD_NPMRC" },
          { id: "cargo", env: "CLAWFLEET_BUILD_CARGO" },
        ],
      },
      triggers: { content: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  test("gives an inventory without secrets", async () => {
    const claws = output(fleet.claws);
    expect(await isSecret(claws)).toBe(false);
    expect((await value(claws))[1]).toEqual({
      name: "bob",
      target: "docker",
      runtime: "picoclaw",
      version: "1.2.3",
      url: "http://127.0.0.1:3001",
      healthUrl: "http://127.0.0.1:3001/health",
      imageDigest: "sha256:built",
      container: "clawfleet-dev.bob",
      volume: "clawfleet-dev.bob-state",
      uid: 10042,
    });
  });
});

test("with a registry the image is pushed, and containers run what was pushed", async () => {
  await register(() => new DockerFleet("fleet", { launches: [launch()], stack: "dev", secrets, registry: "registry.example.com/claws" }));
  expect(inputsOf("picoclaw-image")?.name).toBe("registry.example.com/claws/picoclaw:1.2.3");
  expect(inputsOf("picoclaw-push")).toEqual({
    name: "registry.example.com/claws/picoclaw:1.2.3",
    keepRemotely: true,
    triggers: { image: "sha256:built" },
  });
  expect(inputsOf("ada-container")?.image).toBe("registry.example.com/claws/picoclaw@sha256:pushed");
  // The next image is there before the container goes that runs the last one.
  for (const name of ["picoclaw-image", "picoclaw-push"]) expect(options.get(name)?.deleteBeforeReplace, name).toBe(false);
});

test("only a claw with access to Docker has the daemon's socket and a group that opens it", async () => {
  const launches = [launch({ docker: "shared", secretEnv: {} }), launch({ claw: "bob", hostPort: 3001, secretEnv: {} })];
  const socket = { path: "/run/clawfleet/docker.sock", group: 106 };
  await register(() => new DockerFleet("fleet", { launches, stack: "dev", secrets, socket }));
  expect(inputsOf("ada-container")).toMatchObject({
    mounts: [{ type: "bind", source: "/run/clawfleet/docker.sock", target: "/var/run/docker.sock" }],
    groupAdds: ["106"],
    envs: ["ALPHA=a=b", "DOCKER_HOST=unix:///var/run/docker.sock", "ZED=z"],
    readOnly: true,
    capabilities: { drops: ["ALL"] },
  });
  expect(JSON.stringify(inputsOf("bob-container"))).not.toMatch(/docker\.sock|DOCKER_|mounts|groupAdds/);
});

test("build arguments of the environment go over the runtime's own", async () => {
  const buildArgs = { picoclaw: { VERSION: "9" }, openclaw: { VERSION: "no" } };
  await register(() => new DockerFleet("fleet", { launches: [launch()], stack: "dev", secrets, buildArgs }));
  expect(inputsOf("picoclaw-image")?.build.buildArgs).toEqual({ ...descriptor.bases, VERSION: "9" });
});

test("a claw without a secret it needs is refused before anything of it is registered", async () => {
  const secretEnv = { BOT: { kind: "ref", name: "bot", required: true, path: ["agent", 0] } } as const;
  await register(() => true);
  const make = () => new DockerClaw("ada", { launch: launch({ secretEnv }), stack: "dev", image: "sha256:1", secrets });
  expect(make).toThrow('claw "ada": no value for the secret "bot"');
  await engine.disconnect();
  expect(registered.map(({ name }) => name)).toEqual(["clawfleet-dev"]);
});
