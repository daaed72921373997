import type { Position } from "./locate.ts";
import { isTable, type Table } from "./merge.ts";
import { parseIngress } from "./network.ts";
import { derivedPort, EXPLICIT, nearestFree } from "./ports.ts";
import { nearest, quote } from "./problems.ts";
import { ACKNOWLEDGE } from "./schema.ts";
import type { Path } from "./types.ts";

type Report = (path: Path, message: string) => void;
type Locate = (path: Path) => Position;

/**
 * The rules between claws (names, ports and channel tokens are each one claw's), and between what a claw and the defaults say. Works on tables that may hold mistakes of other kinds,
 * so that these do not hide mistakes of this kind.
 *
 * @returns each claw's host port; undefined where its name or port is itself wrong
 */
export function crossCheck(agents: readonly Table[], report: Report, locate: Locate): (number | undefined)[] {
  checkNames(agents, report, locate);
  checkLists(agents, report);
  checkTokens(agents, report, locate);
  checkDocker(agents, report);
  checkIngress(agents, report);
  return checkPorts(agents, report, locate);
}

function checkNames(agents: readonly Table[], report: Report, locate: Locate): void {
  const seen = new Map<string, number>();
  for (const [i, { name }] of agents.entries()) {
    if (typeof name !== "string") continue;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, i);
    else
      report(
        ["agent", i, "name"],
        `name ${quote(name)} is already taken on line ${locate(["agent", first, "name"]).line}; every claw needs its own`,
      );
  }
}

/** A claw's tools and channels have one entry each: two could contradict each other. */
function checkLists(agents: readonly Table[], report: Report): void {
  for (const [i, agent] of agents.entries()) {
    for (const [list, key] of [
      ["tools", "name"],
      ["channels", "channel"],
    ] as const) {
      const seen = new Set<unknown>();
      for (const [j, item] of tablesIn(agent[list])) {
        const value = item[key];
        if (typeof value === "string" && seen.has(value))
          report(["agent", i, list, j, key], `${key} ${quote(value)} stands twice in this claw; leave one out`);
        seen.add(value);
      }
    }
  }
}

/** Two listeners with one token take each other's messages, so a token of an enabled channel is used once in the fleet. */
function checkTokens(agents: readonly Table[], report: Report, locate: Locate): void {
  const seen = new Map<string, { path: Path; claw: string }>();
  for (const [i, agent] of agents.entries()) {
    const claw = typeof agent.name === "string" ? agent.name : "";
    for (const [j, channel] of tablesIn(agent.channels)) {
      if (channel.enabled !== true) continue;
      for (const key of ["token_ref", "app_token_ref"]) {
        const ref = channel[key];
        if (typeof ref !== "string") continue;
        const path = ["agent", i, "channels", j, key];
        const id = JSON.stringify([channel.channel, ref]);
        const first = seen.get(id);
        if (!first) seen.set(id, { path, claw });
        else if (first.claw === claw)
          report(path, `secret ${quote(ref)} is used twice on claw ${quote(claw)}; every token has its own name`);
        else {
          const where = `claw ${quote(first.claw)} on line ${locate(first.path).line}`;
          report(path, `${quote(claw)} has the ${String(channel.channel)} token ${quote(ref)} of ${where}; one token serves one claw`);
        }
      }
    }
  }
}

/** Here and not in the schema: the access may be an agent's and the sentence the defaults', or the other way round. */
function checkDocker(agents: readonly Table[], report: Report): void {
  for (const [i, { docker }] of agents.entries()) {
    if (!isTable(docker) || docker.access !== "shared" || docker.acknowledge !== undefined) continue;
    const message = `access "shared" reaches every container of the Docker daemon, other claws' too; if you accept that, write below it: acknowledge = ${JSON.stringify(ACKNOWLEDGE)}`;
    report(["agent", i, "docker", "access"], message);
  }
}

/** Who a claw lets in by name is another claw of the file. */
function checkIngress(agents: readonly Table[], report: Report): void {
  const names = agents.map(({ name }) => name).filter((name) => typeof name === "string");
  for (const [i, { name: own, network }] of agents.entries()) {
    if (!isTable(network) || !Array.isArray(network.ingress)) continue;
    for (const [j, text] of network.ingress.entries()) {
      const from = typeof text === "string" ? parseIngress(text) : undefined;
      if (from?.kind !== "claw") continue;
      const path = ["agent", i, "network", "ingress", j];
      if (from.name === own) report(path, `claw ${quote(own)} need not let itself in; leave it out`);
      else if (!names.includes(from.name)) {
        const close = nearest(from.name, names);
        report(path, `there is no claw ${quote(from.name)} in this file${close ? `; did you mean claw:${close}?` : ""}`);
      }
    }
  }
}

function checkPorts(agents: readonly Table[], report: Report, locate: Locate): (number | undefined)[] {
  const ports = agents.map(({ name, port }) => {
    if (port === undefined) return typeof name === "string" ? derivedPort(name) : undefined;
    return typeof port === "number" && Number.isInteger(port) && port >= EXPLICIT.from && port <= EXPLICIT.to ? port : undefined;
  });
  const taken = new Set(ports);
  const owner = new Map<number, number>();
  for (const [i, port] of ports.entries()) {
    if (port === undefined) continue;
    const first = owner.get(port);
    if (first === undefined) {
      owner.set(port, i);
      continue;
    }
    const [one, two] = [agents[first], agents[i]];
    if (one?.name === two?.name && one?.port === undefined && two?.port === undefined) continue;
    const free = nearestFree(port, taken);
    taken.add(free);
    const other = `claw ${quote(String(one?.name))} on line ${locate(["agent", first, "port"]).line}`;
    const how =
      two?.port === undefined
        ? `port ${port}, which follows from the name ${quote(String(two?.name))},`
        : `port ${port} of claw ${quote(String(two?.name))}`;
    report(["agent", i, "port"], `${how} is also the port of ${other}; write port = ${free} here`);
  }
  return ports;
}

function tablesIn(list: unknown): [number, Table][] {
  return Array.isArray(list) ? [...list.entries()].filter((entry): entry is [number, Table] => isTable(entry[1])) : [];
}
