/** What a claw's processes see of the container they run in, read from inside: the same way on every target. */
import type { Descriptor } from "../../runtimes/runtime.ts";

/** Facts by name, as texts that compare; a fact that is not there on a target is not in its map. */
export type Facts = ReadonlyMap<string, string>;

/** Runs a command in a claw's container and gives what it prints; rejects when it fails. */
export type Exec = (command: readonly string[]) => Promise<string>;

/**
 * Prints a line `<name> <base64>` each. The process that is looked at is the oldest but process 1, which is Docker's init there and the pod's pause
 * here: what the entrypoint has become, and with it what the runtime is.
 */
const script = String.raw`
set -f
state=$1 config=$2; shift 2
pid=$(ls /proc | grep -x '[0-9]*' | sort -n | sed -n 2p)
say() { printf '%s %s\n' "$1" "$(base64 -w0)"; }
for file in status environ limits mountinfo cmdline; do say "$file" <"/proc/$pid/$file"; done
if [ -e "$config" ]; then sha256sum <"$config" | say config; fi
cat /proc/1/cmdline | say init
stat -c '%n %U:%G %a' "$state" "$@" | say owners
# Every place that might be writable, tried: two levels of directories, and what access(2) would let this user write. What is below the places that
# are to be written to is not looked at.
prune="-path /proc -o -path /sys"
for place in "$state" "$@"; do prune="$prune -o -path $place/*"; done
{ find / -maxdepth 2 \( $prune \) -prune -o -type d -print; find / \( $prune \) -prune -o \( -type d -o -type f \) -writable -print; } 2>/dev/null |
  sort -u | while read -r path; do
    # find takes a device that is mounted over a file for that file.
    if [ -c "$path" ]; then continue
    elif [ -d "$path" ]; then (: >"$path/.tried" && rm "$path/.tried") 2>/dev/null && echo "$path"
    else (: >>"$path") 2>/dev/null && echo "$path"; fi
  done | say writable
for file in memory/memory.limit_in_bytes memory.max cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu.max pids/pids.max pids.max; do
  if [ -r "/sys/fs/cgroup/$file" ]; then say "cgroup:$file" <"/sys/fs/cgroup/$file"; fi
done
true`;

/** What was read, before it is made comparable. */
export interface Reading {
  readonly facts: Facts;
  /** The kernel's limits by their files' names in the control group, where they can be read. */
  readonly cgroup: ReadonlyMap<string, string>;
}

/** Mount points whose options count: the root, the state, and what is in memory. */
const memoryOf = (runtime: Descriptor) => ["/run/claw", ...runtime.tmpfs.map(({ path }) => path)];

export async function read(exec: Exec, runtime: Descriptor): Promise<Reading> {
  const memory = memoryOf(runtime);
  const printed = await exec(["sh", "-c", script, "sh", runtime.stateDir, runtime.config.path, ...memory]);
  const lines = printed.split("\n").filter((line) => /^\S+ \S*$/.test(line));
  const parts = new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), decoded(line.slice(line.indexOf(" ") + 1))]));
  const part = (name: string) => {
    const text = parts.get(name);
    if (text === undefined) throw new Error(`nothing was read of ${name}:\n${printed}`);
    return text;
  };
  const facts = new Map<string, string>([
    ...statusFacts(part("status")),
    ...words(part("environ"), "\0").map((entry): [string, string] => {
      const at = entry.indexOf("=");
      return [`env ${entry.slice(0, at)}`, entry.slice(at + 1)];
    }),
    ["open files", /^Max open files +(\d+) +(\d+)/m.exec(part("limits"))?.slice(1).join("/") ?? "no such line"],
    ["command", words(part("cmdline"), "\0").join(" ")],
    ["init", words(part("init"), "\0")[0] ?? ""],
    ...words(part("writable"), "\n").map((path): [string, string] => [`writable ${path}`, "yes"]),
    ...words(part("owners"), "\n").map((line): [string, string] => {
      const [path = "", ...rest] = line.split(" ");
      return [`owner of ${path}`, rest.join(" ")];
    }),
    ...mountFacts(part("mountinfo"), ["/", runtime.stateDir, ...memory]),
  ]);
  const config = parts.get("config");
  // A native configuration is the runtime's own to write.
  if (config !== undefined && runtime.config.overrides === "merge") facts.set("configuration", config);
  const cgroup = [...parts].filter(([name]) => name.startsWith("cgroup:"));
  return { facts, cgroup: new Map(cgroup.map(([name, text]) => [name.slice("cgroup:".length), text.trim()])) };
}

const decoded = (text: string) => Buffer.from(text, "base64").toString();
const words = (text: string, separator: string) => text.split(separator).filter((word) => word !== "");

const STATUS = ["Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Umask"];

function statusFacts(status: string): [string, string][] {
  const field = (name: string) => (new RegExp(`^${name}:(.*)$`, "m").exec(status)?.[1] ?? "no such line").trim().split(/\s+/).join(" ");
  const gid = field("Gid").split(" ")[0];
  // Some engines list the own group among the further ones, some do not.
  const groups = field("Groups")
    .split(" ")
    .filter((group) => group !== "" && group !== gid);
  return [...STATUS.map((name): [string, string] => [name, field(name)]), ["Groups", groups.sort().join(" ")]];
}

/** What every engine hides or makes read-only, being a mount of its own; newer ones guard more. */
const GUARDED = ["acpi", "bus", "fs", "irq", "keys", "sys", "timer_list"].map((name) => `/proc/${name}`).concat("/sys/firmware");

/** Where a mount is kept and how it is mounted; of one in memory also its size. */
function mountFacts(mountinfo: string, places: readonly string[]): [string, string][] {
  const mounts = new Map(
    words(mountinfo, "\n").map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [, , , , place = "", options = ""] = before.split(" ");
      const [kind = "", , own = ""] = after.split(" ");
      return [place, { kind, options: options.split(","), own: own.split(",") }] as const;
    }),
  );
  const facts = places.flatMap((place): [string, string][] => {
    const mount = mounts.get(place);
    if (mount === undefined) return [[`mount ${place}`, "not mounted"]];
    const flags = mount.options.filter((option) => /^(ro|rw|no(suid|dev|exec))$/.test(option)).sort();
    const memory = mount.kind === "tmpfs";
    const size = mount.own.find((option) => option.startsWith("size="));
    return [
      [`mount ${place}`, [memory ? "in memory" : "on disk", ...flags].join(" ")],
      ...(memory ? [[`size of ${place}`, size ?? "no limit"] satisfies [string, string]] : []),
    ];
  });
  return [...facts, ...GUARDED.map((place): [string, string] => [`guarded ${place}`, mounts.has(place) ? "yes" : "no"])];
}
