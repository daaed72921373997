/** What a fleet costs on Docker, against an empty Pulumi program, Docker Compose and plain `docker run`. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { docker, TestStack } from "../docker/stack.ts";
import { Bench } from "./bench.ts";
import { fleetOf, launchesFrom, removeScript, runScript, writeCompose } from "./fleets.ts";
import { cost, cpuSeconds, daemonPid, inTurn } from "./measure.ts";
import { inSeconds, say } from "./report.ts";

/** @returns the lines of the part's table */
export async function measureDocker(rounds: number, compose: string): Promise<string[]> {
  const bench = new Bench(rounds);
  try {
    const ten = await stackOf(bench, 10);
    const empty = await bench.emptyProgram(ten.env);
    await ten.up();
    await previews(bench, ten, empty);
    await ups(bench, await pico(ten), empty, compose);
    await entrypoint(bench, await pico(ten));
    await sizes(bench);
    return bench.report.lines();
  } finally {
    await bench.remove();
  }
}

type EmptyProgram = Awaited<ReturnType<Bench["emptyProgram"]>>;

const stackOf = (bench: Bench, count: number): Promise<TestStack> => bench.init(new TestStack(`bench${count}`, fleetOf(count)));

async function previews(bench: Bench, ten: TestStack, empty: EmptyProgram): Promise<void> {
  say("previews ...");
  const ours = async (stack: TestStack) => await cost(["pulumi", "--non-interactive", "preview"], stack.env);
  const [base = 0, noop = 0] = await inTurn(bench.rounds + 2, [() => empty("preview"), async () => (await ours(ten)).seconds]);
  bench.report.row(
    "no-op preview of 10 claws / empty program",
    inSeconds(noop),
    inSeconds(base),
    `${(noop / base).toFixed(2)}x`,
    "<= 1.6x",
    noop / base <= 1.6,
  );

  await idle(bench, ten);
  await ten.pulumi("destroy", "--yes", "--skip-preview");

  const hundred = await stackOf(bench, 100);
  const thousand = await stackOf(bench, 1000);
  const small = await ours(hundred);
  const large = await ours(thousand);
  bench.report.row(
    "first preview of 100 claws",
    `${inSeconds(small.seconds)}, ${small.peakMiB.toFixed(0)} MiB`,
    "",
    inSeconds(small.seconds),
    "",
  );
  bench.report.row(
    "first preview of 1,000 claws",
    `${inSeconds(large.seconds)}, ${large.peakMiB.toFixed(0)} MiB`,
    "",
    `${inSeconds(large.seconds)}, ${large.peakMiB.toFixed(0)} MiB`,
    "20 s, 1 GiB",
    large.seconds <= 20 && large.peakMiB <= 1024,
  );
  const perClaw = (large.seconds - base) / 1000 / ((small.seconds - base) / 100);
  bench.report.row("cost of a claw among 1,000 / among 100", "", "", `${perClaw.toFixed(2)}x`, "linear: about 1x", perClaw <= 1.25);
}

/** CPU that healthy claws and their daemon use while nothing happens. */
async function idle(bench: Bench, stack: TestStack): Promise<void> {
  const pid = daemonPid((stack.env.DOCKER_HOST ?? "").replace("unix://", ""));
  await new Promise((resolve) => setTimeout(resolve, 35_000)); // past the first checks
  const from = cpuSeconds(pid);
  const span = 65;
  await new Promise((resolve) => setTimeout(resolve, span * 1000));
  const share = (100 * (cpuSeconds(pid) - from)) / (span * cpus().length);
  bench.report.row(
    "CPU of 10 idle claws and their daemon, of the machine",
    `${share.toFixed(2)} %`,
    "",
    `${share.toFixed(2)} %`,
    "< 2 %",
    share < 2,
  );
}

async function ups(bench: Bench, image: string, empty: EmptyProgram, compose: string): Promise<void> {
  for (const count of [1, 5, 10]) {
    say(`up of ${count} ...`);
    const stack = await stackOf(bench, count);
    const launches = await launchesFrom(join(stack.dir, "fleet.toml"));
    const file = join(stack.dir, "compose.json");
    writeCompose(file, launches, image);
    const prefix = `bench-${process.pid}`;
    const composed = [compose, "--project-name", prefix, "--file", file];
    const remove = (command: readonly string[]) => cost(command, stack.env);
    const [base = 0, ours = 0, theirs = 0, plain = 0] = await inTurn(bench.rounds, [
      () => empty("up", "--yes", "--skip-preview"),
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
    bench.report.row(
      `up of ${claws} / docker compose up --wait`,
      inSeconds(ours),
      `${inSeconds(theirs)} (empty program ${inSeconds(base)})`,
      `${(ours / theirs).toFixed(2)}x; ${((ours - base) / theirs).toFixed(2)}x without an empty program run`,
      "<= 1.15x and one empty program run",
      ours <= limit,
    );
    bench.report.row(
      `up of ${claws} / docker run, one by one, and wait`,
      inSeconds(ours),
      inSeconds(plain),
      `${(ours / plain).toFixed(2)}x`,
      "",
    );
  }
}

/** The image's id of the PicoClaw that a stack has built. */
async function pico(stack: TestStack): Promise<string> {
  const [first] = await launchesFrom(join(stack.dir, "fleet.toml"));
  if (first === undefined) throw new Error("no claw");
  return (await docker().getImage(`ghcr.io/codervisor/picoclaw:${first.runtime.version}`).inspect()).Id;
}

/** Start through the entrypoint against the same command without it, in a container, many times. */
async function entrypoint(bench: Bench, image: string): Promise<void> {
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
          image,
          "-c",
          loop(command),
        ],
        { encoding: "utf8" },
      ),
    ) / 1e6;
  const [with_ = 0, without = 0] = await inTurn(bench.rounds, [
    async () => inside("entrypoint run -- /bin/true"),
    async () => inside("/bin/true"),
  ]);
  const more = with_ - without;
  bench.report.row(
    "start through the entrypoint / direct exec",
    `${with_.toFixed(1)} ms`,
    `${without.toFixed(1)} ms`,
    `+${more.toFixed(1)} ms`,
    "<= +10 ms",
    more <= 10,
  );
}

async function sizes(bench: Bench): Promise<void> {
  for (const image of await docker().listImages({ filters: { reference: ["ghcr.io/codervisor/*"] } })) {
    const [tag = ""] = image.RepoTags ?? [];
    bench.report.row(`size of ${tag}`, `${(image.Size / 1e6).toFixed(0)} MB`, "", `${(image.Size / 1e6).toFixed(0)} MB`, "");
  }
}
