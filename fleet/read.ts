import { isUtf8 } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { positionOf } from "./locate.ts";
import { FleetError } from "./problems.ts";

/** A fleet file is written by hand: 1 MiB is some ten thousand claws. */
const MAX_BYTES = 1024 * 1024;

/** The text of a fleet file. Throws a FleetError for anything that is not a readable, small, UTF-8 text file. */
export function readText(file: string): string {
  const bytes = readBytes(file);
  if (bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))) {
    throw wrong(file, "the file starts with a byte order mark; save it as UTF-8 without one");
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw wrong(file, "the file holds a NUL byte, so it is not text; save it as UTF-8", bytes.subarray(0, nul));
  const text = bytes.toString("utf8");
  if (!isUtf8(bytes)) {
    const again = Buffer.from(text, "utf8");
    const bad = bytes.findIndex((byte, i) => byte !== again[i]);
    throw wrong(file, "the file is not valid UTF-8 here; save it as UTF-8", bytes.subarray(0, bad < 0 ? bytes.length : bad));
  }
  return text;
}

function wrong(file: string, message: string, before: Buffer = Buffer.alloc(0)): FleetError {
  const text = before.toString("utf8");
  return new FleetError([{ file, ...positionOf(text, text.length), message }]);
}

function readBytes(file: string): Buffer {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) throw wrong(file, "this is a directory; name a fleet file in it");
    if (!stat.isFile()) throw wrong(file, "this is not a regular file");
    if (stat.size > MAX_BYTES) throw wrong(file, "the file is larger than 1 MiB, which no fleet file is");
    return readFileSync(file);
  } catch (error) {
    if (error instanceof FleetError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    if (code === "ENOENT" || code === "ENOTDIR") throw wrong(file, "there is no such file; see fleets/ for examples");
    if (code === "EACCES" || code === "EPERM") throw wrong(file, "the file cannot be read: permission denied");
    throw wrong(file, `the file cannot be read: ${code}`);
  }
}
