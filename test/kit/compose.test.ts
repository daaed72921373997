import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { healthcheckOf, tmpfsOf } from "../../runtimes/container.ts";
import { companionsOf, composeFile } from "../../runtimes/generated/compose.ts";
import { layoutHere, OWN_REPOSITORY } from "../../runtimes/generated/layout.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { compose, fleetFile, root, serviceIn } from "./compose.ts";

const descriptors = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
const [sample] = descriptors;
if (sample === undefined) throw new Error("there is no runtime");
const byDefault = ["openclaw", "picoclaw", "zeroclaw"];
const fileOf = (name: string) => join(root, "runtimes", name, "docker-compose.yml");

const scratch = mkdtempSync(join(tmpdir(), "clawfleet-kit-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A file with this text in a folder of its own; its path. */
function put(folder: string, name: string, text: string): string {
  mkdirSync(join(scratch, folder), { recursive: true });
  const file = join(scratch, folder, name);
  writeFileSync(file, text);
  return file;
}

describe("docker-compose.fleet.yml, as it comes", () => {
  const quiet = (...args: string[]) => compose(["--file", fleetFile, ...args]);
  const silent = { code: 0, stdout: "", stderr: "" };

  test("is taken by Compose: the default, all, and each runtime alone", async () => {
    expect(await quiet("config", "--quiet")).toEqual(silent);
    expect(await quiet("--profile", "all", "config", "--quiet")).toEqual(silent);
    for (const { name } of descriptors) {
      expect(await quiet("config", "--quiet", name), name).toEqual(silent);
      expect(await quiet("--profile", name, "config", "--quiet"), name).toEqual(silent);
    }
  });

  test("brings up three when nobody says which, one by its name, and all by the profile", async () => {
    const services = async (...args: string[]) => (await quiet(...args)).stdout.trim().split("\n").sort();
    expect(await services("config", "--services")).toEqual(byDefault);
    expect(await services("--profile", "all", "config", "--services")).toEqual(runtimeNames());
    for (const { name } of descriptors) {
      expect(await services("--profile", name, "config", "--services")).toEqual([...new Set([...byDefault, name])].sort());
    }
  });

  test("gives every claw a port, a network and a volume that no other has", async () => {
    const all = await Promise.all(descriptors.map(({ name }) => serviceIn([fleetFile], name)));
    for (const of of [
      all.map(({ ports }) => ports[0]?.published),
      all.map(({ networks }) => Object.keys(networks).join()),
      all.map(({ volumes }) => volumes.find(({ type }) => type === "volume")?.source),
    ]) {
      expect(of).not.toContain(undefined);
      expect(new Set(of).size).toBe(descriptors.length);
    }
  });

  test("takes a claw's port, limits, image and build arguments from variables of its own, the base images from common ones", async () => {
    const [arg = ""] = Object.keys(sample.buildArgs);
    const [base = ""] = Object.keys(sample.bases);
    const own = (key: string) => `${sample.envPrefix}${key}`;
    const env = {
      [own("PORT")]: "23456",
      [own("MEMORY")]: "3g",
      [own("IMAGE")]: "example.com/it:1",
      [own(arg)]: "changed",
      [`CLAW_BASE_${base}`]: "base:1",
    };
    const changed = await serviceIn([fleetFile], sample.name, env);
    expect(changed.ports).toMatchObject([{ host_ip: "127.0.0.1", target: sample.port, published: "23456" }]);
    expect(changed).toMatchObject({ mem_limit: String(3 * 2 ** 30), memswap_limit: String(3 * 2 ** 30), image: "example.com/it:1" });
    expect(changed.build.args).toEqual({ ...sample.bases, ...sample.buildArgs, [arg]: "changed", [base]: "base:1" });
    for (const { name, port } of descriptors.slice(1)) {
      expect((await serviceIn([fleetFile], name, env)).ports).toMatchObject([{ published: String(port) }]);
    }
  });
});

describe.each(descriptors.map((descriptor) => ({ name: descriptor.name, descriptor })))(
  "$name's docker-compose.yml",
  ({ name, descriptor }) => {
    test("is taken by Compose as it comes", async () => {
      expect(await compose(["--file", fileOf(name), "config", "--quiet"])).toEqual({ code: 0, stdout: "", stderr: "" });
    });

    test("says the same of the service as the fleet's file, and all that the descriptor says", async () => {
      const own = await serviceIn([fileOf(name)], name);
      const { profiles, ...inFleet } = await serviceIn([fleetFile], name);
      expect(profiles).toEqual(byDefault.includes(name) ? undefined : [name, "all"]);
      const state = ({ volumes }: { volumes: readonly { source: string }[] }) => volumes.map((each) => ({ ...each, source: "" }));
      expect({ ...inFleet, volumes: state(inFleet) }).toEqual({ ...own, volumes: state(own) });
      const { uid, port, version, stateDir, stopGraceSeconds, minMemoryMiB, env } = descriptor;
      expect(own).toMatchObject({
        image: `ghcr.io/codervisor/${name}:${version}`,
        build: {
          context: join(root, "runtimes"),
          dockerfile: `${name}/Dockerfile`,
          args: { ...descriptor.bases, ...descriptor.buildArgs },
        },
        user: `${uid}:${uid}`,
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        init: true,
        restart: "unless-stopped",
        ports: [{ host_ip: "127.0.0.1", target: port, published: String(port) }],
        tmpfs: Object.entries(tmpfsOf(descriptor)).map(([path, options]) => `${path}:${options}`),
        logging: { driver: "json-file", options: { "max-file": "3", "max-size": "10m" } },
        pids_limit: 512,
        ulimits: { nofile: 16384 },
      });
      expect(own.environment).toMatchObject(env);
      expect(own.build.secrets.map(({ source }) => source)).toEqual(["build-env", "ca", "npmrc", "cargo"]);
      expect(own.volumes).toContainEqual(expect.objectContaining({ type: "volume", target: stateDir }));
      expect(seconds(own.stop_grace_period)).toBe(stopGraceSeconds);
      expect(Number(own.mem_limit)).toBeGreaterThanOrEqual(minMemoryMiB * 2 ** 20);
      expect(own.memswap_limit).toBe(own.mem_limit);
      const check = healthcheckOf(descriptor);
      expect(own.healthcheck).toMatchObject({ test: check.test, interval: "200ms", retries: 1, start_period: "0s" });
      expect(seconds(own.healthcheck.timeout)).toBe(check.timeout / 1000);
    });

    test("says how a secret comes by file, and Compose takes what it says", async () => {
      const lines = readFileSync(fileOf(name), "utf8").split("\n");
      const from = lines.indexOf("# services:");
      const override = lines
        .slice(from)
        .map((line) => line.replace(/^# ?/, ""))
        .join("\n");
      const file = put(name, "docker-compose.override.yml", override);
      const { secrets, environment } = await serviceIn([fileOf(name), file], name);
      const [id = ""] = secrets?.map(({ source }) => source) ?? [];
      expect(Object.entries(environment).filter(([key]) => key.endsWith("_FILE"))).toEqual([[expect.any(String), `/run/secrets/${id}`]]);
    });
  },
);

/** `1m30s` in seconds. */
function seconds(duration: string): number {
  const [, minutes = "0", rest = "0"] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? [];
  return Number(minutes) * 60 + Number(rest);
}

describe("what is generated", () => {
  const odd = `a"b'c $HOME \${HOME} $$ # {{x}} \\ : *&! é`;

  test("carries any value unchanged, and works for a runtime in a repository of its own", async () => {
    const descriptor = { ...sample, env: { ODD: odd, EMPTY: "" }, buildArgs: { ODD: odd.replaceAll("}", "") } };
    const file = put("own", "docker-compose.yml", composeFile(descriptor, OWN_REPOSITORY));
    const service = await serviceIn([file], sample.name);
    expect(service.environment).toEqual({ ODD: odd, EMPTY: "" });
    expect(service.build).toMatchObject({
      context: join(scratch, "own"),
      dockerfile: "Dockerfile",
      args: { ODD: odd.replaceAll("}", "") },
    });
  });

  test("gives the claw its .env byte for byte", async () => {
    const file = put("env", "docker-compose.yml", composeFile(sample, OWN_REPOSITORY));
    put("env", ".env", `JSON={"a":["$HOME"]}\nSPACES= a  b \nHASH=a #b\n`);
    const { environment } = await serviceIn([file], sample.name);
    expect(environment).toMatchObject({ JSON: '{"a":["$HOME"]}', SPACES: " a  b ", HASH: "a #b" });
  });

  test("without the Docker socket that a runtime needs, Docker's message names the variable", async () => {
    const descriptor = { ...sample, name: "needy", docker: { why: "do what it does" } };
    const file = put("docker", "docker-compose.yml", composeFile(descriptor, OWN_REPOSITORY));
    const base = JSON.parse(process.env.CLAWFLEET_BASES || "{}").DEBIAN ?? sample.bases.DEBIAN;
    const project = ["--project-name", `clawfleet-kit-${process.pid}`, "--file", file];
    try {
      const { code, stderr } = await compose([...project, "create", "--no-build"], { CLAW_IMAGE: base });
      expect(code).not.toBe(0);
      expect(stderr).toContain("DOCKER_SOCKET-is-not-set");
      const given = await serviceIn([file], "needy", { DOCKER_SOCKET: "/run/user/1000/docker.sock", DOCKER_SOCKET_GID: "999" });
      expect(given.volumes).toContainEqual(
        expect.objectContaining({ source: "/run/user/1000/docker.sock", target: "/var/run/docker.sock" }),
      );
    } finally {
      await compose([...project, "down", "--volumes"]);
    }
  });

  test("has the services that a runtime adds by hand, and what it adds to its own", async () => {
    const added = companionsOf(
      "it",
      [
        "services:",
        "  it:",
        "    depends_on:",
        "      db: { condition: service_healthy, required: false }",
        "  # kept",
        "  db:",
        "    profiles: [db]",
        "    image: db:1",
        "volumes:",
        "  db: {}",
        "",
      ].join("\n"),
    );
    expect(added.own).toEqual(["depends_on:", "  db: { condition: service_healthy, required: false }"]);
    const file = put("more", "docker-compose.yml", composeFile({ ...sample, name: "it" }, layoutHere("it"), added));
    const names = async (...args: string[]) =>
      (await compose(["--file", file, ...args, "config", "--services"])).stdout.trim().split("\n").sort();
    expect(await names()).toEqual(["it"]);
    expect(await names("--profile", "db")).toEqual(["db", "it"]);
    expect(() => companionsOf("it", "networks:\n  x: {}\n")).toThrow('"networks:"; it can have the sections services: and volumes:');
  });
});
