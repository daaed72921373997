import { type Props, strs } from "../plugin/value.ts";
import type { Context } from "./kind.ts";
import { redactor } from "./redact.ts";

const LINES = 20;
const WIDTH = 300;

/** Takes the two streams of a container's log apart: frames of 8 bytes head (stream, 0, 0, 0, length big-endian) and text. */
export function demultiplex(raw: Buffer): string {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 8 <= raw.length) {
    const stream = raw[at] ?? 0;
    // Without the head's zeros it is the plain log of a container with a terminal.
    if (stream > 2 || raw.readUIntBE(at + 1, 3) !== 0) return raw.toString("utf8");
    const end = at + 8 + raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts).toString("utf8");
}

/** The last lines of a text, without control characters, long lines cut. */
export function lastLines(text: string, count = LINES, width = WIDTH): string[] {
  const lines = text
    .split(/\r?\n|\r/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and other escapes would garble the terminal
    .map((line) => line.replace(/\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f]/g, "").trimEnd())
    .filter((line) => line !== "");
  return lines.slice(-count).map((line) => (line.length > width ? `${line.slice(0, width)}…` : line));
}

async function read(stream: NodeJS.ReadableStream, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk));
    if (signal.aborted) break;
  }
  return Buffer.concat(chunks);
}

/** What a container last printed, as indented lines under a heading. Values of secret-looking variables are hidden. */
export async function logTail(context: Context, id: string, inputs: Props): Promise<string> {
  try {
    const stream = await context.daemon.stream({
      method: "GET",
      path: `/containers/${id}/logs`,
      query: { stdout: true, stderr: true, tail: LINES },
      timeout: 10_000,
    });
    const hide = redactor(strs(inputs, "envs"));
    const lines = lastLines(demultiplex(await read(stream, AbortSignal.timeout(10_000)))).map(hide);
    return lines.length > 0 ? `its last log lines:\n${lines.map((line) => `    ${line}`).join("\n")}` : "it has printed nothing";
  } catch (error) {
    return `its log could not be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
