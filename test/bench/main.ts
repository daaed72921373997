/**
 * Measures what Clawfleet costs against what else there is, in one run on one machine, and writes bench/results.md.
 * Ratios, not seconds, are the result: both sides of each were measured in turn, so that what slows one slows the other.
 *
 *   node test/bench/main.ts [--rounds 3]
 *
 * Needs the environment of `make shell`, and docker-compose (engine/bench.sh makes it) in CLAWFLEET_COMPOSE.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { docker, root, TestStack } from "../docker/stack.ts";
import { fleetOf, launchesFrom, removeScript, runScript, writeCompose } from "./fleets.ts";
import { cost, cpuSeconds, daemonPid, inTurn } from "./measure.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" } } });
const rounds = Number(values.rounds);
const compose = process.env.CLAWFLEET_COMPOSE;
if (!compose) throw new Error("CLAWFLEET_COMPOSE does not name docker-compose: run make bench");

interface Row {
  readonly what: string;
  readonly ours: string;
  readonly other: string;
  readonly result: string;
  readonly goal: string;
  readonly reached: boolean | undefined;
}
const rows: Row[] = [];
const say = (text: string) => process.stderr.write(`${text}\n`);
function row(what: string, ours: string, other: string, result: string, goal: string, reached?: boolean): void {
  rows.push({ what, ours, other, result, goal, reached });
  say(`  ${what}: ${result}${reached === undefined ? "" : reached ? " (goal reached)" : " (goal NOT reached)"}`);
}
const seconds = (value: number) => `${value.toFixed(2)} s`;

const place = mkdtempSync(join(tmpdir(), "clawfleet-bench-"));
const stacks: TestStack[] = [];
async function stackOf(count: number): Promise<TestStack> {
  const stack = new TestStack(`bench${count}`, fleetOf(count));
  stacks.push(stack);
  return await stack.init();
}

/** A Pulumi program that does nothing, with the same runtime options: what any preview costs at least. */
async function emptyProgram(env: NodeJS.ProcessEnv): Promise<(command: readonly string[]) => Promise<number>> {
  const dir = join(place, "empty");
  mkdirSync(dir);
  writeFileSync(join(dir, "Pulumi.yaml"), "name: empty\nmain: index.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n");
  writeFileSync(join(dir, "package.json"), '{"type": "module"}');
  writeFileSync(join(dir, "index.ts"), 'import "@pulumi/pulumi";\n');
  execFileSync("ln", ["-s", join(root, "node_modules"), join(dir, "node_modules")]);
  const own = { ...env, PULUMI_STACK: "empty", PULUMI_OPTION_CONFIG_FILE: join(dir, "Pulumi.empty.yaml") };
  const run = async (command: readonly string[]) => (await cost(["pulumi", "--cwd", dir, "--non-interactive", ...command], own)).seconds;
  await run(["stack", "init", "empty"]);
  return run;
}

async function previews(): Promise<void> {
  say("previews ...");
  const ten = await stackOf(10);
  const empty = await emptyProgram(ten.env);
  await ten.up();
  const ours = async (stack: TestStack) => await cost(["pulumi", "--non-interactive", "preview"], stack.env);
  const [base = 0, noop = 0] = await inTurn(rounds + 2, [() => empty(["preview"]), async () => (await ours(ten)).seconds]);
  row(
    "no-op preview of 10 claws / empty program",
    seconds(noop),
    seconds(base),
    `${(noop / base).toFixed(2)}x`,
    "<= 1.6x",
    noop / base <= 1.6,
  );

  await idle(ten);
  await ten.pulumi("destroy", "--yes", "--skip-preview");

  const hundred = await stackOf(100);
  const thousand = await stackOf(1000);
  const small = await ours(hundred);
  const large = await ours(thousand);
  row("first preview of 100 claws", `${seconds(small.seconds)}, ${small.peakMiB.toFixed(0)} MiB`, "", seconds(small.seconds), "");
  row(
    "first preview of 1,000 claws",
    `${seconds(large.seconds)}, ${large.peakMiB.toFixed(0)} MiB`,
    "",
    `${seconds(large.seconds)}, ${large.peakMiB.toFixed(0)} MiB`,
    "20 s, 1 GiB",
    large.seconds <= 20 && large.peakMiB <= 1024,
  );
  const perClaw = (large.seconds - base) / 1000 / ((small.seconds - base) / 100);
  row("cost of a claw among 1,000 / among 100", "", "", `${perClaw.toFixed(2)}x`, "linear: about 1x", perClaw <= 1.25);
}

/** CPU that healthy claws and their daemon use while nothing happens. */
async function idle(stack: TestStack): Promise<void> {
  const pid = daemonPid((stack.env.DOCKER_HOST ?? "").replace("unix://", ""));
  await new Promise((resolve) => setTimeout(resolve, 35_000)); // past the first checks
  const from = cpuSeconds(pid);
  const span = 65;
  await new Promise((resolve) => setTimeout(resolve, span * 1000));
  const share = (100 * (cpuSeconds(pid) - from)) / (span * cpus().length);
  row("CPU of 10 idle claws and their daemon, of the machine", `${share.toFixed(2)} %`, "", `${share.toFixed(2)} %`, "< 2 %", share < 2);
}

async function ups(): Promise<void> {
  const image = await pico();
  const empty = await stackOf(1).then((stack) => stack.env);
  const program = join(place, "empty");
  const emptyUp = async () =>
    (
      await cost(["pulumi", "--cwd", program, "--non-interactive", "up", "--yes", "--skip-preview"], {
        ...empty,
        PULUMI_BACKEND_URL: stacks[0]?.env.PULUMI_BACKEND_URL,
        PULUMI_STACK: "empty",
        PULUMI_OPTION_CONFIG_FILE: join(program, "Pulumi.empty.yaml"),
      })
    ).seconds;
  for (const count of [1, 5, 10]) {
    say(`up of ${count} ...`);
    const stack = await stackOf(count);
    const launches = await launchesFrom(join(stack.dir, "fleet.toml"));
    const file = join(stack.dir, "compose.json");
    writeCompose(file, launches, image);
    const prefix = `bench-${process.pid}`;
    const composed = [compose ?? "", "--project-name", prefix, "--file", file];
    const remove = (command: readonly string[]) => cost(command, stack.env);
    const [base = 0, ours = 0, theirs = 0, plain = 0] = await inTurn(rounds, [
      emptyUp,
      async () => {
        const { seconds: taken } = await cost(["pulumi", "--non-interactive", "up", "--yes", "--skip-preview"], stack.env);
        await remove(["pulumi", "--non-interactive", "destroy", "--yes", "--skip-preview"]);
        await stack.removeVolumes();
        return taken;
      },
      async () => {
        const { seconds: taken } = await cost([...composed, "up", "--detach", "--wait"], stack.env);
        await remove([...composed, "down", "--volumes", "--timeout", "1"]);
        return taken;
      },
      async () => {
        const { seconds: taken } = await cost(["sh", "-c", runScript(launches, image, prefix)], stack.env);
        await remove(["sh", "-c", removeScript(launches, prefix)]);
        return taken;
      },
    ]);
    const limit = 1.15 * theirs + base;
    const claws = count === 1 ? "1 claw" : `${count} claws`;
    row(
      `up of ${claws} / docker compose up --wait`,
      seconds(ours),
      `${seconds(theirs)} (empty program ${seconds(base)})`,
      `${(ours / theirs).toFixed(2)}x; ${((ours - base) / theirs).toFixed(2)}x without an empty program run`,
      "<= 1.15x and one empty program run",
      ours <= limit,
    );
    row(`up of ${claws} / docker run, one by one, and wait`, seconds(ours), seconds(plain), `${(ours / plain).toFixed(2)}x`, "");
  }
}

/** The image's id of the PicoClaw that the other stacks have built. */
async function pico(): Promise<string> {
  const [first] = await launchesFrom(join(stacks[0]?.dir ?? "", "fleet.toml"));
  if (first === undefined) throw new Error("no claw");
  return (await docker().getImage(`ghcr.io/codervisor/picoclaw:${first.runtime.version}`).inspect()).Id;
}

/** Start through the entrypoint against the same command without it, in a container, many times. */
async function entrypoint(): Promise<void> {
  say("entrypoint ...");
  const runs = 100;
  const loop = (command: string) =>
    `s=$(date +%s%N); i=0; while [ $i -lt ${runs} ]; do ${command}; i=$((i+1)); done; e=$(date +%s%N); echo $(((e-s)/${runs}))`;
  const inside = (command: string) =>
    Number(
      execFileSync(
        "docker",
        [
          "run",
          "--rm",
          "--read-only",
          "--tmpfs",
          "/run/claw:uid=10003,gid=10003,mode=0700",
          "--tmpfs",
          "/home/picoclaw/.picoclaw:uid=10003,gid=10003,mode=0700",
          "--entrypoint",
          "sh",
          pictured,
          "-c",
          loop(command),
        ],
        { encoding: "utf8" },
      ),
    ) / 1e6;
  const pictured = await pico();
  const [with_ = 0, without = 0] = await inTurn(rounds, [
    async () => inside("entrypoint run -- /bin/true"),
    async () => inside("/bin/true"),
  ]);
  const more = with_ - without;
  row(
    "start through the entrypoint / direct exec",
    `${with_.toFixed(1)} ms`,
    `${without.toFixed(1)} ms`,
    `+${more.toFixed(1)} ms`,
    "<= +10 ms",
    more <= 10,
  );
}

async function sizes(): Promise<void> {
  for (const image of await docker().listImages({ filters: { reference: ["ghcr.io/codervisor/*"] } })) {
    const [tag = ""] = image.RepoTags ?? [];
    row(`size of ${tag}`, `${(image.Size / 1e6).toFixed(0)} MB`, "", `${(image.Size / 1e6).toFixed(0)} MB`, "");
  }
}

async function machine(): Promise<string> {
  const info = await docker().info();
  const limits = info.CgroupVersion === "2" ? "cgroup v2" : "cgroup v1";
  return [
    `${cpus().length} x ${cpus()[0]?.model ?? "CPU"}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `Linux ${release()}, ${limits}`,
    `Node ${process.version}`,
    `Pulumi ${execFileSync("pulumi", ["version"], { encoding: "utf8" }).trim()}`,
    `Docker ${info.ServerVersion} (${info.SecurityOptions.includes("name=rootless") ? "rootless" : "rootful"}, ${info.Driver})`,
  ].join("; ");
}

try {
  await previews();
  await ups();
  await entrypoint();
  await sizes();
  const table = rows.map(({ what, ours, other, result, goal, reached }) => {
    const verdict = reached === undefined ? "" : reached ? "yes" : "**no**";
    return `| ${what} | ${ours} | ${other} | ${result} | ${goal} | ${verdict} |`;
  });
  const text = [
    "# What it costs",
    "",
    `Written by \`make bench\`, ${rounds} rounds of each comparison in turn, medians. Machine: ${await machine()}.`,
    "Seconds are of that machine; ratios carry over. What the time goes on: [README.md](README.md).",
    "",
    "| what | Clawfleet | the other | result | goal | reached |",
    "|---|---|---|---|---|---|",
    ...table,
    "",
  ].join("\n");
  writeFileSync(join(root, "bench/results.md"), text);
  process.stdout.write(text);
} finally {
  for (const stack of stacks) await stack.remove();
  rmSync(place, { recursive: true, force: true });
}
