import { InitError } from "../plugin/service.ts";
import { bool, num, objects, type Props, str } from "../plugin/value.ts";
import { createBody, endpoint, resources, restartPolicy } from "./container-config.ts";
import { logTail } from "./container-logs.ts";
import { containerFields, RECORDED, RESOURCES } from "./container-schema.ts";
import { containerState, hasHealthcheck } from "./container-state.ts";
import { CancelledError, DaemonError, isMissing } from "./daemon.ts";
import { array, flag, text } from "./inspect.ts";
import type { Context, Kind, Made } from "./kind.ts";
import { pull } from "./pull.ts";
import { retryWhileBusy } from "./retry.ts";
import { stateOf } from "./schema.ts";
import { healthy, UnhealthyError, watch } from "./wait.ts";

const inspect = async (context: Context, id: string): Promise<unknown> =>
  await context.daemon.json({ method: "GET", path: `/containers/${id}/json`, signal: context.signal });

/** Puts the step that failed before the daemon's words, as the official plugin does. */
async function step<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof DaemonError ? new Error(`${what}: ${error.message}`) : error;
  }
}

async function createCall(context: Context, inputs: Props): Promise<string> {
  const name = str(inputs, "name") ?? "";
  const image = str(inputs, "image") ?? "";
  const body = createBody(inputs, await context.daemon.apiVersion(context.signal));
  const call = async (): Promise<unknown> =>
    await context.daemon.json({
      method: "POST",
      path: "/containers/create",
      query: { name, platform: str(inputs, "platform") },
      body,
      signal: context.signal,
    });
  const answer = await step("Unable to create container", async () => {
    try {
      return await call();
    } catch (error) {
      if (error instanceof DaemonError && error.status === 409) {
        throw new Error(
          `Unable to create container: ${error.message}\nThis stack does not know that container. If it is a leftover, remove it with: docker rm -f ${name} (named volumes stay), then run pulumi up again.`,
        );
      }
      if (!isMissing(error)) throw error;
      try {
        await pull(context, image, str(inputs, "platform"));
      } catch (problem) {
        if (problem instanceof CancelledError) throw problem;
        throw new Error(`Unable to create container with image ${image}: ${problem instanceof Error ? problem.message : String(problem)}`);
      }
      return await call();
    }
  });
  for (const warning of array(answer, "Warnings")) await context.log("warning", `Docker says of ${name}: ${String(warning)}`);
  return text(answer, "Id");
}

async function connect(context: Context, id: string, inputs: Props): Promise<void> {
  const networks = objects(inputs, "networksAdvanced");
  if (networks.length === 0) return;
  const mode = str(inputs, "networkMode") ?? "bridge";
  if (mode === "bridge" || mode === "default") {
    await step("Unable to disconnect the default network", async () => {
      await context.daemon.json({
        method: "POST",
        path: "/networks/bridge/disconnect",
        body: { Container: id, Force: false },
        signal: context.signal,
      });
    });
  }
  for (const network of networks) {
    const name = str(network, "name") ?? "";
    await step(`Unable to connect to network '${name}'`, async () => {
      await context.daemon.json({
        method: "POST",
        path: `/networks/${encodeURIComponent(name)}/connect`,
        body: endpoint(id, network),
        signal: context.signal,
      });
    });
  }
}

/** Starts the container and, when the program wants it, waits until it is healthy. */
async function start(context: Context, id: string, inputs: Props): Promise<void> {
  const wait = bool(inputs, "wait") === true;
  const watching = wait ? await watch(context, id) : undefined;
  try {
    await step("Unable to start container", async () => {
      await context.daemon.json({ method: "POST", path: `/containers/${id}/start`, signal: context.signal });
    });
    if (!watching) return;
    if (!hasHealthcheck(await inspect(context, id))) {
      throw new Error(
        "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. Please remove the 'wait' argument or add a 'healthcheck' attribute",
      );
    }
    void context.log("status", "waiting for its health check");
    await healthy(context, id, watching, num(inputs, "waitTimeout") ?? 60);
    void context.log("last", "healthy");
  } catch (error) {
    if (!(error instanceof UnhealthyError)) throw error;
    // As a line of its own: an error's text is kept in the state, and what a program prints must not be.
    await context.log("info", await logTail(context, id, inputs));
    throw new Error(`container failed to be in healthy state: ${error.message}`);
  } finally {
    watching?.close();
  }
}

async function remove(context: Context, id: string, state: Props, signal: AbortSignal): Promise<void> {
  const grace = num(state, "destroyGraceSeconds") ?? 0;
  try {
    await context.daemon.json({
      method: "POST",
      path: `/containers/${id}/stop`,
      query: { t: grace },
      timeout: (grace + 30) * 1000,
      signal,
    });
  } catch (error) {
    if (isMissing(error)) return;
    if (!(error instanceof DaemonError)) throw error;
  }
  await retryWhileBusy(context, async () => {
    await context.daemon.json({
      method: "DELETE",
      path: `/containers/${id}`,
      query: { v: bool(state, "removeVolumes") ?? true, force: true },
      signal,
    });
  });
}

async function create(context: Context, inputs: Props): Promise<Made> {
  const id = await createCall(context, inputs);
  try {
    await connect(context, id, inputs);
    if (objects(inputs, "uploads").length > 0) {
      const { upload } = await import("./uploads.ts");
      await step("Unable to upload volume content", async () => await upload(context, id, inputs));
    }
    if (bool(inputs, "start") !== false) await start(context, id, inputs);
    const found = await inspect(context, id);
    const state = containerState(inputs, found);
    // One that has already ended is found by the next refresh, not here: that is what the official plugin does without `wait`.
    return {
      id,
      state: flag(found, "State", "Running")
        ? state
        : { ...state, mustRun: bool(inputs, "mustRun") ?? true, ports: stateOf(containerFields, inputs, null).ports ?? [] },
    };
  } catch (error) {
    if (context.abandoned()) {
      // Nobody will hear of this container: an orphan would block its own name in the next run.
      await remove(context, id, { destroyGraceSeconds: 0, removeVolumes: true }, AbortSignal.timeout(10_000));
      throw error;
    }
    const message =
      error instanceof CancelledError
        ? "cancelled while the container was starting; the next update replaces it"
        : error instanceof Error
          ? error.message
          : String(error);
    throw new InitError(message, id, { ...stateOf(containerFields, inputs, null), id });
  }
}

function refuseUpdate(inputs: Props, changed: readonly string[]): string | undefined {
  const impossible = changed.filter((property) => ![...RESOURCES, ...RECORDED, "mustRun", "networkDatas"].includes(property));
  if (impossible.length === 0) return undefined;
  return (
    `Docker cannot change ${impossible.join(", ")} of the existing container ${str(inputs, "name") ?? ""}. Add replaceOnChanges: [${impossible.map((property) => `"${property}"`).join(", ")}] and ` +
    "deleteBeforeReplace: true to the resource's options, or replace it once with: pulumi up --replace <urn>"
  );
}

async function update(context: Context, id: string, state: Props, inputs: Props, changed: readonly string[]): Promise<Props> {
  if (changed.some((property) => RESOURCES.includes(property))) {
    const only = Object.fromEntries(
      Object.entries(inputs).filter(
        ([property]) =>
          changed.includes(property) || (property.startsWith("memory") && changed.some((other) => other.startsWith("memory"))),
      ),
    );
    const policy = changed.includes("restart") || changed.includes("maxRetryCount") ? { RestartPolicy: restartPolicy(inputs) } : {};
    await step("Unable to update a container", async () => {
      await context.daemon.json({
        method: "POST",
        path: `/containers/${id}/update`,
        body: { ...resources(only), ...policy },
        signal: context.signal,
      });
    });
  }
  try {
    if (changed.includes("mustRun")) {
      if (bool(inputs, "mustRun") !== false) await start(context, id, inputs);
      else
        await context.daemon.json({
          method: "POST",
          path: `/containers/${id}/stop`,
          query: { t: num(inputs, "destroyGraceSeconds") ?? 0 },
          timeout: 120_000,
          signal: context.signal,
        });
    }
  } catch (error) {
    throw new InitError(error instanceof Error ? error.message : String(error), id, state);
  }
  return containerState(inputs, await inspect(context, id));
}

/** A Docker container, created, started and waited for. */
export const container: Kind = {
  token: "docker:index/container:Container",
  fields: containerFields,
  autonamed: true,
  deleteBeforeReplace: true,
  nullMeansReplace: ["entrypoints"],
  create,
  async read(context, id, inputs, state) {
    if (Object.keys(state).length === 0) {
      throw new Error(
        "import of containers is not implemented by this stand-in for the docker plugin: remove the container (docker rm -f) and let pulumi up create it",
      );
    }
    try {
      return { id, state: containerState(inputs, await inspect(context, id)) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  refuseUpdate,
  update,
  async delete(context, id, state) {
    await remove(context, id, state, context.signal);
  },
};
