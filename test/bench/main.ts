/**
 * Measures what Clawfleet costs against what else there is, in one run on one machine, and writes bench/results.md.
 * Ratios, not seconds, are the result: both sides of each were measured in turn, so that what slows one slows the other.
 *
 *   node test/bench/main.ts [--rounds 3] [--only docker|kubernetes]
 *
 * Needs the environment of `make shell`, and docker-compose (engine/compose.sh makes it) in CLAWFLEET_COMPOSE. The part on Kubernetes uses the
 * tests' cluster (test/kubernetes/cluster.ts); where there can be none it is left out, and its results stay as they were.
 */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { docker, root } from "../docker/stack.ts";
import { cluster, missing, runs, stopCluster } from "../kubernetes/cluster.ts";
import { measureDocker } from "./docker.ts";
import { measureKubernetes } from "./kubernetes.ts";
import { say, writeResults } from "./report.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" }, only: { type: "string" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds is a whole number from 1");
if (values.only !== undefined && !["docker", "kubernetes"].includes(values.only)) throw new Error("--only docker, or --only kubernetes");
const wanted = (part: string) => values.only === undefined || values.only === part;

async function machine(): Promise<string> {
  const info = await docker().info();
  return [
    `${cpus().length} x ${cpus()[0]?.model ?? "CPU"}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `load ${loadavg()[2]?.toFixed(1)} in the last quarter of an hour`,
    `Linux ${release()}, ${info.CgroupVersion === "2" ? "cgroup v2" : "cgroup v1"}`,
    `Node ${process.version}`,
    `Pulumi ${execFileSync("pulumi", ["version"], { encoding: "utf8" }).trim()}`,
    `Docker ${info.ServerVersion} (${info.SecurityOptions.includes("name=rootless") ? "rootless" : "rootful"}, ${info.Driver})`,
  ].join("; ");
}

const parts = new Map<string, readonly string[]>();
if (wanted("docker")) {
  const compose = process.env.CLAWFLEET_COMPOSE;
  if (!compose) throw new Error("CLAWFLEET_COMPOSE does not name docker-compose: run make bench");
  parts.set("Docker", [`Rounds: ${rounds}. ${await machine()}.`, "", ...(await measureDocker(rounds, compose))]);
}
if (wanted("kubernetes")) {
  const why = missing();
  if (why !== undefined) say(`NOT MEASURED HERE: Kubernetes. ${why}`);
  else {
    const ran = await runs();
    const own = await cluster();
    try {
      const lines = await measureKubernetes(rounds, own);
      const version = /"gitVersion": "(v[^"]+)"/.exec(
        (await own.kubectl("version", "--output", "json")).split("serverVersion")[1] ?? "",
      )?.[1];
      parts.set("Kubernetes", [`Rounds: ${rounds}. ${await machine()}; Kubernetes ${version}.`, "", ...lines]);
    } finally {
      if (own.own && !ran) await stopCluster(process.env.CLAWFLEET_CLUSTER || "clawfleet");
    }
  }
}
process.stdout.write(writeResults(join(root, "bench/results.md"), parts));
