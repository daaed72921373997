import { dict, type Props, str } from "../plugin/value.ts";
import { isMissing } from "./daemon.ts";
import { stringMap, text } from "./inspect.ts";
import type { Kind } from "./kind.ts";
import { labelMap } from "./network.ts";
import { retryWhileBusy } from "./retry.ts";
import { type Fields, labels, map, stateOf, string } from "./schema.ts";

const fields: Fields = {
  cluster: string({ unsupported: "cluster volumes need Swarm", absent: null }),
  driver: string({ replace: true, computed: true }),
  driverOpts: map({ replace: true }),
  labels: labels({ replace: true, computed: false }),
  mountpoint: string({ output: true }),
  name: string({ replace: true, computed: true }),
};

function stateFrom(inputs: Props, found: unknown): Props {
  return {
    ...stateOf(fields, inputs, null),
    id: text(found, "Name"),
    driver: text(found, "Driver"),
    driverOpts: stringMap(found, "Options"),
    labels: Object.entries(stringMap(found, "Labels")).map(([label, value]) => ({ label, value })),
    mountpoint: text(found, "Mountpoint"),
    name: text(found, "Name"),
  };
}

/** A Docker volume. Every input replaces it, data and all: that is how the official plugin does it. */
export const volume: Kind = {
  token: "docker:index/volume:Volume",
  fields,
  autonamed: true,
  deleteBeforeReplace: true,
  async create(context, inputs) {
    const body = {
      Name: str(inputs, "name"),
      Driver: str(inputs, "driver") ?? "local",
      DriverOpts: dict(inputs, "driverOpts") ?? {},
      Labels: labelMap(inputs),
    };
    const found = await context.daemon.json({ method: "POST", path: "/volumes/create", body, signal: context.signal });
    // A volume of that name that is already there is taken over with its data and its own labels: what the program asked for counts.
    const state = stateFrom(inputs, found);
    return { id: text(found, "Name"), state: { ...state, labels: stateOf(fields, inputs, null).labels ?? state.labels ?? null } };
  },
  async read(context, id, inputs, state) {
    try {
      const found = await context.daemon.json({ method: "GET", path: `/volumes/${encodeURIComponent(id)}`, signal: context.signal });
      const now = stateFrom(inputs, found);
      return { id, state: { ...now, labels: state.labels ?? now.labels ?? null } };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async delete(context, id) {
    await retryWhileBusy(context, async () => {
      await context.daemon.json({ method: "DELETE", path: `/volumes/${encodeURIComponent(id)}`, signal: context.signal });
    });
  },
};
