/** Everything in an image that its tests look at: the files of all its layers, deleted ones too, and words in them. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { extract } from "tar-stream";
import { eachLayer } from "../../cli/images/layers.ts";

export interface Entry {
  /** Without a leading slash. */
  readonly path: string;
  readonly type: string;
  readonly mode: number;
}

/** Something that must be in no file: a fixed text, or what begins with a fixed text. */
export interface Needle {
  /** What to call it in a failed test's output, where its value must not stand. */
  readonly name: string;
  readonly text: string;
  /** What it must be from `text` on; default: just the text. */
  readonly pattern?: RegExp;
}

export interface Hit {
  readonly path: string;
  readonly needle: string;
}

export interface Layer {
  readonly entries: readonly Entry[];
  readonly hits: readonly Hit[];
}

/** Longest needle: what is kept of a chunk for one that goes on in the next. */
const OVERLAP = 400;

/** Names of the needles in a text. */
export function needlesIn(chunk: Buffer, needles: readonly Needle[]): string[] {
  return needles.filter((needle) => holds(chunk, needle)).map(({ name }) => name);
}

function holds(chunk: Buffer, { text, pattern }: Needle): boolean {
  for (let at = chunk.indexOf(text); at !== -1; at = chunk.indexOf(text, at + 1)) {
    if (pattern === undefined || pattern.test(chunk.toString("latin1", at, at + OVERLAP))) return true;
  }
  return false;
}

/** Layers that were gone through before, by digest: images share them. */
export type Seen = Map<string, Layer>;

/**
 * Goes through an image as `docker save` wrote it.
 *
 * @param digests Of its layers, first to last, as the daemon names them.
 */
export async function scan(file: string, digests: readonly string[], needles: readonly Needle[], seen: Seen): Promise<Layer[]> {
  await eachLayer(createReadStream(file, { highWaterMark: 1024 * 1024 }), async (layer) => {
    const { digest, ...result } = await scanLayer(layer, needles);
    seen.set(digest, result);
  });
  return digests.map((digest) => {
    const layer = seen.get(digest);
    if (layer === undefined) throw new Error(`${file} does not hold the layer ${digest}`);
    return layer;
  });
}

async function scanLayer(layer: Readable, needles: readonly Needle[]): Promise<Layer & { readonly digest: string }> {
  const hash = createHash("sha256");
  const members = extract();
  const entries: Entry[] = [];
  const hits: Hit[] = [];
  members.on("entry", (header, stream, next) => {
    const path = header.name.replace(/^\.?\//, "").replace(/\/$/, "");
    entries.push({ path, type: header.type ?? "file", mode: header.mode ?? 0 });
    let rest = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      const text = Buffer.concat([rest, chunk]);
      for (const needle of needlesIn(text, needles)) hits.push({ path, needle });
      rest = text.subarray(-OVERLAP);
    });
    stream.once("end", next);
  });
  for await (const chunk of layer) {
    hash.update(chunk);
    if (!members.write(chunk)) await once(members, "drain");
  }
  const ended = finished(members);
  members.end();
  await ended;
  return { digest: `sha256:${hash.digest("hex")}`, entries, hits };
}

/** What a container sees: the files of all layers, without those that a later layer removes or replaces. */
export function merged(layers: readonly Layer[]): Entry[] {
  const files = new Map<string, Entry>();
  for (const { entries } of layers) {
    for (const path of entries.flatMap(hidden)) {
      for (const other of files.keys()) if (other === path || other.startsWith(`${path}/`)) files.delete(other);
    }
    for (const entry of entries) if (hidden(entry).length === 0) files.set(entry.path, entry);
  }
  return [...files.values()];
}

/** The path below which an entry of a layer removes what is in the layers before it. */
export function hidden({ path }: Entry): string[] {
  const [, folder = "", name = ""] = /^(.*\/)?\.wh\.([^/]+)$/.exec(path) ?? [];
  if (name === "") return [];
  return [name === ".wh..opq" ? folder.slice(0, -1) : folder + name];
}
