/** What IronClaw's contract tests need beside IronClaw: a real PostgreSQL, and the model that it asks. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { runtime as openclaw } from "../../runtimes/openclaw/runtime.ts";
import { docker, dockerOrThrow } from "./helpers.ts";

export interface Postgres {
  /** `postgres://...` as other containers reach it, password included. */
  readonly url: string;
  readonly password: string;
  /** Runs SQL and gives its rows, one a line. */
  query(sql: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Starts this machine's own PostgreSQL, installed by engine/postgres.sh where it is missing, in a container, in memory, where other containers reach
 * it: no image of it is needed.
 *
 * @param image any with a shell; all else is this machine's
 */
export async function startPostgres(image: string): Promise<Postgres> {
  const name = `clawfleet-contract-postgres-${randomBytes(4).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  const script = `set -e; umask 077; export PATH="$(echo /usr/lib/postgresql/*/bin | tr ' ' :):$PATH"
    printenv PGPASSWORD > /tmp/password
    initdb -D /tmp/data -U ironclaw --auth=scram-sha-256 --pwfile=/tmp/password --locale=C --encoding=UTF8 > /tmp/log
    echo "host all all all scram-sha-256" >> /tmp/data/pg_hba.conf
    exec postgres -D /tmp/data -h '*' -k /tmp`;
  const args = [
    "run",
    "--detach",
    "--name",
    name,
    "--user",
    "65534:65534",
    "--tmpfs",
    "/tmp:rw,uid=65534,mode=0700",
    "--env",
    "PGPASSWORD",
  ];
  args.push("--volume", "/usr:/usr:ro", "--entrypoint", "sh", image, "-c", script);
  await promisify(execFile)(fileURLToPath(new URL("../../engine/postgres.sh", import.meta.url)));
  const remove = async () => {
    await docker(["rm", "--force", "--volumes", name]);
  };
  const ask = (sql: string) =>
    docker([
      "exec",
      name,
      "sh",
      "-c",
      `"$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)/psql" -XAt -h /tmp -U ironclaw postgres -c "$1"`,
      "sh",
      sql,
    ]);
  try {
    await dockerOrThrow(args, { env: { PGPASSWORD: password } });
    for (const deadline = performance.now() + 60_000; (await ask("select 1")).code !== 0; await sleep(200)) {
      const { stdout, stderr } = await docker(["logs", name]);
      const running = (await dockerOrThrow(["inspect", "--format", "{{.State.Running}}", name])).trim();
      if (running !== "true" || performance.now() > deadline) throw new Error(`PostgreSQL does not start: ${stdout}${stderr}`);
    }
    const address = (await dockerOrThrow(["inspect", "--format", "{{.NetworkSettings.IPAddress}}", name])).trim();
    return {
      url: `postgres://ironclaw:${password}@${address}:5432/postgres?sslmode=disable`,
      password,
      async query(sql) {
        const { code, stdout, stderr } = await ask(sql);
        if (code !== 0) throw new Error(stderr);
        return stdout.trim();
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

const Request = z.object({
  authorization: z.string().optional(),
  model: z.string().optional(),
  tools: z.array(z.string()).optional(),
  messages: z.array(z.string()).optional(),
});

export interface Model {
  /** What it was asked so far. */
  requests(): Promise<z.infer<typeof Request>[]>;
  remove(): Promise<void>;
}

/** Starts the stand-in for a model's API in a container's own network, at `http://127.0.0.1:9999/v1`; it answers "pong". */
export async function startModel(container: string): Promise<Model> {
  const bases: unknown = JSON.parse(process.env.CLAWFLEET_BASES || "{}");
  const node = z.object({ NODE: z.string() }).safeParse(bases).data?.NODE ?? openclaw.descriptor.bases.NODE ?? "";
  const source = stripTypeScriptTypes(readFileSync(new URL("ironclaw-model.ts", import.meta.url), "utf8"));
  const name = `${container}-model`;
  const args = ["run", "--detach", "--init", "--name", name, "--network", `container:${container}`, "--entrypoint", "node", node];
  await dockerOrThrow([...args, "--input-type=module", "--eval", source]);
  const lines = async () => (await dockerOrThrow(["logs", name])).split("\n").filter((line) => line.startsWith("{"));
  for (const deadline = performance.now() + 30_000; (await lines()).length === 0; await sleep(100)) {
    if (performance.now() > deadline) throw new Error("the model's stand-in does not start");
  }
  return {
    requests: async () => (await lines()).map((line) => Request.parse(JSON.parse(line))),
    async remove() {
      await docker(["rm", "--force", name]);
    },
  };
}
