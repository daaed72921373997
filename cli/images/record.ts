import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { buildContext } from "../../components/build.ts";
import type { Descriptor } from "../../runtimes/runtime.ts";
import { UserError } from "../errors.ts";
import type { BasesKind } from "./build.ts";
import type { Sizes } from "./measure.ts";

const bytes = z.int().positive();
const sizes = z.strictObject({ compressed: bytes, unpacked: bytes, layers: bytes });

/** What `runtimes/<name>/image.json` says. */
const form = z.strictObject({
  /** Sizes as last recorded, by what the image is built on and by architecture: `sizes.local.amd64`. */
  sizes: z.partialRecord(z.enum(["local", "registry"]), z.record(z.string(), sizes)).default({}),
  /** Upstream's own image as it was published, for comparison; absent where no figure is known. */
  upstream: z
    .strictObject({
      image: z.string(),
      /** Bytes of its layers in the registry, for amd64. */
      compressed: bytes.optional(),
      /** Bytes of its files. */
      unpacked: bytes.optional(),
      /** Where the figures stand, and the day (`2026-02-21`) of which they are. */
      source: z.string(),
      asOf: z.iso.date(),
    })
    .optional(),
});

export type ImageFacts = z.output<typeof form>;

const fileOf = (runtime: Descriptor, runtimes: string) => join(runtimes, runtime.name, "image.json");

/**
 * What is recorded of the runtime's image; nothing when the file is not there.
 *
 * @param runtimes Folder of the runtimes' folders. @default runtimes/
 * @throws UserError when the file is not as it must be
 */
export function readFacts(runtime: Descriptor, runtimes = buildContext): ImageFacts {
  const file = fileOf(runtime, runtimes);
  if (!existsSync(file)) return { sizes: {} };
  try {
    return form.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${file}: ${error.message}`);
    if (error instanceof z.ZodError) throw new UserError(`${file}: ${z.prettifyError(error)}`);
    throw error;
  }
}

/** Writes the image's sizes down, and leaves the rest of the file as it is. */
export function record(runtime: Descriptor, kind: BasesKind, architecture: string, sizes: Sizes, runtimes = buildContext): void {
  const { compressed, unpacked, layers } = sizes;
  const facts = readFacts(runtime, runtimes);
  const next = { ...facts, sizes: { ...facts.sizes, [kind]: { ...facts.sizes[kind], [architecture]: { compressed, unpacked, layers } } } };
  writeFileSync(fileOf(runtime, runtimes), `${JSON.stringify(next, null, 2)}\n`);
}

/** By how many percent an image may be larger than recorded. */
export const ALLOWED_GROWTH = 5;

/** Percent by which it is larger (smaller: negative) than recorded, of the compressed or the unpacked size, whichever is more. */
export function growth(now: Sizes, recorded: Sizes): number {
  return Math.max(...(["compressed", "unpacked"] as const).map((part) => ((now[part] - recorded[part]) / recorded[part]) * 100));
}
