import { objects, type Props, str, toValue, type Value } from "../plugin/value.ts";
import { MIB } from "./container-config.ts";
import { containerFields } from "./container-schema.ts";
import { array, at, entries, flag, number, text } from "./inspect.ts";
import { stateOf } from "./schema.ts";

function networkDatas(found: unknown): Value[] {
  return entries(found, "NetworkSettings", "Networks").map(([networkName, net]) => ({
    gateway: text(net, "Gateway"),
    globalIpv6Address: text(net, "GlobalIPv6Address"),
    globalIpv6PrefixLength: number(net, "GlobalIPv6PrefixLen"),
    ipAddress: text(net, "IPAddress"),
    ipPrefixLength: number(net, "IPPrefixLen"),
    ipv6Gateway: text(net, "IPv6Gateway"),
    macAddress: text(net, "MacAddress"),
    networkName,
  }));
}

/** Ports as the running container has them, in the order of the inputs. A stopped container has none: so says the official plugin. */
function ports(inputs: Props, found: unknown): Value[] {
  const published = entries(found, "NetworkSettings", "Ports").flatMap(([port, bindings]) => {
    const [internal = "", protocol = "tcp"] = port.split("/");
    return array(bindings)
      .filter((binding) => text(binding, "HostIp") !== "::")
      .map((binding) => ({
        external: Number(text(binding, "HostPort")),
        internal: Number(internal),
        ip: text(binding, "HostIp"),
        protocol,
      }));
  });
  const order = objects(inputs, "ports");
  const place = (port: (typeof published)[number]): number => {
    const found = order.findIndex(
      (wanted) => wanted.internal === port.internal && wanted.protocol === port.protocol && wanted.ip === port.ip,
    );
    return found < 0 ? order.length : found;
  };
  return published.sort((a, b) => place(a) - place(b));
}

/** The networks asked for that the container is really connected to. */
function networks(state: Props, found: unknown): Value {
  const attached = new Set(entries(found, "NetworkSettings", "Networks").map(([name]) => name));
  const ids = new Set(entries(found, "NetworkSettings", "Networks").map(([, net]) => text(net, "NetworkID")));
  const wanted = objects(state, "networksAdvanced");
  return wanted.filter((network) => attached.has(str(network, "name") ?? "") || ids.has(str(network, "name") ?? ""));
}

/** A limit the daemon dropped because it cannot enforce it (rootless without cgroups) is not a difference to repair in every run. */
const limit = (wanted: Value | undefined, real: number): Value => (real === 0 && typeof wanted === "number" ? wanted : real);

/**
 * The state of a container: what can change after its creation as the daemon reports it, the rest as it was created.
 * `inputs` are those it was created with; `found` is the daemon's inspection.
 */
export function containerState(inputs: Props, found: unknown): Props {
  const state = stateOf(containerFields, inputs, null);
  const running = flag(found, "State", "Running");
  const image = str(inputs, "image") ?? "";
  const swap = number(found, "HostConfig", "MemorySwap");
  const or = (name: string, real: Value): Value => (inputs[name] === undefined || inputs[name] === null ? real : (state[name] ?? real));
  return {
    ...state,
    id: text(found, "Id"),
    bridge: text(found, "NetworkSettings", "Bridge"),
    command: or("command", toValue(array(found, "Config", "Cmd"))),
    cpuSet: text(found, "HostConfig", "CpusetCpus"),
    cpuShares: number(found, "HostConfig", "CpuShares"),
    domainname: text(found, "Config", "Domainname"),
    entrypoints: or("entrypoints", []),
    envs: or("envs", []),
    exitCode: running ? null : number(found, "State", "ExitCode"),
    hostname: text(found, "Config", "Hostname"),
    image: image.startsWith("sha256:") ? text(found, "Image") : text(found, "Config", "Image"),
    init: flag(found, "HostConfig", "Init"),
    ipcMode: or("ipcMode", text(found, "HostConfig", "IpcMode")),
    labels: or("labels", []),
    logDriver: or("logDriver", text(found, "HostConfig", "LogConfig", "Type")),
    maxRetryCount: number(found, "HostConfig", "RestartPolicy", "MaximumRetryCount"),
    memory: limit(inputs.memory, Math.round(number(found, "HostConfig", "Memory") / MIB)),
    memoryReservation: limit(inputs.memoryReservation, Math.round(number(found, "HostConfig", "MemoryReservation") / MIB)),
    memorySwap: limit(inputs.memorySwap, swap === -1 ? -1 : Math.round(swap / MIB)),
    // Only a container that was started can be found stopped.
    mustRun: inputs.start === false ? (inputs.mustRun ?? true) : running,
    name: text(found, "Name").replace(/^\//, ""),
    networkDatas: networkDatas(found),
    networksAdvanced: networks(state, found),
    platform: or("platform", text(found, "Platform")),
    ports: inputs.start === false ? (state.ports ?? []) : ports(inputs, found),
    privileged: flag(found, "HostConfig", "Privileged"),
    publishAllPorts: flag(found, "HostConfig", "PublishAllPorts"),
    restart: text(found, "HostConfig", "RestartPolicy", "Name") || "no",
    runtime: or("runtime", text(found, "HostConfig", "Runtime")),
    securityOpts: or("securityOpts", []),
    shmSize: or("shmSize", Math.round(number(found, "HostConfig", "ShmSize") / MIB)),
    stopSignal: or("stopSignal", text(found, "Config", "StopSignal")),
    stopTimeout: or("stopTimeout", number(found, "Config", "StopTimeout")),
    // What the image says is no difference to what the program does not say.
    user: or("user", ""),
    usernsMode: text(found, "HostConfig", "UsernsMode"),
    workingDir: or("workingDir", ""),
  };
}

/** Whether the container has a health check of its own or its image's. */
export const hasHealthcheck = (found: unknown): boolean =>
  at(found, "State", "Health") !== undefined && text(found, "State", "Health", "Status") !== "none";
