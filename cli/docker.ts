import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { label } from "../components/docker/names.ts";
import { dockerStatus, messageOf, UserError } from "./errors.ts";

/** A container that carries our labels. */
export interface Found {
  readonly id: string;
  readonly name: string;
  readonly stack: string;
  readonly claw: string;
  /** `running`, `exited`, ... */
  readonly state: string;
  readonly created: Date;
  /** Ports published on the host. */
  readonly ports: readonly number[];
}

/**
 * The Docker daemon that the stack uses, once it has answered.
 *
 * @param host Address from the stack's config; default DOCKER_HOST, then /var/run/docker.sock.
 * @throws UserError when no daemon answers within 10 s.
 */
export async function connect(host = process.env.DOCKER_HOST): Promise<Docker> {
  const address = host || "unix:///var/run/docker.sock";
  // dockerode reads the variable itself, with DOCKER_CERT_PATH and all.
  if (host) process.env.DOCKER_HOST = host;
  const docker = new Docker();
  try {
    const late = sleep(10_000, undefined, { ref: false }).then(() => Promise.reject(new Error("no answer within 10 s")));
    await Promise.race([docker.ping(), late]);
  } catch (error) {
    throw new UserError(
      `Docker does not answer at ${address}: ${messageOf(error)}\nStart it, or set DOCKER_HOST to where it is. \`make up\` starts a rootless one; \`clawfleet doctor\` says what is there.`,
    );
  }
  return docker;
}

/** Containers of all stacks, or of one. */
export async function findContainers(docker: Docker, stack?: string): Promise<Found[]> {
  const filters = { label: [stack === undefined ? label.stack : `${label.stack}=${stack}`] };
  const found = await docker.listContainers({ all: true, filters });
  return found.map((container) => ({
    id: container.Id,
    name: nameOf(container),
    stack: container.Labels[label.stack] ?? "",
    claw: container.Labels[label.claw] ?? "",
    state: container.State,
    created: new Date(container.Created * 1000),
    ports: publishedPorts(container),
  }));
}

/** A container's name without the API's leading slash. */
export function nameOf({ Names, Id }: Docker.ContainerInfo): string {
  return Names[0]?.replace(/^\//, "") ?? Id.slice(0, 12);
}

/** Ports of the host that a container takes. */
export function publishedPorts({ Ports }: Docker.ContainerInfo): number[] {
  return [...new Set(Ports.flatMap(({ PublicPort }) => (PublicPort ? [PublicPort] : [])))];
}

/** A container, an image or the like as the daemon describes it; undefined when it is not there. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (dockerStatus(error) === 404) return undefined;
    throw error;
  }
}

/** A stream that hands on what it gets as text. */
function textSink(take: (text: string) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(chunk.toString());
      done();
    },
  });
}

/**
 * A container's last log lines, stdout and stderr together, without the values of its secret environment.
 *
 * @param secretNames Names of environment variables whose values are not to be shown.
 */
export async function lastLines(container: Docker.Container, lines: number, secretNames: ReadonlySet<string>): Promise<string[]> {
  const [{ Config }, raw] = await Promise.all([container.inspect(), container.logs({ stdout: true, stderr: true, tail: lines })]);
  let text = demultiplexed(raw);
  for (const entry of Config.Env) {
    const at = entry.indexOf("=");
    const value = entry.slice(at + 1);
    if (secretNames.has(entry.slice(0, at)) && value !== "") text = text.replaceAll(value, "***");
  }
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
    .slice(-lines);
}

/** The text in frames of the Docker API: one byte stream, three zeros, length (32 bit, big endian), payload. */
export function demultiplexed(raw: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const end = at + 8 + raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts).toString();
}

/** All that a process in a container writes to stdout. */
export async function textOf(docker: Docker, stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  const add = textSink((more) => {
    text += more;
  });
  docker.modem.demuxStream(
    stream,
    add,
    textSink(() => {}),
  );
  await finished(stream);
  return text;
}

/** Copies a container's log to stdout and stderr until it ends. */
export async function copyLogs(docker: Docker, container: Docker.Container, tail: number, follow: boolean): Promise<void> {
  const wanted = { stdout: true, stderr: true, tail } as const;
  if (!follow) {
    process.stdout.write(demultiplexed(await container.logs({ ...wanted, follow: false })));
    return;
  }
  const stream = await container.logs({ ...wanted, follow: true });
  docker.modem.demuxStream(
    stream,
    textSink((text) => process.stdout.write(text)),
    textSink((text) => process.stderr.write(text)),
  );
  await finished(stream);
}
