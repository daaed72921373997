import { rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, TestStack } from "./stack.ts";

/** A claw's access to Docker, with real claws on a real rootless daemon. PicoClaw's image has no Docker client; it has perl. */

const client = `use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Peer => $ENV{DOCKER_HOST} =~ s{^unix://}{}r) or die "no socket: $!\\n";
print $socket "GET $ARGV[0] HTTP/1.0\\r\\n\\r\\n";
print while <$socket>;`;

let stack: TestStack;
let ports: number[];

const agent = (name: string, port: number | undefined, rest = "") =>
  `[[agent]]\nname = "${name}"\nruntime = "picoclaw"\nport = ${port}\n${rest}\n`;
const shared = '[agent.docker]\naccess = "shared"\nacknowledge = "agents on this daemon can control each other"\n';
const fleet = () => agent("ada", ports[0], shared) + agent("bob", ports[1]);

beforeAll(async () => {
  ports = [await freePort(), await freePort()];
  stack = new TestStack("access", fleet());
  await stack.init();
  await stack.up();
}, 600_000);

afterAll(async () => {
  await stack?.remove();
});

const containers = async () => {
  const filters = { label: [`dev.clawfleet.stack=${stack.name}`] };
  return (await stack.docker.listContainers({ all: true, filters })).map(({ Id }) => Id).sort();
};

/** Further groups of a claw's process, by their numbers inside. Old daemons do not list the first one there, new ones do. */
async function groups(claw: string): Promise<string[]> {
  const status = (await stack.exec(claw, "cat", "/proc/1/status")).out;
  return (/^Groups:(.*)$/m.exec(status)?.[1] ?? "no such line")
    .trim()
    .split(" ")
    .filter((one) => one !== "");
}

describe("a claw with access to its daemon", { timeout: 120_000 }, () => {
  test("asks it as the unprivileged user that it is", async () => {
    expect((await stack.exec("ada", "perl", "-e", client, "/_ping")).out).toMatch(/ 200 OK\r\n.*\r\n\r\nOK$/s);
    const { out } = await stack.exec("ada", "perl", "-e", client, "/containers/json");
    expect(out).toContain(`"/${stack.container("bob")}"`);
    const status = (await stack.exec("ada", "cat", "/proc/1/status")).out;
    expect(status).toMatch(/^Uid:\s+10003\s+10003\s+10003\s+10003$/m);
    expect(status).toMatch(/^CapBnd:\s+0000000000000000$/m);
  });

  test("by the one group that the socket has, and no other", async () => {
    const group = (await stack.exec("ada", "stat", "-c", "%g", "/var/run/docker.sock")).out.trim();
    expect((await groups("ada")).filter((one) => one !== "10003")).toEqual([group]);
  });

  test("has it after an update that changes nothing, also with a refresh", async () => {
    const before = await containers();
    for (const command of [["preview"], ["preview", "--refresh"], ["up", "--yes", "--skip-preview", "--refresh"]]) {
      const result = await stack.pulumi(...command, "--expect-no-changes");
      expect(result, result.out).toMatchObject({ code: 0 });
    }
    expect(await containers()).toEqual(before);
  });

  test("still has it when the container was stopped and started", async () => {
    await stack.docker.getContainer(stack.container("ada")).restart();
    expect((await stack.exec("ada", "perl", "-e", client, "/_ping")).out).toMatch(/200 OK/);
  });
});

test("a claw without access has no socket, no variable that names one, and no further group", async () => {
  expect((await stack.exec("bob", "sh", "-c", "find / -xdev -name 'docker*.sock' 2>/dev/null; ls /run")).out).not.toContain("docker");
  expect((await stack.exec("bob", "cat", "/proc/self/mountinfo")).out).not.toContain("docker.sock");
  const { Config, HostConfig } = await stack.docker.getContainer(stack.container("bob")).inspect();
  expect(Config.Env.filter((entry) => /docker/i.test(entry))).toEqual([]);
  expect(HostConfig.GroupAdd ?? []).toEqual([]);
  expect((await groups("bob")).filter((one) => one !== "10003")).toEqual([]);
});

describe("a daemon that runs as root", { timeout: 120_000 }, () => {
  let server: Server;
  let host: string;

  // The same daemon behind a socket that says it is rootful: such a one need not be on the machine.
  beforeAll(async () => {
    const path = join(stack.dir, "rootful.sock");
    host = `unix://${path}`;
    const socketPath = (process.env.DOCKER_HOST ?? "").replace("unix://", "");
    server = createServer((asked, answer) => {
      const { method, url = "", headers } = asked;
      const isInfo = /^(\/v[\d.]+)?\/info$/.test(url);
      const onward = request({ socketPath, path: url, ...(method && { method }), headers }, (found) => {
        if (!isInfo) return found.pipe(answer.writeHead(found.statusCode ?? 502, found.headers));
        let text = "";
        found.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        found.on("end", () => answer.end(text.replace(/,?"name=rootless"/, "")));
        return found;
      });
      onward.on("error", () => answer.destroy());
      asked.pipe(onward);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  afterAll(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    rmSync(join(stack.dir, "rootful.sock"), { force: true });
  });

  const run = (...command: string[]) => stack.start(["env", `DOCKER_HOST=${host}`, ...command]).done;

  test("is not shared: up and preview say so at the place in the file, and nothing is changed", async () => {
    stack.fleet(fleet() + agent("cyd", await freePort(), shared));
    const before = await containers();
    const up = await run(process.execPath, "cli/main.ts", "up");
    const preview = await run("pulumi", "--non-interactive", "--color", "never", "preview");
    stack.fleet(fleet());
    expect(up.code).toBe(2);
    expect(preview.code).not.toBe(0);
    for (const { out } of [up, preview]) {
      expect(out).toContain(`fleet.toml:6:1: access "shared" is for a rootless daemon on this machine: the one at ${host} runs as root`);
      expect(out).not.toContain("cyd-container");
    }
    expect(await containers()).toEqual(before);
  });
});

test("a container that a killed claw has left on its network is named when the network cannot be removed", {
  timeout: 120_000,
}, async () => {
  const name = `${stack.container("ada")}-agent`;
  const { Image } = await stack.docker.getContainer(stack.container("ada")).inspect();
  const HostConfig = { NetworkMode: stack.container("ada") };
  const agent = await stack.docker.createContainer({ name, Image, Entrypoint: ["sleep", "1000"], HostConfig });
  try {
    await agent.start();
    const down = await stack.clawfleet("down");
    expect(down.code).not.toBe(0);
    expect(down.out).toContain(
      `the container ${name} holds the network ${stack.container("ada")}. If it is not needed: docker rm -f ${name}`,
    );
  } finally {
    await agent.remove({ force: true });
  }
  const again = await stack.clawfleet("down");
  expect(again, again.out).toMatchObject({ code: 0 });
});
