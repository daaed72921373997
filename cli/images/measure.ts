import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type Docker from "dockerode";
import { extract } from "tar-stream";
import { z } from "zod";
import { systemCode } from "../errors.ts";
import { eachLayer } from "./layers.ts";

/** How large an image is, in bytes. */
export interface Sizes {
  /** Its layers as a registry holds them: gzip's usual level, each by itself. */
  readonly compressed: number;
  /** The files of its layers, as `docker images` counts. */
  readonly unpacked: number;
  readonly layers: number;
}

export interface Measured extends Sizes {
  /** The daemon's id of the image, `sha256:...` */
  readonly id: string;
  /** `amd64`, `arm64` */
  readonly architecture: string;
}

type LayerSize = { readonly compressed: number; readonly unpacked: number };

/** Sizes of layers, by the digest of their content: what was measured once need not be again. */
const cacheFile = () =>
  join(process.env.CLAWFLEET_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "clawfleet"), "layers.json");
const cacheForm = z.record(z.string(), z.object({ compressed: z.number(), unpacked: z.number() }));

async function readCache(file: string): Promise<Map<string, LayerSize>> {
  try {
    return new Map(Object.entries(cacheForm.parse(JSON.parse(await readFile(file, "utf8")))));
  } catch (error) {
    // Not there yet, or from another version: it is only a cache.
    if (systemCode(error) === "ENOENT" || error instanceof SyntaxError || error instanceof z.ZodError) return new Map();
    throw error;
  }
}

async function writeCache(file: string, sizes: ReadonlyMap<string, LayerSize>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(Object.fromEntries(sizes)));
  await rename(temporary, file);
}

/** Sizes of an image that is on the daemon. */
export async function measure(docker: Docker, reference: string): Promise<Measured> {
  const image = docker.getImage(reference);
  const { Id: id, Architecture: architecture, RootFS } = await image.inspect();
  const layers = RootFS.Layers ?? [];
  const file = cacheFile();
  const sizes = await readCache(file);
  if (!layers.every((layer) => sizes.has(layer))) {
    await eachLayer(Readable.from(await image.get(), { objectMode: false }), async (layer) => {
      const { digest, ...size } = await measureLayer(layer);
      sizes.set(digest, size);
    });
    await writeCache(file, sizes);
  }
  const known = layers.map((layer) => {
    const size = sizes.get(layer);
    if (size === undefined) throw new Error(`docker save ${reference} did not hold the layer ${layer}`);
    return size;
  });
  const sum = (part: keyof LayerSize) => known.reduce((total, size) => total + size[part], 0);
  return { id, architecture, compressed: sum("compressed"), unpacked: sum("unpacked"), layers: layers.length };
}

async function measureLayer(layer: Readable): Promise<LayerSize & { readonly digest: string }> {
  const hash = createHash("sha256");
  const zipped = createGzip();
  const members = extract();
  let compressed = 0;
  let unpacked = 0;
  zipped.on("data", (chunk: Buffer) => {
    compressed += chunk.length;
  });
  members.on("entry", (header, stream, next) => {
    unpacked += header.type === "file" ? (header.size ?? 0) : 0;
    stream.once("end", next).resume();
  });
  for await (const chunk of layer) {
    hash.update(chunk);
    for (const sink of [zipped, members]) if (!sink.write(chunk)) await once(sink, "drain");
  }
  const ends = [zipped, members].map((sink) => finished(sink));
  zipped.end();
  members.end();
  await Promise.all(ends);
  return { digest: `sha256:${hash.digest("hex")}`, compressed, unpacked };
}
