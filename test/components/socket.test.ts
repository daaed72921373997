import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dockerSocket, socketFor } from "../../components/docker/socket.ts";
import { parseFleet } from "../../fleet/load.ts";

/** Stands for a daemon: answers one question, with `info`. */
let server: Server;
let dir: string;
let info: string;
const asked: (string | undefined)[] = [];
const address = () => `unix://${dir}/docker.sock`;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "clawfleet-socket-"));
  asked.length = 0;
  server = createServer(({ method, url }, answer) => {
    asked.push(`${method} ${url}`);
    answer.end(info);
  });
  await new Promise<void>((resolve) => server.listen(join(dir, "docker.sock"), resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

const agent = (name: string, access: string) =>
  `[[agent]]\nname = "${name}"\nruntime = "openclaw"\n[agent.docker]\naccess = "${access}"\nacknowledge = "agents on this daemon can control each other"\n`;
const fleet = (...agents: string[]) => parseFleet(agents.join(""), "fleet.toml", { runtimes: ["openclaw"] });

describe("a daemon whose socket is not handed out", () => {
  const refused = 'access "shared" is for a rootless daemon on this machine: ';

  test("a rootful one", async () => {
    info = JSON.stringify({ SecurityOptions: ["name=seccomp,profile=default", "name=userns", "name=rootlessness"] });
    const message = `the one at ${address()} runs as root, and so would a claw that has its socket; set DOCKER_HOST to a rootless one`;
    await expect(dockerSocket(address())).rejects.toThrow(message);
    await expect(socketFor(fleet(agent("ada", "none"), agent("bob", "shared"), agent("cyd", "shared")), address())).rejects.toThrow(
      `fleet.toml:11:1: ${refused}${message}\nfleet.toml:17:1: ${refused}${message}`,
    );
    expect(new Set(asked)).toEqual(new Set(["GET /info"]));
  });

  test("one that says it is rootless, and is no process of this machine that listens there", async () => {
    info = JSON.stringify({ SecurityOptions: ["name=seccomp,profile=default", "name=rootless"] });
    await expect(dockerSocket(address())).rejects.toThrow(`no process here is known to listen at ${address()}`);
  });

  test.each(["ssh://me@example.org", "tcp://127.0.0.1:2375", "npipe:////./pipe/docker_engine", "unix://docker.sock", "unix://"])(
    "%s, which is not a socket here",
    async (host) => {
      await expect(dockerSocket(host)).rejects.toThrow(`${host} is not a Unix socket`);
    },
  );

  test("none, and something else than Docker", async () => {
    await expect(dockerSocket(`unix://${dir}/none.sock`)).rejects.toThrow(`no Docker daemon answers at unix://${dir}/none.sock (ENOENT)`);
    info = "hello";
    await expect(dockerSocket(address())).rejects.toThrow(`no Docker daemon answers at ${address()} (status 200)`);
    for (info of ["{}", "null", "[]", '{"SecurityOptions":null}']) await expect(dockerSocket(address())).rejects.toThrow("runs as root");
  });
});

test("where no claw has access, no daemon is asked", async () => {
  expect(await socketFor(fleet(agent("ada", "none")), address())).toBeUndefined();
  expect(await socketFor(fleet(agent("ada", "none")), "ssh://nowhere")).toBeUndefined();
  expect(asked).toEqual([]);
});
