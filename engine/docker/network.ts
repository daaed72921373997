import { dict, bool as flagOf, objects, type Props, str, type Value } from "../plugin/value.ts";
import { DaemonError, isMissing } from "./daemon.ts";
import { array, flag, stringMap, text } from "./inspect.ts";
import type { Context, Kind, Made } from "./kind.ts";
import { retryWhileBusy } from "./retry.ts";
import { bool, type Fields, labels, map, objectSet, stateOf, string } from "./schema.ts";

const fields: Fields = {
  attachable: bool({ replace: true }),
  driver: string({ replace: true, computed: true }),
  ingress: bool({ replace: true }),
  internal: bool({ replace: true }),
  ipamConfigs: objectSet({ auxAddress: map(), gateway: string(), ipRange: string(), subnet: string() }, { replace: true, computed: true }),
  ipamDriver: string({ replace: true, default: "default" }),
  ipamOptions: map({ replace: true }),
  ipv6: bool({ replace: true }),
  labels: labels({ replace: true }),
  name: string({ replace: true }),
  options: map({ replace: true, computed: true }),
  scope: string({ output: true }),
};

/** Docker's own form of labels: a map. */
export function labelMap(props: Props): { [key: string]: string } {
  return Object.fromEntries(objects(props, "labels").map((label) => [str(label, "label") ?? "", str(label, "value") ?? ""]));
}

function stateFrom(inputs: Props, found: unknown): Props {
  const configs = array(found, "IPAM", "Config").map(
    (config): Value => ({
      auxAddress: stringMap(config, "AuxiliaryAddresses"),
      gateway: text(config, "Gateway"),
      ipRange: text(config, "IPRange"),
      subnet: text(config, "Subnet"),
    }),
  );
  return {
    ...stateOf(fields, inputs, null),
    id: text(found, "Id"),
    attachable: flag(found, "Attachable"),
    driver: text(found, "Driver"),
    ingress: flag(found, "Ingress"),
    internal: flag(found, "Internal"),
    ipamConfigs: configs,
    ipamDriver: text(found, "IPAM", "Driver"),
    ipamOptions: stringMap(found, "IPAM", "Options"),
    ipv6: flag(found, "EnableIPv6"),
    labels: Object.entries(stringMap(found, "Labels")).map(([label, value]) => ({ label, value })),
    name: text(found, "Name"),
    options: stringMap(found, "Options"),
    scope: text(found, "Scope"),
  };
}

async function inspect(context: Context, id: string): Promise<unknown> {
  return await context.daemon.json({ method: "GET", path: `/networks/${encodeURIComponent(id)}`, signal: context.signal });
}

async function create(context: Context, inputs: Props): Promise<Made> {
  const name = str(inputs, "name") ?? "";
  const body = {
    Name: name,
    // Below API 1.44 the daemon would make a second network of the same name.
    CheckDuplicate: true,
    Driver: str(inputs, "driver") ?? "bridge",
    Internal: flagOf(inputs, "internal") ?? false,
    Attachable: flagOf(inputs, "attachable") ?? false,
    Ingress: flagOf(inputs, "ingress") ?? false,
    EnableIPv6: flagOf(inputs, "ipv6") ?? false,
    Labels: labelMap(inputs),
    Options: dict(inputs, "options") ?? {},
    IPAM: {
      Driver: str(inputs, "ipamDriver") ?? "default",
      Options: dict(inputs, "ipamOptions") ?? {},
      Config: objects(inputs, "ipamConfigs").map((config) => ({
        ...(str(config, "subnet") ? { Subnet: str(config, "subnet") } : {}),
        ...(str(config, "gateway") ? { Gateway: str(config, "gateway") } : {}),
        ...(str(config, "ipRange") ? { IPRange: str(config, "ipRange") } : {}),
        ...(dict(config, "auxAddress") ? { AuxiliaryAddresses: dict(config, "auxAddress") } : {}),
      })),
    },
  };
  let answer: unknown;
  try {
    answer = await context.daemon.json({ method: "POST", path: "/networks/create", body, signal: context.signal });
  } catch (error) {
    if (error instanceof DaemonError && error.status === 409) {
      throw new Error(`Unable to create network: ${error.message}. If it is a leftover, remove it with: docker network rm ${name}`);
    }
    throw error instanceof DaemonError ? new Error(`Unable to create network: ${error.message}`) : error;
  }
  const id = text(answer, "Id");
  return { id, state: stateFrom(inputs, await inspect(context, id)) };
}

/** A Docker network. Every input replaces it. */
export const network: Kind = {
  token: "docker:index/network:Network",
  fields,
  autonamed: true,
  deleteBeforeReplace: true,
  create,
  async read(context, id, inputs) {
    try {
      const found = await inspect(context, id);
      return { id: text(found, "Id"), state: stateFrom(inputs, found) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async delete(context, id) {
    const path = `/networks/${encodeURIComponent(id)}`;
    // The endpoint of a container that was just removed may linger for a moment.
    await retryWhileBusy(context, async () => {
      await context.daemon.json({ method: "DELETE", path, signal: context.signal });
    });
  },
};
