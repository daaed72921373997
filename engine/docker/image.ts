import { bool as flagOf, object as objectOf, type Props, str, strs } from "../plugin/value.ts";
import { CancelledError, DaemonError, isMissing, UnreachableError } from "./daemon.ts";
import { array, text } from "./inspect.ts";
import type { Context, Kind, Made } from "./kind.ts";
import { pull } from "./pull.ts";
import { bool, type Fields, int, map, object, objectList, stateOf, string, stringSet, strings, unsupported } from "./schema.ts";

const NOT_HERE = "not implemented for local builds";

const build = object(
  {
    buildArgs: map(),
    cacheFroms: strings(),
    context: string({
      required: true,
      check: (value) =>
        typeof value === "string" && /^([a-z+]+:\/\/|git@)/.test(value) ? `context '${value}' must be a local directory` : undefined,
    }),
    dockerfile: string({ default: "Dockerfile" }),
    extraHosts: strings(),
    label: map(),
    labels: map(),
    networkMode: string(),
    noCache: bool(),
    platform: string(),
    pullParent: bool(),
    remove: bool({ default: true }),
    secrets: objectList({ env: string(), id: string({ required: true }), src: string() }),
    shmSize: int(),
    tags: strings(),
    target: string(),
    // Which client library drives the build makes no difference to the result.
    useLegacyBuilder: bool(),
    version: string({ check: (value) => (value === "1" ? "builder version '1' is not implemented: builds use BuildKit" : undefined) }),
    ...unsupported(
      [
        "buildId",
        "buildLogFile",
        "builder",
        "cgroupParent",
        "cpuSetCpus",
        "cpuSetMems",
        "isolation",
        "provenance",
        "remoteContext",
        "sbom",
        "sessionId",
      ],
      NOT_HERE,
    ),
    ...unsupported(["cpuPeriod", "cpuQuota", "cpuShares", "memory", "memorySwap"], NOT_HERE, "int"),
    ...unsupported(["forceRemove", "squash", "suppressOutput"], NOT_HERE, "bool"),
    ...unsupported(["additionalContexts", "authConfigs", "cacheTos", "securityOpts", "ulimits"], NOT_HERE, "list"),
  },
  { replace: true },
);

const fields: Fields = {
  build,
  forceRemove: bool(),
  imageId: string({ output: true }),
  keepLocally: bool(),
  name: string({ required: true, replace: true }),
  platform: string({ replace: true }),
  pullTriggers: stringSet({ replace: true }),
  repoDigest: string({ output: true }),
  triggers: map({ replace: true }),
};

/** Images this process made: the replacement of an image by the same one must not remove it. */
const made = new Set<string>();

async function inspect(context: Context, name: string): Promise<unknown> {
  return await context.daemon.json({ method: "GET", path: `/images/${encodeURIComponent(name)}/json`, signal: context.signal });
}

function stateFrom(inputs: Props, found: unknown): Made {
  const imageId = text(found, "Id");
  const [digest] = array(found, "RepoDigests");
  const id = imageId + (str(inputs, "name") ?? "");
  return { id, state: { ...stateOf(fields, inputs, null), id, imageId, repoDigest: typeof digest === "string" ? digest : "" } };
}

async function create(context: Context, inputs: Props): Promise<Made> {
  const name = str(inputs, "name") ?? "";
  const options = objectOf(inputs, "build");
  if (options) {
    try {
      const { buildImage } = await import("./build.ts");
      const id = await buildImage(context, name, options, str(inputs, "platform"));
      const result = stateFrom(inputs, await inspect(context, id));
      made.add(text(result.state, "imageId"));
      void context.log("last", "built");
      return result;
    } catch (error) {
      if (error instanceof CancelledError || error instanceof UnreachableError) throw error;
      throw new Error(`Unable to build image ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  try {
    return stateFrom(inputs, await inspect(context, name));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    await pull(context, name, str(inputs, "platform"));
    void context.log("last", "pulled");
  } catch (error) {
    if (error instanceof CancelledError || error instanceof UnreachableError) throw error;
    throw new Error(`Unable to read Docker image into resource: ${error instanceof Error ? error.message : String(error)}`);
  }
  return stateFrom(inputs, await inspect(context, name));
}

/** An image on the daemon: built there from a directory, or pulled when it is not there yet. */
export const image: Kind = {
  token: "docker:index/remoteImage:RemoteImage",
  fields,
  autonamed: false,
  deleteBeforeReplace: false,
  create,
  async read(context, _id, inputs, state) {
    const known = Object.keys(state).length > 0 ? state : inputs;
    try {
      const found = stateFrom(inputs, await inspect(context, str(known, "name") ?? ""));
      return { id: found.id, state: { ...found.state, build: state.build ?? null } };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async delete(context, _id, state) {
    const imageId = str(state, "imageId");
    if (flagOf(state, "keepLocally") || imageId === undefined || made.has(imageId)) return;
    // Its own names first, as far as they still mean this image: the daemon removes it with the last. Names others gave it stay.
    const names = [str(state, "name") ?? "", ...strs(objectOf(state, "build") ?? {}, "tags")].filter((name) => !name.includes("@"));
    for (const name of [...names, imageId]) await removeName(context, name, imageId, flagOf(state, "forceRemove") ?? false);
  },
};

async function removeName(context: Context, name: string, imageId: string, force: boolean): Promise<void> {
  try {
    const found = await inspect(context, name);
    if (text(found, "Id") !== imageId || (name === imageId && array(found, "RepoTags").length > 0)) return;
    await context.daemon.json({ method: "DELETE", path: `/images/${encodeURIComponent(name)}`, query: { force }, signal: context.signal });
  } catch (error) {
    if (isMissing(error)) return;
    throw error instanceof DaemonError
      ? new Error(`Unable to remove Docker image: ${error.message}. Set keepLocally: true to leave it`)
      : error;
  }
}
