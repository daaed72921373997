import type { Value } from "../plugin/value.ts";
import { checkDuration } from "./duration.ts";
import {
  atLeast,
  bool,
  type Field,
  type Fields,
  int,
  labels,
  map,
  matches,
  object,
  objectList,
  objectSet,
  string,
  stringSet,
  strings,
  unsupported,
} from "./schema.ts";

const duration = (): Field => string({ default: "0s", check: checkDuration });
const megabytes = (options: { absent?: Value } = {}): Field => int({ check: atLeast(0), ...options });

const healthcheck = object(
  {
    interval: duration(),
    retries: int({ check: atLeast(0) }),
    startInterval: duration(),
    startPeriod: duration(),
    tests: strings(),
    timeout: duration(),
  },
  { computed: true },
);

const mounts = objectSet(
  {
    bindOptions: object({ propagation: string() }),
    readOnly: bool(),
    source: string(),
    target: string({ required: true }),
    tmpfsOptions: object({ mode: int(), sizeBytes: int() }),
    type: string({ required: true, check: matches(/^(bind|volume|tmpfs)$/) }),
    volumeOptions: object({
      driverName: string(),
      driverOptions: map(),
      labels: labels(),
      noCopy: bool(),
      subpath: string({ unsupported: "needs Engine 26; mount the whole volume" }),
    }),
  },
  { replace: true, absent: [] },
);

const networksAdvanced = objectSet(
  {
    aliases: stringSet(),
    driverOpts: strings({ unsupported: "set driver options on the network" }),
    gwPriority: int({ unsupported: "needs Engine 28" }),
    ipv4Address: string(),
    ipv6Address: string(),
    linkLocalIps: strings({ unsupported: "no use for it in a fleet" }),
    macAddress: string({ unsupported: "no use for it in a fleet" }),
    name: string({ required: true }),
  },
  { replace: true, absent: [] },
);

const ports = objectSet(
  {
    external: int({ computed: true, check: atLeast(0) }),
    internal: int({ required: true, check: atLeast(0) }),
    ip: string({ default: "0.0.0.0" }),
    protocol: string({ default: "tcp" }),
  },
  { replace: true, absent: [] },
);

const uploads = objectSet(
  {
    content: string(),
    contentBase64: string(),
    executable: bool({ absent: false }),
    file: string({ required: true }),
    group: string({ unsupported: "uploads belong to root" }),
    owner: string({ unsupported: "uploads belong to root" }),
    permissions: string({ check: matches(/^0?[0-7]{3}$/) }),
    source: string(),
    sourceHash: string(),
  },
  { replace: true, absent: [] },
);

const volumes = objectSet(
  {
    containerPath: string(),
    fromContainer: string(),
    hostPath: string(),
    readOnly: bool(),
    selinuxRelabel: string(),
    volumeName: string(),
  },
  { replace: true, absent: [] },
);

/** Inputs and outputs of a container, with the official plugin's defaults and replace rules. */
export const containerFields: Fields = {
  attach: bool({ unsupported: "it would wait for the container to end", absent: false }),
  bridge: string({ output: true }),
  capabilities: object({ adds: stringSet(), drops: stringSet() }, { replace: true }),
  cgroupnsMode: string({ replace: true, check: matches(/^(private|host)$/) }),
  command: strings({ replace: true, computed: true }),
  containerLogs: string({ output: true }),
  containerReadRefreshTimeoutMilliseconds: int({ default: 15000 }),
  cpuSet: string({ check: matches(/^\d+([,-]\d+)*$/) }),
  cpuShares: int({ check: atLeast(0) }),
  cpus: string({ replace: true, check: matches(/^\d+(\.\d+)?$/) }),
  destroyGraceSeconds: int({ check: atLeast(0) }),
  dns: stringSet({ replace: true }),
  dnsOpts: stringSet({ replace: true }),
  dnsSearches: stringSet({ replace: true }),
  domainname: string({ replace: true }),
  entrypoints: strings({ replace: true, computed: true }),
  envs: stringSet({ replace: true, computed: true }),
  exitCode: int({ output: true }),
  groupAdds: stringSet({ replace: true }),
  healthcheck,
  hostname: string({ replace: true, computed: true }),
  hosts: objectSet({ host: string({ required: true }), ip: string({ required: true }) }, { replace: true, absent: [] }),
  image: string({ replace: true, required: true }),
  init: bool({ computed: true }),
  ipcMode: string({ replace: true, computed: true }),
  labels: labels({ replace: true, computed: true }),
  logDriver: string({ replace: true, computed: true }),
  logOpts: map({ replace: true }),
  logs: bool({ unsupported: "read them with docker logs", absent: false }),
  maxRetryCount: int({ check: atLeast(0) }),
  memory: megabytes(),
  memoryReservation: megabytes({ absent: 0 }),
  memorySwap: int({ check: atLeast(-1) }),
  mounts,
  mustRun: bool({ default: true }),
  name: string({ replace: true }),
  networkDatas: objectList({}, { output: true }),
  networkMode: string({ replace: true, default: "bridge" }),
  networksAdvanced,
  pidMode: string({ replace: true }),
  platform: string({ replace: true, computed: true }),
  ports,
  privileged: bool({ replace: true }),
  publishAllPorts: bool({ replace: true }),
  readOnly: bool({ replace: true, absent: false }),
  removeVolumes: bool({ default: true }),
  restart: string({ default: "no", check: matches(/^(no|on-failure|always|unless-stopped)$/) }),
  rm: bool({ absent: false }),
  runtime: string({ replace: true, computed: true }),
  securityOpts: stringSet({ replace: true, computed: true }),
  shmSize: int({ replace: true, computed: true, check: atLeast(0) }),
  start: bool({ default: true }),
  stdinOpen: bool({ replace: true, absent: false }),
  stopSignal: string({ replace: true, computed: true }),
  stopTimeout: int({ replace: true, computed: true }),
  sysctls: map({ replace: true }),
  tmpfs: map(),
  tty: bool({ replace: true, absent: false }),
  ulimits: objectSet(
    { hard: int({ required: true }), name: string({ required: true }), soft: int({ required: true }) },
    { replace: true, absent: [] },
  ),
  uploads,
  user: string({ replace: true }),
  usernsMode: string({ replace: true }),
  volumes,
  wait: bool({ absent: false }),
  waitTimeout: int({ default: 60, check: atLeast(1) }),
  workingDir: string({ replace: true }),
  ...unsupported(["cgroupParent", "cpuPeriod", "cpuQuota", "gpus", "storageOpts"], "use cpus, memory and the daemon's own settings"),
  ...Object.fromEntries(
    ["deviceCgroupRules", "deviceReadBps", "deviceReadIops", "deviceRequests", "deviceWriteBps", "deviceWriteIops", "devices"].map(
      (name) => [name, { type: "list", unsupported: "devices are for the official plugin", absent: [] } satisfies Field],
    ),
  ),
};

/** Changes of these reach the daemon in place. */
export const RESOURCES = ["restart", "maxRetryCount", "memory", "memorySwap", "memoryReservation", "cpuShares", "cpuSet"];

/** Changes of these concern only later operations: they are recorded. */
export const RECORDED = ["destroyGraceSeconds", "wait", "waitTimeout", "start", "removeVolumes", "containerReadRefreshTimeoutMilliseconds"];
