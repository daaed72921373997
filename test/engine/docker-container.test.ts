import { describe, expect, test } from "vitest";
import { createBody } from "../../engine/docker/container-config.ts";
import { demultiplex, lastLines } from "../../engine/docker/container-logs.ts";
import { containerState } from "../../engine/docker/container-state.ts";
import { parseDuration } from "../../engine/docker/duration.ts";
import { authHeader, registryOf, splitTag } from "../../engine/docker/pull.ts";
import { UnhealthyError, verdict } from "../../engine/docker/wait.ts";
import type { Props } from "../../engine/plugin/value.ts";

const inputs: Props = {
  image: "repo:1",
  name: "web",
  command: ["run"],
  envs: ["A=1"],
  labels: [{ label: "x", value: "y" }],
  memory: 512,
  memorySwap: 512,
  cpus: "1.5",
  networkMode: "bridge",
  networksAdvanced: [{ name: "net", aliases: ["w"] }],
  ports: [{ internal: 8080, external: 3000, ip: "127.0.0.1", protocol: "tcp" }],
  volumes: [
    { volumeName: "v", containerPath: "/data" },
    { containerPath: "/cache" },
    { hostPath: "/h", containerPath: "/c", readOnly: true },
  ],
  healthcheck: { tests: ["CMD", "ok"], interval: "1m0s", timeout: "500ms", startInterval: "1s", retries: 2 },
  mustRun: true,
  start: true,
  restart: "unless-stopped",
};

test("the daemon is asked for what the inputs say", () => {
  const body = createBody(inputs, 141);
  expect(body).toMatchObject({
    Image: "repo:1",
    Cmd: ["run"],
    Env: ["A=1"],
    Labels: { x: "y" },
    ExposedPorts: { "8080/tcp": {} },
    Volumes: { "/cache": {} },
    Healthcheck: { Test: ["CMD", "ok"], Interval: 60e9, Timeout: 5e8, Retries: 2 },
    HostConfig: {
      Memory: 512 * 1024 * 1024,
      NanoCpus: 1_500_000_000,
      PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "3000" }] },
      Binds: ["v:/data:rw", "/h:/c:ro"],
      RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
    },
  });
  expect(JSON.stringify(body)).not.toContain("StartInterval");
  expect(JSON.stringify(createBody(inputs, 144))).toContain('"StartInterval":1000000000');
  expect(body).not.toHaveProperty("Entrypoint");
});

describe("state", () => {
  const found = {
    Id: "abc",
    Name: "/web",
    Image: "sha256:1",
    State: { Running: true },
    Config: { Image: "repo:1", Hostname: "abc", User: "10001", Cmd: ["run"], Env: ["PATH=/bin"] },
    HostConfig: { Memory: 512 * 1024 * 1024, MemorySwap: 512 * 1024 * 1024, RestartPolicy: { Name: "unless-stopped" } },
    NetworkSettings: { Networks: { net: { IPAddress: "10.0.0.2" } }, Ports: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "3000" }] } },
  };

  test("of a running container is what was asked for", () => {
    const state = containerState(inputs, found);
    expect(state).toMatchObject({
      image: "repo:1",
      mustRun: true,
      memory: 512,
      user: "",
      ports: inputs.ports,
      envs: ["A=1"],
      exitCode: null,
    });
    expect(state.networksAdvanced).toMatchObject([{ name: "net", aliases: ["w"] }]);
  });

  test("of a stopped one says so, and has no ports", () => {
    const stopped = {
      ...found,
      State: { Running: false, ExitCode: 143 },
      NetworkSettings: { Networks: found.NetworkSettings.Networks, Ports: {} },
    };
    expect(containerState(inputs, stopped)).toMatchObject({ mustRun: false, exitCode: 143, ports: [] });
  });

  test("of one cut off from its network lacks the network", () => {
    expect(containerState(inputs, { ...found, NetworkSettings: { Networks: {}, Ports: {} } }).networksAdvanced).toEqual([]);
  });

  test("a limit the daemon dropped is no endless difference, another limit is one", () => {
    expect(containerState(inputs, { ...found, HostConfig: {} }).memory).toBe(512);
    expect(containerState(inputs, { ...found, HostConfig: { Memory: 64 * 1024 * 1024 } }).memory).toBe(64);
  });
});

describe("verdict", () => {
  const of = (State: object, exits = 0): string => {
    const decided = verdict({ State }, exits);
    return decided instanceof UnhealthyError ? decided.message : String(decided);
  };
  const health = (Status: string): object => ({ Status, Log: [{ Output: "refused" }] });

  test("waits while it starts, also between restarts", () => {
    expect(of({ Running: true, Health: health("starting") })).toBe("undefined");
    expect(of({ Running: true, Restarting: true, ExitCode: 1, Health: health("unhealthy") }, 1)).toBe("undefined");
    expect(of({ Running: false, Status: "created" })).toBe("undefined");
  });
  test("healthy", () => expect(of({ Running: true, Health: health("healthy") })).toBe("healthy"));
  test("unhealthy, with the check's words", () =>
    expect(of({ Running: true, Health: health("unhealthy") })).toBe(
      "Docker's health check says unhealthy; its last health check said: refused",
    ));
  test("ended", () =>
    expect(of({ Running: false, Status: "exited", ExitCode: 3, Health: health("unhealthy") })).toBe(
      "it ended with exit code 3 and will not be started again",
    ));
  test("out of memory", () =>
    expect(of({ Running: false, Status: "exited", ExitCode: 137, OOMKilled: true })).toContain("(out of memory)"));
  test("crash loop", () => expect(of({ Running: true, Restarting: true, ExitCode: 2 }, 3)).toContain("it keeps crashing"));
});

describe("logs", () => {
  const frame = (stream: number, text: string): Buffer => {
    const head = Buffer.alloc(8);
    head[0] = stream;
    head.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  test("both streams, in order", () => expect(demultiplex(Buffer.concat([frame(1, "out\n"), frame(2, "err\n")]))).toBe("out\nerr\n"));
  test("a terminal's plain text", () => expect(demultiplex(Buffer.from("hello there\n"))).toBe("hello there\n"));
  test("long lines are cut, escapes dropped, only the last kept", () => {
    expect(lastLines(`first\n\u001b[1m${"x".repeat(400)}\nlast\u0007\n`, 2)).toEqual([`${"x".repeat(300)}…`, "last"]);
  });
});

describe("durations", () => {
  test.each([
    ["1m0s", 60e9],
    ["1h30m", 5400e9],
    ["500ms", 5e8],
    ["1.5s", 15e8],
    ["0s", 0],
    ["0", 0],
  ])("%s", (text, nanos) => expect(parseDuration(text)).toBe(nanos));
  test.each(["5", "", "1x", "s", "1s2", "1 s"])("'%s' is none", (text) => expect(parseDuration(text)).toBeUndefined());
});

test("image names", () => {
  expect(["debian", "ghcr.io/a/b:1", "localhost/x", "127.0.0.1:5055/a", "library/debian:1"].map(registryOf)).toEqual([
    "docker.io",
    "ghcr.io",
    "localhost",
    "127.0.0.1:5055",
    "docker.io",
  ]);
  expect(splitTag("127.0.0.1:5055/a")).toEqual({ repository: "127.0.0.1:5055/a", tag: "" });
  expect(splitTag("a/b:1")).toEqual({ repository: "a/b", tag: "1" });
  expect(splitTag("a@sha256:00")).toEqual({ repository: "a", tag: "sha256:00" });
});

test("a registry's login is in a header that old daemons can read too, whatever its length", () => {
  for (const user of ["a", "ab", "abc"]) {
    const text = authHeader({ username: user, password: "ÿÿ>>??" }, "r:5000")["X-Registry-Auth"] ?? "";
    expect(text).toMatch(/^[A-Za-z0-9_-]+={0,2}$/);
    expect(text.length % 4).toBe(0);
    expect(JSON.parse(Buffer.from(text, "base64url").toString())).toEqual({ username: user, password: "ÿÿ>>??", serveraddress: "r:5000" });
  }
});
