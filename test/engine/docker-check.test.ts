import { describe, expect, test } from "vitest";
import { checkInputs, difference, kindOf, update } from "../../engine/docker/operations.ts";
import { checkProvider, settings } from "../../engine/docker/provider-config.ts";
import { refreshedInputs } from "../../engine/docker/reconcile.ts";
import { type Props, UNKNOWN } from "../../engine/plugin/value.ts";

const container = kindOf("docker:index/container:Container");
const image = kindOf("docker:index/remoteImage:RemoteImage");
const autoname = { logical: "r", seed: new Uint8Array([7]) };
const failures = (kind: typeof container, inputs: Props): readonly string[] => checkInputs(kind, inputs, {}, autoname).failures;

describe("inputs that are not implemented", () => {
  test.each([
    ["gpus", { image: "a", gpus: "all" }, "'gpus' is not implemented"],
    ["a member", { image: "a", networksAdvanced: [{ name: "n", macAddress: "02:00:00:00:00:01" }] }, "'r.networksAdvanced[0].macAddress'"],
    [
      "a member two levels down",
      { image: "a", mounts: [{ type: "volume", target: "/d", volumeOptions: { subpath: "x" } }] },
      "'r.mounts[0].volumeOptions.subpath'",
    ],
    ["a name that nobody knows", { image: "a", imagee: "b" }, "unknown input 'imagee'"],
  ])("%s is refused by name", (_name, inputs, text) => {
    const found = failures(container, inputs);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(text);
  });

  test("the refusal lists what there is", () => {
    expect(failures(image, { name: "a", build: { context: ".", cacheTos: ["x"] } })[0]).toMatch(
      /It implements: buildArgs, cacheFroms, context, dockerfile/,
    );
  });

  test("other kinds of resources are refused", () => {
    expect(() => kindOf("docker:index/service:Service")).toThrow(
      /docker:index\/service:Service is not implemented .* docker:index\/container:Container/,
    );
  });
});

describe("bad values", () => {
  test.each([
    [
      { image: "a", restart: "sometimes" },
      "'sometimes' doesn't match the pattern '^(no|on-failure|always|unless-stopped)$'. Examine values at 'r.restart'.",
    ],
    [
      { image: "a", healthcheck: { tests: ["CMD", "true"], timeout: "5" } },
      "'5' is not a valid duration. Examine values at 'r.healthcheck.timeout'.",
    ],
    [{ image: "a", memory: -1 }, "'-1' cannot be lower than 0. Examine values at 'r.memory'."],
    [{ image: "a", envs: ["A=1", 2] }, "expected a string. Examine values at 'r.envs[1]'."],
    [{ image: "a", tmpfs: { "/run": 1 } }, "expected a map of strings. Examine values at 'r.tmpfs'."],
    [{}, "Missing required property 'image'. Examine values at 'r.image'."],
  ])("%j", (inputs, text) => {
    expect(failures(container, inputs)).toEqual([text]);
  });

  test("what is not known yet is taken as it is", () => {
    expect(
      failures(container, { image: UNKNOWN, memory: UNKNOWN, envs: ["A=1", UNKNOWN], healthcheck: { tests: UNKNOWN, interval: UNKNOWN } }),
    ).toEqual([]);
  });

  test("an image from a registry must be kept there", () => {
    const registryImage = kindOf("docker:index/registryImage:RegistryImage");
    expect(failures(registryImage, { name: "a/b:1" })[0]).toContain("keepRemotely must be true");
    expect(failures(registryImage, { name: "a/b:1", keepRemotely: true })).toEqual([]);
  });
});

describe("automatic names", () => {
  const check = (seed: number, olds: Props = {}): unknown =>
    checkInputs(container, { image: "a" }, olds, { logical: "web", seed: new Uint8Array([seed]) }).inputs.name;

  test("come from the engine's seed", () => {
    expect(check(1)).toMatch(/^web-[0-9a-f]{7}$/);
    expect(check(1)).toBe(check(1));
    expect(check(1)).not.toBe(check(2));
  });

  test("stay what they were", () => {
    expect(check(1, { name: "web-old", __defaults: ["name"] })).toBe("web-old");
    expect(check(1, { name: "given", __defaults: [] })).not.toBe("given");
  });
});

describe("differences", () => {
  const state: Props = {
    image: "a",
    name: "n",
    tmpfs: { "/run/claw": "size=4m" },
    ports: [{ internal: 80, external: 8080, ip: "0.0.0.0", protocol: "tcp" }],
    labels: [],
    memory: 0,
  };
  const inputs: Props = {
    image: "a",
    name: "n",
    tmpfs: { "/run/claw": "size=4m" },
    ports: [{ internal: 80, external: 8080, ip: "0.0.0.0", protocol: "tcp" }],
  };
  const paths = (news: Props, ignored: string[] = []): string[] =>
    difference(container, state, news, ignored).changes.map((change) => `${change.path} ${change.kind}${change.replace ? " replace" : ""}`);

  test("none", () => expect(paths(inputs)).toEqual([]));
  test("in a map", () =>
    expect(paths({ ...inputs, tmpfs: { "/run/claw": "size=8m", "/tmp": "" } })).toEqual(['tmpfs["/run/claw"] UPDATE']));
  test("taken away", () => expect(paths({ image: "a", name: "n", ports: inputs.ports ?? null })).toEqual(["tmpfs DELETE"]));
  test("ignored, with all below", () =>
    expect(paths({ ...inputs, image: "b", tmpfs: { "/run/claw": "size=8m" } }, ["tmpfs", "image"])).toEqual([]));
  test("a port more replaces", () => {
    expect(paths({ ...inputs, ports: [...(Array.isArray(inputs.ports) ? inputs.ports : []), { internal: 81 }] })).toEqual([
      "ports UPDATE replace",
    ]);
  });
  test("a port whose outside the daemon chose is none", () => {
    expect(paths({ ...inputs, ports: [{ internal: 80, ip: "0.0.0.0", protocol: "tcp" }] })).toEqual([]);
  });

  test("two elements of a set at once are the whole set", () => {
    const labels = (a: string, b: string): Props => ({
      ...inputs,
      labels: [
        { label: "a", value: a },
        { label: "b", value: b },
      ],
    });
    const found = difference(container, { ...state, ...labels("1", "2") }, labels("3", "4"), []);
    expect(found.changes.map((change) => change.path)).toEqual(["labels"]);
  });

  test("a change that Docker cannot make in place is refused, in previews too", async () => {
    await expect(update(container, undefined, "id", state, { ...inputs, init: true }, [])).rejects.toThrow(
      /Docker cannot change init of the existing container n\. Add replaceOnChanges: \["init"\]/,
    );
    expect(await update(container, undefined, "id", state, { ...inputs, memory: 64, memorySwap: 64 }, [])).toMatchObject({ memory: 64 });
  });
});

test("a refresh changes only inputs that drifted, in the program's own form", () => {
  const inputs: Props = {
    image: "a",
    mustRun: true,
    healthcheck: { tests: ["CMD", "x"], interval: "60s" },
    networksAdvanced: [{ __defaults: [], name: "n", aliases: ["w"] }],
  };
  // The daemon writes the duration in its own way: no drift, it did so from the start.
  const before: Props = {
    ...inputs,
    healthcheck: { tests: ["CMD", "x"], interval: "1m0s" },
    networksAdvanced: [{ name: "n", aliases: ["w"], ipv4Address: "" }],
  };
  const refresh = (now: Props): Props => refreshedInputs(container.fields, inputs, before, { ...before, ...now });
  expect(refresh({})).toEqual(inputs);
  expect(refresh({ mustRun: false })).toEqual({ ...inputs, mustRun: false });
  expect(refresh({ networksAdvanced: [] })).toEqual({ ...inputs, networksAdvanced: [] });
});

describe("provider", () => {
  test("takes a host and logins", () => {
    const auth = JSON.stringify([
      { address: "https://ghcr.io/", username: "u", password: "p" },
      { address: "http://127.0.0.1:5055", authDisabled: true },
    ]);
    expect(checkProvider("p", { host: "unix:///x.sock", registryAuth: auth, version: "5.2.0" })).toEqual([]);
    const { host, credentials } = settings({ host: "unix:///x.sock", registryAuth: auth }, {});
    expect(host).toBe("unix:///x.sock");
    expect(credentials("ghcr.io")).toEqual({ username: "u", password: "p" });
    expect(credentials("127.0.0.1:5055")).toEqual({});
    expect(credentials("docker.io")).toBeUndefined();
  });

  test("has DOCKER_HOST as its default, then Docker's own", () => {
    expect(settings({}, { DOCKER_HOST: "unix:///y.sock" }).host).toBe("unix:///y.sock");
    expect(settings({}, {}).host).toBe("unix:///var/run/docker.sock");
  });

  test("refuses what it does not implement, without repeating a password", () => {
    expect(checkProvider("p", { context: "vm" })[0]).toContain("'context' is not implemented");
    expect(checkProvider("p", { sshOpts: "[]" })[0]).toContain("forward an ssh host's socket");
    const broken = checkProvider("p", { registryAuth: '[{"address":"x","password":"hunter2"' });
    expect(broken).toEqual(["registryAuth is not a JSON list"]);
  });
});
