import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { measure } from "../../cli/images/measure.ts";
import { Progress } from "../../cli/images/progress.ts";
import { growth, readFacts, record } from "../../cli/images/record.ts";
import { type Row, reportLines, tooLarge } from "../../cli/images/report.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { buildImage, docker, dockerOrThrow } from "../contract/helpers.ts";

const root = join(import.meta.dirname, "../..");
const known = [...(await loadRuntimes(runtimeNames())).values()].map(({ descriptor }) => descriptor);
const pico = known.find(({ name }) => name === "picoclaw");
if (pico === undefined) throw new Error("no picoclaw");
const runtime = pico;

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "clawfleet-sizes-"));
  await mkdir(join(dir, runtime.name));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const sizes = { compressed: 100_000_000, unpacked: 300_000_000, layers: 7 };

describe("what is recorded", () => {
  test("is kept by what an image is built on and by architecture, and leaves the rest alone", async () => {
    const file = join(dir, runtime.name, "image.json");
    const upstream = { image: "example/claw:1", compressed: 5, source: "https://example.org", asOf: "2026-02-21" };
    await writeFile(file, JSON.stringify({ upstream }));
    record(runtime, "local", "amd64", sizes, dir);
    record(runtime, "registry", "arm64", { ...sizes, layers: 8 }, dir);
    record(runtime, "local", "amd64", { ...sizes, layers: 9 }, dir);
    expect(readFacts(runtime, dir)).toEqual({
      upstream,
      sizes: { local: { amd64: { ...sizes, layers: 9 } }, registry: { arm64: { ...sizes, layers: 8 } } },
    });
    expect(await readFile(file, "utf8")).toMatch(/\n$/);
  });

  test("nothing yet is nothing, and what is not a record is an error that names the file", async () => {
    const [other = runtime] = known.filter(({ name }) => name !== runtime.name);
    expect(readFacts(other, dir)).toEqual({ sizes: {} });
    await mkdir(join(dir, other.name));
    await writeFile(join(dir, other.name, "image.json"), '{"sizes": {"local": {"amd64": {"compressed": "much"}}}}');
    expect(() => readFacts(other, dir)).toThrow(/image\.json: (.|\n)*compressed/);
  });

  test.each(known)("of $name is what `make images` writes", (descriptor) => {
    const { sizes, upstream } = readFacts(descriptor);
    for (const { compressed, unpacked } of Object.values(sizes).flatMap((byArchitecture) => Object.values(byArchitecture))) {
      expect(compressed).toBeLessThan(unpacked);
    }
    if (upstream !== undefined) expect(upstream.source).toMatch(/^https:/);
  });
});

describe("an image that grew", () => {
  const row = (now: Partial<typeof sizes>, recorded: typeof sizes | null = sizes): Row => ({
    runtime: "claw",
    version: "1",
    image: "example/claw:1",
    bases: "registry",
    sizes: { ...sizes, ...now, id: "sha256:1", architecture: "amd64" },
    recorded,
    growth: recorded === null ? null : growth({ ...sizes, ...now }, recorded),
    upstream: null,
  });

  test("by more than 5 %, compressed or unpacked, is named with what to do; less, smaller and not recorded are not", () => {
    const lines = (...rows: Row[]) => tooLarge(rows);
    expect(lines(row({ compressed: 105_000_000 }), row({ unpacked: 1 }), row({ compressed: 900_000_000 }, null))).toEqual([]);
    const [line = "", ...more] = lines(row({ compressed: 105_100_000 }));
    expect(more).toEqual([]);
    expect(line).toMatch(/^claw grew by \+5\.1 % over .*runtimes\/claw\/image\.json.*ARGS=--record/);
    expect(lines(row({ unpacked: 316_000_000 }))).toEqual([expect.stringContaining("+5.3 %")]);
  });

  test("is a row of a table for people, and a line of its own for all else", () => {
    const published = { image: "example/claw:1", source: "https://example.org", asOf: "2026-02-21" };
    const rows = [
      { ...row({ compressed: 110_000_000 }), upstream: { ...published, compressed: 150_000_000, unpacked: 1 } },
      { ...row({}, null), upstream: { ...published, unpacked: 2_000_000_000 } },
      row({}, null),
    ];
    const [header = "", first = "", , third = ""] = reportLines(rows, true);
    expect(header).toMatch(/RUNTIME +VERSION +COMPRESSED +UNPACKED +LAYERS +RECORDED +GROWTH/);
    expect(first).toMatch(/claw +1 +110\.0 MB +300\.0 MB +7 +100\.0 MB +\S*\+10\.0 %/);
    expect(third).toMatch(/claw +1 +100\.0 MB +300\.0 MB +7 +- +- +-/);
    expect(reportLines(rows, false)).toEqual([
      "claw 1: 110.0 MB compressed, 300.0 MB unpacked, 7 layers; recorded 100.0 MB, +10.0 %; upstream's 150.0 MB compressed (2026-02-21)",
      "claw 1: 100.0 MB compressed, 300.0 MB unpacked, 7 layers; not recorded; upstream's 2000.0 MB unpacked (2026-02-21)",
      "claw 1: 100.0 MB compressed, 300.0 MB unpacked, 7 layers; not recorded; upstream's -",
    ]);
  });
});

test("BuildKit's progress: instructions that ran and those that were there", () => {
  const progress = new Progress();
  const text = `#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [build 1/3] FROM docker.io/library/golang
#5 DONE 0.1s
#6 [build 2/3] COPY . ./
#6 CACHED
#7 [build 3/3] RUN make
#7 sha256:12
#7 0.119 #9 DONE 5.0s
#7 DONE 12.5s
#8 exporting to image
#8 DONE 0.1s`;
  const ended = text.split("\n").flatMap((line) => progress.feed(line) ?? []);
  expect(ended).toEqual([
    { name: "[build 2/3] COPY . ./", cached: true, seconds: 0 },
    { name: "[build 3/3] RUN make", cached: false, seconds: 12.5 },
  ]);
  expect(progress.steps).toEqual(ended);
});

describe("on a real daemon", () => {
  const tag = `clawfleet-sizes-test:${randomBytes(4).toString("hex")}`;
  afterAll(() => docker(["image", "rm", "--force", tag]));

  test("an image's sizes are those of its layers, each gzipped by itself, and are right the second time too", async () => {
    await writeFile(join(dir, "noise"), randomBytes(3_000_000));
    await writeFile(join(dir, "text"), "what compresses well\n".repeat(300_000));
    await writeFile(join(dir, "Dockerfile"), "FROM scratch\nCOPY noise /etc/\nCOPY text /etc/\nCOPY Dockerfile /\nWORKDIR /etc\n");
    await writeFile(join(dir, ".dockerignore"), "*\n!noise\n!text\n!Dockerfile\n");
    await dockerOrThrow(["build", "--quiet", "--tag", tag, dir], { timeoutSeconds: 300 });
    process.env.CLAWFLEET_CACHE = join(dir, "cache");
    const first = await measure(new Docker(), tag);
    expect(await measure(new Docker(), tag)).toEqual(first);
    const size = Number(await dockerOrThrow(["image", "inspect", "--format", "{{ .Size }}", tag]));
    expect(first.unpacked).toBe(size);
    // As gzip itself does it.
    const file = join(dir, "image.tar");
    await dockerOrThrow(["save", "--output", file, tag]);
    const unpacked = join(dir, "unpacked");
    await mkdir(unpacked);
    execFileSync("tar", ["-xf", file, "-C", unpacked]);
    const layers =
      z.array(z.object({ Layers: z.array(z.string()) })).parse(JSON.parse(await readFile(join(unpacked, "manifest.json"), "utf8")))[0]
        ?.Layers ?? [];
    expect(first.layers).toBe(layers.length);
    const gzipped = layers.map((layer) => execFileSync("gzip", ["-c", layer], { cwd: unpacked, maxBuffer: 64_000_000 }).length);
    const total = gzipped.reduce((sum, length) => sum + length, 0);
    expect(total).toBeGreaterThan(3_000_000);
    expect(Math.abs(first.compressed / total - 1)).toBeLessThan(0.01);
  }, 120_000);

  test("`make images` says so as JSON, exit code 0, and refuses what it does not know", async () => {
    await buildImage(runtime);
    const images = (...args: string[]) =>
      promisify(execFile)(process.execPath, [join(root, "cli/images.ts"), ...args], {
        env: { ...process.env, CLAWFLEET_CACHE: join(dir, "cache") },
      });
    const { stdout, stderr } = await images(runtime.name, "--json");
    expect(stderr).toMatch(/picoclaw \(1\/1\)/);
    expect(JSON.parse(stdout)).toMatchObject({
      images: [
        { runtime: "picoclaw", version: runtime.version, sizes: { compressed: expect.any(Number), architecture: expect.any(String) } },
      ],
      unavailable: [],
      failed: [],
    });
    await expect(images("nosuch")).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('no runtime "nosuch"') });
    await expect(images("--recrod")).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("--recrod") });
  }, 600_000);
});
