import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";

/**
 * Goes through what `docker save` writes, and hands over each layer as a plain tar archive, one after the other, in no particular order. Layers
 * that are the same may come once.
 *
 * @param visit Must read the layer to its end.
 */
export async function eachLayer(archive: Readable, visit: (layer: Readable) => Promise<void>): Promise<void> {
  const members = extract();
  members.on("entry", (header, stream, next) => {
    // Docker's own layout, and OCI's, in which the descriptions are blobs too.
    const layer = header.type === "file" && (header.name.endsWith("/layer.tar") || header.name.startsWith("blobs/sha256/"));
    const read = layer ? open(stream).then((plain) => plain && visit(plain)) : Promise.resolve();
    read.then(
      () => {
        stream.resume();
        next();
      },
      (error: unknown) => members.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  });
  archive.once("error", (error) => members.destroy(error));
  await finished(archive.pipe(members));
}

/** The blob as a plain tar archive; undefined when it is none. */
async function open(stream: Readable): Promise<Readable | undefined> {
  const head = await firstBytes(stream);
  if (head.length === 0 || head[0] === "{".charCodeAt(0)) return undefined;
  if (head[0] !== 0x1f || head[1] !== 0x8b) return stream;
  const plain = createGunzip();
  stream.once("error", (error) => plain.destroy(error));
  return stream.pipe(plain);
}

/** What a stream begins with, without taking it away; nothing when it is empty. */
function firstBytes(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const read = () => {
      const chunk: Buffer | null = stream.read();
      if (chunk === null) {
        stream.once("readable", read);
      } else {
        // At once: what was read to its end would be over a moment later.
        stream.unshift(chunk);
        resolve(chunk);
      }
    };
    stream.once("error", reject).once("end", () => resolve(Buffer.alloc(0)));
    read();
  });
}
