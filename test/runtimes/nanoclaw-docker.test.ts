/** NanoClaw's calls of Docker as the claw's own `docker` makes them: for the daemon, which has the claw's files elsewhere. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { onHost, rewrite } from "../../runtimes/nanoclaw/shim/rewrite.ts";
import { containerId, parseSelf, type Self } from "../../runtimes/nanoclaw/shim/self.ts";

const program = fileURLToPath(new URL("../../runtimes/nanoclaw/shim/docker.ts", import.meta.url));
const home = "/home/nanoclaw/.nanoclaw";
const self: Self = {
  install: "0123456789ab",
  image: "sha256:feed",
  network: "fleet-ada",
  address: "172.18.0.2",
  memory: 1024 ** 3,
  nanoCpus: 1.5e9,
  mounts: [
    { source: "/var/lib/docker/volumes/ada/_data", destination: home },
    { source: "/srv/projects", destination: `${home}/groups/projects` },
    { source: "/run/user/1000/docker.sock", destination: "/var/run/docker.sock" },
  ],
};
const dir = mkdtempSync(join(tmpdir(), "nanoclaw-docker-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("paths", () => {
  test("of a volume are those of the daemon's host; of two mounts the inner one holds", () => {
    expect(onHost(home, self.mounts)).toBe("/var/lib/docker/volumes/ada/_data");
    expect(onHost(`${home}/data/../tmp/ca.pem`, self.mounts)).toBe("/var/lib/docker/volumes/ada/_data/tmp/ca.pem");
    expect(onHost(`${home}/groups/projects/x`, self.mounts)).toBe("/srv/projects/x");
    expect(onHost("/mnt/a", [{ source: "/host", destination: "/mnt" }])).toBe("/host/a");
  });

  test.each([`${home}-other/x`, "/etc/passwd", "/", `${home}/../../../etc`])("%s is on no volume", (path) => {
    expect(() => onHost(path, self.mounts)).toThrow("is on no volume of this claw");
  });

  test.each(["/var/run/docker.sock", "/var/run", "/var/run/"])("the Docker socket is not to be had by way of %s", (path) => {
    const mounts = [...self.mounts, { source: "/var/run", destination: "/var/run" }];
    expect(() => onHost(path, mounts)).toThrow("agents do not get it");
  });
});

describe("docker run", () => {
  const run = (...args: string[]) => rewrite(["run", ...args], self);

  test("mounts what the daemon has, leaves the container's command alone, and confines as the claw is", () => {
    const args = run(
      "--rm",
      "--name",
      "n",
      "-e",
      "TZ=UTC",
      "-v",
      `${home}/data/s:/workspace`,
      "-v",
      `${home}/c:/app:ro`,
      "--entrypoint",
      "bash",
      "sha256:feed",
      "-c",
      `ls -v ${home}`,
    );
    expect(args.join(" ")).toBe(
      "run --init --no-healthcheck --cap-drop ALL --security-opt no-new-privileges:true --pids-limit 2048 --network fleet-ada --memory 1073741824 --cpus 1.5 " +
        "--rm --name n -e TZ=UTC -v /var/lib/docker/volumes/ada/_data/data/s:/workspace -v /var/lib/docker/volumes/ada/_data/c:/app:ro --entrypoint bash " +
        `sha256:feed -c ls -v ${home}`,
    );
  });

  test("takes the other ways to say it", () => {
    expect(run(`--mount=type=bind,source=${home}/x,target=/y,readonly`, `--volume=${home}/x:/y`, "--add-host=h:host-gateway", "i")).toEqual(
      expect.arrayContaining([
        "type=bind,source=/var/lib/docker/volumes/ada/_data/x,target=/y,readonly",
        "/var/lib/docker/volumes/ada/_data/x:/y",
        "h:host-gateway",
      ]),
    );
  });

  test("has the claw's own label, which is looked for with that too", () => {
    expect(run("--label", "nanoclaw-install=ab12cd34", "--label", "other=1", "i")).toEqual(
      expect.arrayContaining(["nanoclaw-install=ab12cd34-0123456789ab", "other=1"]),
    );
    expect(rewrite(["ps", "--filter", "label=nanoclaw-install=ab12cd34", "--format", "{{.Names}}"], self)).toEqual([
      "ps",
      "--filter",
      "label=nanoclaw-install=ab12cd34-0123456789ab",
      "--format",
      "{{.Names}}",
    ]);
  });

  test.each(["--privileged", "--volumes-from", "--device=/dev/sda", "--pid=host", "--network=host"])("does not know %s", (option) => {
    expect(() => run(option, "i")).toThrow(`unknown option ${option.split("=")[0]}`);
  });
});

test("other commands are passed on as they are", () => {
  for (const args of [["info"], ["stop", "-t", "1", "n"], ["build", "-t", "x", "-f", "/f", "."]]) expect(rewrite(args, self)).toEqual(args);
});

test("the claw's container is found by the kernel's word, else by its host name", () => {
  const id = "9".repeat(64);
  const line = `1 2 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw`;
  expect(containerId(`0 0 0:1 / / rw - overlay overlay rw\n${line}\n`, "host")).toBe(id);
  expect(containerId("0 0 0:1 / / rw - overlay overlay rw\n", "0123456789ab")).toBe("0123456789ab");
});

test("what the daemon says of the container is taken in", () => {
  const said = {
    Image: "sha256:feed",
    Mounts: [{ Source: "/vol", Destination: home }, { Destination: "/tmp" }],
    HostConfig: { Memory: 512, NanoCpus: 0 },
    NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2" }, "fleet-ada": { IPAddress: "172.18.0.2" } } },
  };
  const expected = {
    install: "i",
    image: "sha256:feed",
    mounts: [{ source: "/vol", destination: home }],
    network: "fleet-ada",
    address: "172.18.0.2",
    memory: 512,
    nanoCpus: 0,
  };
  expect(parseSelf(JSON.stringify([said]), "i")).toEqual(expected);
  const bare = parseSelf(JSON.stringify([{ ...said, NetworkSettings: { Networks: { host: { IPAddress: "" } } } }]), "i");
  expect(bare).toMatchObject({ network: "host" });
  expect(bare).not.toHaveProperty("address");
});

describe("the program", () => {
  const env = { ...process.env, NANOCLAW_DOCKER: join(dir, "client"), NANOCLAW_SELF: join(dir, "self.json") };

  test("becomes Docker's client, with its output and its exit code", () => {
    writeFileSync(env.NANOCLAW_DOCKER, '#!/bin/sh\necho "$*"\nexit 7\n', { mode: 0o755 });
    writeFileSync(env.NANOCLAW_SELF, JSON.stringify(self));
    const { status, stdout, stderr } = spawnSync(program, ["stop", "-t", "1", "name"], { env, encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "stop -t 1 name\n", stderr: "" });
  });

  test("says in one line what it cannot do", () => {
    const refused = spawnSync(program, ["run", "-v", "/etc:/x", "i"], { env, encoding: "utf8" });
    expect(refused).toMatchObject({
      status: 125,
      stdout: "",
      stderr: "docker: /etc is on no volume of this claw, so Docker cannot see it\n",
    });
    const lost = spawnSync(program, ["info"], { env: { ...env, NANOCLAW_SELF: join(dir, "none") }, encoding: "utf8" });
    expect(lost.status).toBe(125);
    expect(lost.stderr).toMatch(/^docker: ENOENT.*\n$/);
  });

  test("costs no second process", () => {
    writeFileSync(env.NANOCLAW_DOCKER, "#!/bin/sh\necho $PPID\n", { mode: 0o755 });
    expect(execFileSync(program, ["info"], { env, encoding: "utf8" }).trim()).toBe(`${process.pid}`);
  });
});
