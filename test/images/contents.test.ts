/**
 * What is in the images that people get: files of all layers, the image's description, and what dockle finds. Each exception stands here with its
 * reason. A runtime whose image cannot be built here is named on stderr and left out.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { canary } from "../../cli/images/build.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { buildImage, docker, dockerOrThrow, obtainable } from "../contract/helpers.ts";
import { buildNeedles, findings, needles } from "./rules.ts";
import { type Layer, needlesIn, type Seen, scan } from "./scan.ts";

interface Exception {
  readonly rule: string;
  readonly where: RegExp;
  readonly reason: string;
  /** Runtimes in whose image it is; default: Debian's part, in all. */
  readonly runtimes?: readonly string[];
}

const exceptions: readonly Exception[] = [
  {
    rule: "a private key",
    where: /^usr\/lib\/[^/]+\/libgnutls\.so\.[\d.]+$/,
    reason: "GnuTLS, which Debian's apt needs, tests itself with keys that are the same everywhere",
  },
];

/** What dockle may say. */
const accepted: readonly { readonly code: string; readonly alert: RegExp; readonly reason: string }[] = [
  {
    code: "CIS-DI-0005",
    alert: /DOCKER_CONTENT_TRUST/,
    reason: "about the daemon that pulls, not the image; base images are pinned by digest",
  },
  {
    code: "CIS-DI-0010",
    alert: /^Suspicious ENV key found : ZEROCLAW_secrets__encrypt on /,
    reason: "a switch: whether ZeroClaw encrypts the secrets it is given",
  },
  {
    code: "CIS-DI-0010",
    alert: /^Suspicious ENV key found : IRONCLAW_DISABLE_OS_KEYCHAIN on /,
    reason: "a switch: IronClaw keeps its key beside its state, as a container has no desktop's keyring",
  },
];

const run = promisify(execFile);
const daemon = new Docker();
const seen: Seen = new Map();
const known = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
const here: typeof known = [];
for (const descriptor of known) if (await obtainable(descriptor)) here.push(descriptor);

let dir = "";
let dockle = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "clawfleet-images-"));
  dockle = (await run(join(import.meta.dirname, "../../engine/lint-tool.sh"), ["dockle"])).stdout.trim();
}, 900_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Saves an image and goes through its layers; the file is there until `then` is done. */
async function saved<T>(image: string, then: (file: string, layers: Layer[]) => Promise<T>): Promise<T> {
  const file = join(dir, `${randomBytes(4).toString("hex")}.tar`);
  try {
    await dockerOrThrow(["save", "--output", file, image], { timeoutSeconds: 300 });
    const { RootFS } = await daemon.getImage(image).inspect();
    return await then(file, await scan(file, RootFS.Layers ?? [], needles(), seen));
  } finally {
    await rm(file, { force: true });
  }
}

const report = z.object({ details: z.array(z.object({ code: z.string(), alerts: z.array(z.string()) })).nullish() });

/** What dockle finds in a saved image. */
async function dockleFindings(file: string): Promise<{ code: string; alert: string }[]> {
  const { stdout } = await run(dockle, ["--input", file, "--format", "json", "--cache-dir", dir, "--timeout", "5m"], {
    maxBuffer: 16 * 1024 * 1024,
  });
  return (report.parse(JSON.parse(stdout)).details ?? []).flatMap(({ code, alerts }) => alerts.map((alert) => ({ code, alert })));
}

/** The image's environment, labels, commands and history, one text each. */
async function description(image: string): Promise<{ where: string; text: string }[]> {
  const subject = daemon.getImage(image);
  const { Config, Author, Comment } = await subject.inspect();
  const history = z.array(z.object({ CreatedBy: z.string(), Comment: z.string() })).parse(await subject.history());
  return [
    { where: "configuration", text: JSON.stringify([Config, Author, Comment]) },
    ...history.map(({ CreatedBy, Comment: comment }, i) => ({ where: `history ${i}`, text: `${CreatedBy} ${comment}` })),
  ];
}

async function wordsIn(image: string): Promise<string[]> {
  return (await description(image)).flatMap(({ where, text }) =>
    needlesIn(Buffer.from(text), needles()).map((name) => `${where}: ${name}`),
  );
}

const used = new Set<Exception>();

describe.each(here.map((descriptor) => [descriptor.title, descriptor] as const))("%s's image", (_, runtime) => {
  let image = "";
  beforeAll(async () => {
    image = await buildImage(runtime);
  }, 3_600_000);

  test("holds no compiler, cache, secret or setuid file in any layer, and dockle finds nothing", async () => {
    const [found, alerts] = await saved(image, async (file, layers) => {
      expect(layers.flatMap(({ entries }) => entries).length).toBeGreaterThan(100);
      return [findings(layers), await dockleFindings(file)] as const;
    });
    const excused = (finding: (typeof found)[number]) => {
      const exception = exceptions.find(
        ({ rule, where, runtimes = [runtime.name] }) =>
          rule === finding.rule && where.test(finding.where) && runtimes.includes(runtime.name),
      );
      if (exception !== undefined) used.add(exception);
      return exception !== undefined;
    };
    expect(found.filter((finding) => !excused(finding))).toEqual([]);
    expect(alerts.filter(({ code, alert }) => !accepted.some((one) => one.code === code && one.alert.test(alert)))).toEqual([]);
  }, 600_000);

  test("says nothing of the build's secrets, and runs as the runtime's own user", async () => {
    expect(await wordsIn(image)).toEqual([]);
    const { Config } = await daemon.getImage(image).inspect();
    expect(Config).toMatchObject({ User: `${runtime.uid}:${runtime.uid}`, Healthcheck: { Test: expect.arrayContaining(["CMD"]) } });
    expect(Config.Labels).toMatchObject({
      "org.opencontainers.image.version": runtime.version,
      "org.opencontainers.image.source": runtime.source,
    });
  });
});

test("no exception is without its case", () => {
  const images = here.map(({ name }) => name);
  const due = exceptions.filter(({ runtimes = images }) => runtimes.some((name) => images.includes(name)));
  // Debian's own images may be without what the stand-ins for them have, and the other way round.
  expect(due.filter((exception) => exception.runtimes !== undefined && !used.has(exception))).toEqual([]);
});

test("an image with all that is wrong: each is found, also where a later layer hides it", async () => {
  const pico = known.find(({ name }) => name === "picoclaw");
  if (pico === undefined) throw new Error("no picoclaw");
  const base = await buildImage(pico);
  const tag = `clawfleet-images-test:${randomBytes(4).toString("hex")}`;
  const context = join(dir, "bad");
  await mkdir(context);
  const key = Buffer.alloc(48, "k").toString("base64");
  await writeFile(
    join(context, "Dockerfile"),
    `FROM ${base}
ARG TOKEN
USER root
RUN cp /bin/ls /usr/local/bin/mine && chmod 6755 /usr/local/bin/mine && printf x > /etc/open && chmod 666 /etc/open && mkdir -m 777 /open
RUN --mount=type=secret,id=build-env cp /run/secrets/build-env /etc/settings
RUN rm /etc/settings /usr/local/bin/mine
RUN cp /bin/ls /usr/bin/gcc && mkdir -p /opt/node_modules/typescript /root/.npm/_cacache /var/lib/apt/lists && cd /opt && touch node_modules/typescript/package.json /root/.npm/_cacache/x /var/lib/apt/lists/x /root/.npmrc .env
RUN printf -- '-----BEGIN PRIVATE KEY-----\\n${key}${key}\\n' > /opt/key
LABEL who="\${TOKEN}"
`,
  );
  const env = { CLAWFLEET_BUILD_ENV: `export CLAWFLEET_CANARY='${canary}'`, TOKEN: canary };
  try {
    const args = ["build", "--quiet", "--tag", tag, "--secret", "id=build-env,env=CLAWFLEET_BUILD_ENV", "--build-arg", "TOKEN", context];
    await dockerOrThrow(args, { env, timeoutSeconds: 300 });
    const [found, alerts] = await saved(tag, async (file, layers) => [findings(layers), await dockleFindings(file)] as const);
    const clean = (await saved(base, async (_, layers) => findings(layers))).map(({ where }) => where);
    expect(new Set(found.filter(({ where }) => !clean.includes(where)))).toEqual(
      new Set([
        { rule: "setuid", where: "usr/local/bin/mine" },
        { rule: "writable by everybody", where: "etc/open" },
        { rule: "writable by everybody", where: "open" },
        { rule: "the canary", where: "etc/settings" },
        { rule: "removed in a later layer", where: "etc/.wh.settings" },
        { rule: "removed in a later layer", where: "usr/local/bin/.wh.mine" },
        { rule: "a compiler", where: "usr/bin/gcc" },
        { rule: "a compiler", where: "opt/node_modules/typescript/package.json" },
        { rule: "a cache, or left behind", where: "root/.npm/_cacache/x" },
        { rule: "a cache, or left behind", where: "var/lib/apt/lists/x" },
        { rule: "a file for secrets", where: "root/.npmrc" },
        { rule: "a file for secrets", where: "opt/.env" },
        { rule: "a private key", where: "opt/key" },
      ]),
    );
    expect(await wordsIn(tag)).toContain("configuration: the canary");
    // dockle's own: it looks at what is left, and at who runs it.
    expect(new Set(alerts.map(({ code }) => code))).toEqual(new Set(["CIS-DI-0001", "CIS-DI-0005", "CIS-DI-0010"]));
  } finally {
    await docker(["image", "rm", "--force", tag]);
  }
}, 600_000);

test("what is looked for of the machine's settings: values that are its own, one line of each certificate", () => {
  const line = (letter: string) => letter.repeat(64);
  const env = {
    CLAWFLEET_BUILD_ENV: "export GOPROXY='https://user:hunter22@mirror.example'\nexport GOSUMDB='sum.golang.org'\nexport NO_PROXY='a'",
    CLAWFLEET_BUILD_NPMRC: "//registry.example/:_authToken=abcdefghijkl",
    CLAWFLEET_BUILD_CA: `-----BEGIN CERTIFICATE-----\n${line("a")}\n${line("b")}\n${line("c")}\n-----END CERTIFICATE-----\n`,
  };
  expect(buildNeedles(env).map(({ text }) => text)).toEqual([canary, "https://user:hunter22@mirror.example", "abcdefghijkl", line("b")]);
});
