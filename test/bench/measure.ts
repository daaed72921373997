import { readdirSync, readFileSync } from "node:fs";
import { start } from "../docker/stack.ts";

/** Wall time in seconds and the highest memory that a command and all it started held at once, in MiB (sum of resident sets, sampled). */
export interface Cost {
  readonly seconds: number;
  readonly peakMiB: number;
}

/** Runs a command to its end and says what it cost. Throws with its output when it fails. */
export async function cost(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Cost> {
  const from = performance.now();
  const running = start(command, env, 900);
  let peak = 0;
  const pid = running.process.pid ?? 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentKiB(pid));
  }, 200);
  const { code, out } = await running.done;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${out}`);
  return { seconds: (performance.now() - from) / 1000, peakMiB: peak / 1024 };
}

/** Runs the alternatives in turn, `rounds` times, so that what disturbs one disturbs all; gives each one's median seconds. */
export async function inTurn(rounds: number, alternatives: readonly (() => Promise<number>)[]): Promise<number[]> {
  const seconds: number[][] = alternatives.map(() => []);
  for (let round = 0; round < rounds; round++) for (const [i, run] of alternatives.entries()) seconds[i]?.push(await run());
  return seconds.map(median);
}

/** The middle value; the mean of the two middle ones of an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Own and reaped children's CPU time, in clock ticks (proc(5): utime, stime, cutime, cstime). */
  readonly ticks: number;
  readonly residentKiB: number;
}

function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const fields = stat
          .slice(stat.lastIndexOf(")") + 2)
          .split(" ")
          .map(Number);
        const at = (field: number) => fields[field - 3] ?? 0;
        return [{ pid: Number(name), parent: at(4), ticks: at(14) + at(15) + at(16) + at(17), residentKiB: at(24) * 4 }];
      } catch {
        return []; // it ended while we looked
      }
    });
}

/** A process and all below it. */
function tree(root: number): Process[] {
  const all = processes();
  const pids = new Set([root]);
  for (let size = 0; size !== pids.size; ) {
    size = pids.size;
    for (const { pid, parent } of all) if (pids.has(parent)) pids.add(pid);
  }
  return all.filter(({ pid }) => pids.has(pid));
}

function residentKiB(root: number): number {
  return tree(root).reduce((sum, process) => sum + process.residentKiB, 0);
}

/** CPU time in seconds that a process and all below it have used so far. */
export function cpuSeconds(root: number): number {
  const ticksPerSecond = 100; // sysconf(_SC_CLK_TCK) is 100 on every Linux that Node supports
  return tree(root).reduce((sum, process) => sum + process.ticks, 0) / ticksPerSecond;
}

/** Pid of the daemon whose children the containers are: the parent of the process that listens on the socket, found by its command line. */
export function daemonPid(socket: string): number {
  for (const { pid } of processes()) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (/(^|\/)rootlesskit$|(^|\/)dockerd$/.test(command[0] ?? "") && command.some((word) => word.includes(socket))) return pid;
    } catch {
      // it ended while we looked
    }
  }
  throw new Error(`found no Docker daemon that serves ${socket}`);
}
