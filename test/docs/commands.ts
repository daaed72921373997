import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** The documents whose commands are run, from the repository's root. */
export const documents = [
  "README.md",
  "AGENTS.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/**
 * The commands that a document tells its reader to run: each line of an `sh` fence, without its comment, and each piece of
 * inline code that begins like one.
 */
export function commandsOf(text: string): string[] {
  const fences = [...text.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].flatMap(([, lines = ""]) => lines.split("\n"));
  const prose = text.replace(/^ *```.*?^ *```$/gms, "");
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  const wanted = /^(make|pulumi|clawfleet|node|npx|engine\/[a-z-]+\.sh|\.) \S/;
  return [
    ...fences.map((line) => line.replace(/\s+#.*$/, "").trim()).filter((line) => line !== ""),
    ...inline.filter((code) => wanted.test(code)),
  ];
}

/** Every command of all documents, once, with the documents that name it. */
export function documented(): ReadonlyMap<string, readonly string[]> {
  const found = documents.flatMap((file) => commandsOf(readFileSync(join(root, file), "utf8")).map((command) => ({ command, file })));
  return new Map([...Map.groupBy(found, ({ command }) => command)].map(([command, places]) => [command, places.map(({ file }) => file)]));
}

/** How a documented command is tested. */
export interface Run {
  readonly command: string;
  /** What is run, where that is not the command itself, and why it is not. */
  readonly as?: readonly [command: string, why: string];
  readonly stdin?: string;
  /** Exit codes that are right. @default only 0 */
  readonly codes?: readonly number[];
  /** What its output must show. */
  readonly prints: RegExp;
}

const scaffolded: Run["as"] = ["clawfleet runtime --help", "it writes into the checkout; test/cli/runtime.test.ts runs it in a copy"];

/** A line of Docker Compose, whose program is where `engine/compose.sh` says; `--dry-run` says what it would do. */
function composed(line: string): readonly [string, string] {
  const compose = line.endsWith("config -q") ? '"$c"' : '"$c" --dry-run';
  return [
    `c=$(engine/compose.sh) && ${line.replace("docker compose", compose)}`,
    "test/kit brings the Compose files up, on ports and volumes of its own",
  ];
}

/**
 * Every command of the documents, in the order in which they are run: on a stack whose fleet is one PicoClaw named `ada`.
 * `$DIR` is a directory of the test's own, with the fleet file `more.toml`: `ada` and a second claw, `bea`.
 */
export const runs: readonly Run[] = [
  { command: "make preview", prints: /\+ +docker:index:Container ada-container create/ },
  // A daemon that runs as root is a problem that it tells.
  { command: "make doctor", codes: [0, 2], prints: /Docker plugin +(official|stand-in) [\d.]+ at / },
  { command: "make up", prints: /ada +picoclaw v[\d.]+ +http:\/\/127\.0\.0\.1:\d+ +healthy/ },
  {
    command: "make up FLEET=fleets/trio.toml",
    as: ['make up FLEET="$DIR/more.toml"', "the trio's ports may be in use, and its images take minutes"],
    prints: /bea +picoclaw v[\d.]+ +http:\/\/127\.0\.0\.1:\d+ +healthy/,
  },
  { command: "make status", prints: /ada +picoclaw .*healthy/ },
  { command: "make logs CLAW=ada", prints: /\S/ },
  { command: "make token CLAW=ada", prints: /^[0-9a-f]{64}$/m },
  {
    command: "make shell",
    stdin: "command -v pulumi clawfleet && pulumi stack --show-name\n",
    prints: /pulumi\n.*cli\/clawfleet\n.*-docs/,
  },
  {
    command: ". .clawfleet/env",
    as: ['. .clawfleet/env && command -v clawfleet && echo "$PULUMI_BACKEND_URL"', "it says nothing by itself"],
    prints: /cli\/clawfleet\nfile:\/\/\/.*\/backend/,
  },
  { command: "make setup", prints: /^(warning: Docker at .* runs as root|$)/ },
  { command: "clawfleet --help", prints: /clawfleet check \[FILE\]/ },
  { command: "clawfleet check", prints: /fleet\.toml: 1 claw, no problems/ },
  { command: "clawfleet status", prints: /ada +picoclaw .*healthy/ },
  { command: "pulumi preview", prints: /bea-container/ },
  { command: "pulumi up", as: ["pulumi up --yes", "without a terminal it cannot ask"], prints: /bea-container/ },
  { command: "pulumi up --yes", prints: /unchanged/ },
  { command: "pulumi stack output", prints: /claws +\[\{.*"name":"ada"/ },
  { command: "pulumi stack output claws", prints: /"name":"ada"/ },
  { command: "pulumi config set --secret secrets:anthropic", stdin: "canary", prints: /^$/ },
  {
    command: "pulumi config set --secret secrets:<name>",
    as: ["pulumi config set --secret secrets:other && pulumi config", "<name> is any secret's"],
    stdin: "canary",
    prints: /secrets:other +\[secret\]/,
  },
  { command: "openssl rand -hex 32 | pulumi config set --secret clawfleet:tokenSeed", prints: /^$/ },
  {
    command: "pulumi config set clawfleet:images pull",
    as: [
      "pulumi config set clawfleet:images pull && clawfleet up && pulumi config rm clawfleet:images",
      "the image is on the daemon already; what follows builds again",
    ],
    prints: /ada +picoclaw .*healthy/,
  },
  { command: "make down", prints: /Kept, with all data: clawfleet-\S+ada-state/ },
  { command: "clawfleet up", prints: /ada +picoclaw .*healthy/ },
  {
    command: "make clean",
    as: ["make clean ARGS=--yes", "without a terminal it cannot ask"],
    prints: /removed volume clawfleet-\S+ada-state/,
  },
  {
    command: "cp runtimes/openclaw/.env.example runtimes/openclaw/.env",
    as: ['cp runtimes/openclaw/.env.example "$DIR/.env" && cat "$DIR/.env"', "a checkout's own .env is not overwritten"],
    prints: /^OPENCLAW_GATEWAY_TOKEN=$/m,
  },
  ...["docker compose -f docker-compose.fleet.yml config -q", "docker compose -f docker-compose.fleet.yml --profile all config -q"].map(
    (command) => ({ command, as: composed(command), prints: /^$/ }),
  ),
  ...[
    "docker compose -f docker-compose.fleet.yml up --wait",
    "docker compose -f docker-compose.fleet.yml up --wait nullclaw",
    "cd runtimes/picoclaw && docker compose up --wait",
  ].map((command) => ({ command, as: composed(command), prints: /dry.run/i })),
  // Nothing of it is there.
  {
    command: "docker compose -f docker-compose.fleet.yml down",
    as: composed("docker compose -f docker-compose.fleet.yml down"),
    prints: /^$/,
  },
  { command: "make images", as: ["make -n images", "test/images builds and weighs them"], prints: /images/ },
  { command: "make images ARGS=--record", as: ["make -n images ARGS=--record", "it writes into the checkout"], prints: /--record/ },
  { command: "node runtimes/outdated.ts", prints: /RUNTIME +PINNED +NEWEST +STATE/ },
  ...["clawfleet runtime init <name>", "clawfleet runtime init demo --port 7777"].map((command) => ({
    command,
    as: scaffolded,
    prints: /--repo DIR/,
  })),
  { command: "make check", prints: /^6 passed, 0 failed$/m },
  {
    command: "make test",
    as: ["make test ARGS=test/fleet/units", "all tests within a test would have no end"],
    prints: /^[1-9]\d* passed, 0 failed$/m,
  },
  {
    command: "make bench",
    as: ["make -n bench", "it measures for many minutes, and wants a quiet machine"],
    prints: /exec node test\/bench\/main\.ts/,
  },
  {
    command: "npx vitest run test/fleet",
    as: ["npx vitest run test/fleet/units", "these tests are run with all others"],
    prints: /Tests +\d+ passed/,
  },
  {
    command: "make test ARGS=test/fleet",
    as: ["make test ARGS=test/fleet/units", "these tests are run with all others"],
    prints: /^[1-9]\d* passed, 0 failed$/m,
  },
  { command: "node fleet/generate.ts", as: ["node --check fleet/generate.ts", "it writes; test/fleet compares"], prints: /^$/ },
  {
    command: "node runtimes/generate.ts",
    as: ["node runtimes/generate.ts --check", "it writes into the checkout: --check says what it would write"],
    prints: /^$/,
  },
];
