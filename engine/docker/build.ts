import { readFile } from "node:fs/promises";
import { bool, dict, num, objects, type Props, str, strs } from "../plugin/value.ts";
import { findContext, packContext } from "./build-context.ts";
import { CancelledError, DaemonError } from "./daemon.ts";
import { text } from "./inspect.ts";
import type { Context } from "./kind.ts";
import { jsonLines } from "./lines.ts";
import { Progress } from "./progress.ts";
import { hider, secretPieces } from "./redact.ts";
import { openSession } from "./session.ts";

/** Values of the build's secrets, by id. An unset variable is no secret; a file that cannot be read is an error. */
async function readSecrets(build: Props): Promise<Map<string, Buffer>> {
  const secrets = new Map<string, Buffer>();
  for (const secret of objects(build, "secrets")) {
    const id = str(secret, "id") ?? "";
    const file = str(secret, "src");
    const variable = str(secret, "env");
    if (file !== undefined) {
      const content = await readFile(file).catch(() => undefined);
      if (!content) throw new Error(`build secret '${id}': file ${file} cannot be read`);
      secrets.set(id, content);
    } else {
      const value = process.env[variable ?? id];
      if (value !== undefined) secrets.set(id, Buffer.from(value));
    }
  }
  return secrets;
}

const shorten = (line: string): string => (line.length > 160 ? `${line.slice(0, 160)}…` : line);

/**
 * Builds an image with the daemon's BuildKit and tags it. Steps and their output go to the resource's status line.
 * Returns the image's id. An error names the step that failed and ends with its last lines; secrets show nowhere.
 */
export async function buildImage(context: Context, name: string, build: Props, platform: string | undefined): Promise<string> {
  const found = await findContext(str(build, "context") ?? ".", str(build, "dockerfile") ?? "Dockerfile");
  const secrets = await readSecrets(build);
  const hide = hider([...secrets.values()].flatMap((secret) => secretPieces(secret.toString("utf8"))));
  const progress = new Progress((line) => void context.log("status", shorten(line)), hide);
  const session = await openSession(context, secrets);
  let id = "";
  let failure = "";
  try {
    const stream = await context.daemon.stream({
      method: "POST",
      path: "/build",
      query: {
        t: [...new Set([name, ...strs(build, "tags")])],
        version: "2",
        session: session.id,
        dockerfile: found.dockerfile,
        target: str(build, "target"),
        networkmode: str(build, "networkMode"),
        platform: str(build, "platform") ?? platform,
        nocache: bool(build, "noCache"),
        pull: bool(build, "pullParent") ? "1" : undefined,
        shmsize: num(build, "shmSize"),
        extrahosts: strs(build, "extraHosts").join(",") || undefined,
        buildargs: JSON.stringify(dict(build, "buildArgs") ?? {}),
        labels: JSON.stringify({ ...dict(build, "label"), ...dict(build, "labels") }),
        cachefrom: strs(build, "cacheFroms").length > 0 ? JSON.stringify(strs(build, "cacheFroms")) : undefined,
        rm: bool(build, "remove") ?? true,
      },
      upload: packContext(found),
      signal: context.signal,
      timeout: 0,
    });
    for await (const message of jsonLines(stream)) {
      if (text(message, "id") === "moby.buildkit.trace") progress.message(Buffer.from(text(message, "aux"), "base64"));
      else if (text(message, "id") === "moby.image.id") id = text(message, "aux", "ID");
      failure ||= text(message, "errorDetail", "message") || text(message, "error");
    }
  } catch (error) {
    if (context.signal.aborted) throw new CancelledError();
    const problem = context.daemon.translate(error);
    throw problem instanceof DaemonError ? new Error(hide(problem.message)) : problem;
  } finally {
    session.close();
  }
  if (context.signal.aborted) throw new CancelledError();
  if (failure !== "") throw new Error(progress.failure() ?? hide(failure));
  if (id === "")
    id = text(await context.daemon.json({ method: "GET", path: `/images/${encodeURIComponent(name)}/json`, signal: context.signal }), "Id");
  return id;
}
