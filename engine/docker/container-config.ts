import { bool, dict, num, object, objects, type Props, str, strs } from "../plugin/value.ts";
import { parseDuration } from "./duration.ts";
import { labelMap } from "./network.ts";

export const MIB = 1024 * 1024;

/** Drops members without a value: the daemon's own default then counts. */
function given<T extends object>(members: T): Partial<T> {
  const all: Partial<T> = { ...members };
  for (const [key, value] of Object.entries(all)) {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) Reflect.deleteProperty(all, key);
  }
  return all;
}

function healthcheck(inputs: Props, apiVersion: number): object | undefined {
  const health = object(inputs, "healthcheck");
  if (!health) return undefined;
  const nanos = (name: string): number => parseDuration(str(health, name) ?? "0s") ?? 0;
  return {
    Test: strs(health, "tests"),
    Interval: nanos("interval"),
    Timeout: nanos("timeout"),
    StartPeriod: nanos("startPeriod"),
    Retries: num(health, "retries") ?? 0,
    // An older daemon refuses what it does not know.
    ...(apiVersion >= 144 ? { StartInterval: nanos("startInterval") } : {}),
  };
}

function binds(inputs: Props): string[] {
  return objects(inputs, "volumes").flatMap((volume) => {
    const source = str(volume, "volumeName") ?? str(volume, "hostPath");
    const options = [bool(volume, "readOnly") ? "ro" : "rw", str(volume, "selinuxRelabel") ?? ""].filter((option) => option !== "");
    return source && str(volume, "containerPath") ? [`${source}:${str(volume, "containerPath")}:${options.join(",")}`] : [];
  });
}

function mounts(inputs: Props): object[] {
  return objects(inputs, "mounts").map((mount) => {
    const volume = object(mount, "volumeOptions");
    const tmpfs = object(mount, "tmpfsOptions");
    const bind = object(mount, "bindOptions");
    return given({
      Type: str(mount, "type"),
      Source: str(mount, "source"),
      Target: str(mount, "target"),
      ReadOnly: bool(mount, "readOnly"),
      BindOptions: bind ? given({ Propagation: str(bind, "propagation") }) : undefined,
      VolumeOptions: volume
        ? given({
            NoCopy: bool(volume, "noCopy"),
            Labels: labelMap(volume),
            DriverConfig: str(volume, "driverName")
              ? { Name: str(volume, "driverName"), Options: dict(volume, "driverOptions") ?? {} }
              : undefined,
          })
        : undefined,
      TmpfsOptions: tmpfs ? given({ SizeBytes: num(tmpfs, "sizeBytes"), Mode: num(tmpfs, "mode") }) : undefined,
    });
  });
}

const portKey = (port: Props): string => `${num(port, "internal")}/${str(port, "protocol") ?? "tcp"}`;

function portBindings(inputs: Props): { [port: string]: object[] } {
  const bindings: { [port: string]: object[] } = {};
  for (const port of objects(inputs, "ports")) {
    const external = num(port, "external");
    const list = bindings[portKey(port)] ?? [];
    list.push({ HostIp: str(port, "ip") ?? "", HostPort: external ? String(external) : "" });
    bindings[portKey(port)] = list;
  }
  return bindings;
}

/** The sizes as the Docker API wants them; also what an update in place may change. */
export function resources(inputs: Props): { [name: string]: unknown } {
  const swap = num(inputs, "memorySwap");
  const mib = (value: number | undefined): number | undefined => (value === undefined ? undefined : value * MIB);
  return given({
    Memory: mib(num(inputs, "memory")),
    MemorySwap: swap === -1 ? -1 : mib(swap),
    MemoryReservation: mib(num(inputs, "memoryReservation")),
    CpuShares: num(inputs, "cpuShares"),
    CpusetCpus: str(inputs, "cpuSet"),
  });
}

/** The restart policy as the Docker API wants it. */
export function restartPolicy(inputs: Props): object {
  return { Name: str(inputs, "restart") ?? "no", MaximumRetryCount: num(inputs, "maxRetryCount") ?? 0 };
}

function hostConfig(inputs: Props): object {
  const cpus = str(inputs, "cpus");
  const capabilities = object(inputs, "capabilities") ?? {};
  const shm = num(inputs, "shmSize");
  return given({
    ...resources(inputs),
    NanoCpus: cpus === undefined ? undefined : Math.round(Number(cpus) * 1e9),
    RestartPolicy: restartPolicy(inputs),
    NetworkMode: str(inputs, "networkMode"),
    PortBindings: portBindings(inputs),
    PublishAllPorts: bool(inputs, "publishAllPorts"),
    Binds: binds(inputs),
    Mounts: mounts(inputs),
    VolumesFrom: objects(inputs, "volumes").flatMap((volume) => str(volume, "fromContainer") ?? []),
    Tmpfs: dict(inputs, "tmpfs"),
    ReadonlyRootfs: bool(inputs, "readOnly"),
    Init: bool(inputs, "init"),
    AutoRemove: bool(inputs, "rm"),
    Privileged: bool(inputs, "privileged"),
    CapAdd: strs(capabilities, "adds"),
    CapDrop: strs(capabilities, "drops"),
    SecurityOpt: strs(inputs, "securityOpts"),
    GroupAdd: strs(inputs, "groupAdds"),
    UsernsMode: str(inputs, "usernsMode"),
    IpcMode: str(inputs, "ipcMode"),
    PidMode: str(inputs, "pidMode"),
    CgroupnsMode: str(inputs, "cgroupnsMode"),
    Runtime: str(inputs, "runtime"),
    ShmSize: shm === undefined ? undefined : shm * MIB,
    LogConfig:
      str(inputs, "logDriver") || dict(inputs, "logOpts")
        ? { Type: str(inputs, "logDriver") ?? "", Config: dict(inputs, "logOpts") ?? {} }
        : undefined,
    Ulimits: objects(inputs, "ulimits").map((limit) => ({ Name: str(limit, "name"), Soft: num(limit, "soft"), Hard: num(limit, "hard") })),
    ExtraHosts: objects(inputs, "hosts").map((host) => `${str(host, "host")}:${str(host, "ip")}`),
    Sysctls: dict(inputs, "sysctls"),
    Dns: strs(inputs, "dns"),
    DnsOptions: strs(inputs, "dnsOpts"),
    DnsSearch: strs(inputs, "dnsSearches"),
  });
}

/** The body of the Docker API's call that creates a container. `apiVersion` as Daemon.apiVersion gives it. */
export function createBody(inputs: Props, apiVersion: number): object {
  const anonymous = objects(inputs, "volumes").filter(
    (volume) => !str(volume, "volumeName") && !str(volume, "hostPath") && str(volume, "containerPath"),
  );
  return given({
    Image: str(inputs, "image"),
    Cmd: inputs.command === undefined ? undefined : strs(inputs, "command"),
    Entrypoint: inputs.entrypoints === undefined ? undefined : strs(inputs, "entrypoints"),
    Env: strs(inputs, "envs"),
    Labels: labelMap(inputs),
    User: str(inputs, "user"),
    WorkingDir: str(inputs, "workingDir"),
    Hostname: str(inputs, "hostname"),
    Domainname: str(inputs, "domainname"),
    StopSignal: str(inputs, "stopSignal"),
    StopTimeout: num(inputs, "stopTimeout"),
    Tty: bool(inputs, "tty"),
    OpenStdin: bool(inputs, "stdinOpen"),
    Healthcheck: healthcheck(inputs, apiVersion),
    ExposedPorts: Object.fromEntries(objects(inputs, "ports").map((port) => [portKey(port), {}])),
    Volumes: Object.fromEntries(anonymous.map((volume) => [str(volume, "containerPath") ?? "", {}])),
    HostConfig: hostConfig(inputs),
  });
}

/** The body that connects a container to one of its networks. */
export function endpoint(container: string, network: Props): object {
  const ipam = given({ IPv4Address: str(network, "ipv4Address"), IPv6Address: str(network, "ipv6Address") });
  return {
    Container: container,
    EndpointConfig: given({ Aliases: strs(network, "aliases"), IPAMConfig: Object.keys(ipam).length > 0 ? ipam : undefined }),
  };
}
