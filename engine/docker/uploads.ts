import { readFile } from "node:fs/promises";
import { pack } from "tar-stream";
import { bool, objects, type Props, str } from "../plugin/value.ts";
import type { Context } from "./kind.ts";

async function content(upload: Props): Promise<Buffer> {
  const base64 = str(upload, "contentBase64");
  if (base64 !== undefined) return Buffer.from(base64, "base64");
  const source = str(upload, "source");
  if (source !== undefined) return await readFile(source);
  return Buffer.from(str(upload, "content") ?? "");
}

/** Copies the `uploads` of a container into it, as root, 0644 (0744 when executable) unless they say otherwise. */
export async function upload(context: Context, id: string, inputs: Props): Promise<void> {
  for (const file of objects(inputs, "uploads")) {
    const tar = pack();
    const mode = Number.parseInt(str(file, "permissions") ?? (bool(file, "executable") ? "0744" : "0644"), 8);
    tar.entry({ name: str(file, "file") ?? "", mode, mtime: new Date(0) }, await content(file));
    tar.finalize();
    await context.daemon.json({
      method: "PUT",
      path: `/containers/${id}/archive`,
      query: { path: "/" },
      upload: tar,
      signal: context.signal,
    });
  }
}
