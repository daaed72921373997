/** Real Docker Compose, and what it makes of a file. */
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";

export const root = join(import.meta.dirname, "../..");
export const fleetFile = join(root, "docker-compose.fleet.yml");

/** This machine's own Compose or the one in the cache; built there the first time. */
const binary = execFileSync(join(root, "engine/compose.sh"), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Compose with nothing of this environment but what Docker needs, as somebody who has just cloned the repository does. */
export function compose(args: readonly string[], env: { readonly [name: string]: string } = {}, timeoutSeconds = 60): Promise<Said> {
  const { PATH = "", HOME = "", DOCKER_HOST } = process.env;
  return new Promise((resolve) => {
    execFile(
      binary,
      [...args],
      {
        env: { PATH, HOME, ...(DOCKER_HOST !== undefined && { DOCKER_HOST }), ...env },
        timeout: timeoutSeconds * 1000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 125;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

const service = z.object({
  image: z.string(),
  build: z.object({
    context: z.string(),
    dockerfile: z.string(),
    args: z.record(z.string(), z.string()),
    secrets: z.array(z.object({ source: z.string() })),
  }),
  environment: z.record(z.string(), z.string().nullable()),
  ports: z.array(z.object({ host_ip: z.string(), target: z.number(), published: z.string() })),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.array(z.object({ type: z.string(), source: z.string(), target: z.string() })),
  tmpfs: z.array(z.string()),
  user: z.string(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  init: z.boolean(),
  restart: z.string(),
  stop_grace_period: z.string(),
  mem_limit: z.string(),
  memswap_limit: z.string(),
  cpus: z.number(),
  pids_limit: z.number(),
  ulimits: z.record(z.string(), z.unknown()),
  logging: z.object({ driver: z.string(), options: z.record(z.string(), z.string()) }),
  healthcheck: z.object({
    test: z.array(z.string()),
    interval: z.string(),
    timeout: z.string(),
    retries: z.number(),
    start_period: z.string(),
  }),
  secrets: z.array(z.object({ source: z.string() })).optional(),
  profiles: z.array(z.string()).optional(),
});

export type Service = z.infer<typeof service>;

/** What Compose prints is a Compose file again, with `$` doubled. */
const unescaped = (_: string, value: unknown) => (typeof value === "string" ? value.replaceAll("$$", "$") : value);

/** A runtime's service as Compose understands the files. @throws Error with what Compose says against them */
export async function serviceIn(files: readonly string[], name: string, env: { readonly [name: string]: string } = {}): Promise<Service> {
  const { code, stdout, stderr } = await compose(
    [...files.flatMap((file) => ["--file", file]), "--profile", "*", "config", "--format", "json"],
    env,
  );
  if (code !== 0) throw new Error(stderr);
  const { services } = z.object({ services: z.record(z.string(), z.unknown()) }).parse(JSON.parse(stdout, unescaped));
  return service.parse(services[name]);
}
