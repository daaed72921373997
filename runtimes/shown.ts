/** What is claimed of every runtime, and which test has seen it: the table in docs/runtimes.md. A test looks whether these tests are there. */

export const CLAIMS = [
  "builds",
  "starts",
  "health",
  "API call accepted",
  "env override read back",
  "non-root, no write outside state",
  "restart keeps config and state",
] as const;

export type Shown = { readonly [claim in (typeof CLAIMS)[number]]: string };

const BUILDS = "images/contents > holds no compiler, cache, secret or setuid file in any layer, and dockle finds nothing";
const RESTART = "20 restarts keep the configuration and the state";

/** What the tests show that come with a new runtime. */
function scaffolded(name: string): Shown {
  const confined = `contract/${name} > is healthy, confined, and writes nowhere but to its state`;
  const told = `contract/${name} > reads what the fleet file says`;
  return {
    builds: BUILDS,
    starts: confined,
    health: confined,
    "API call accepted": told,
    "env override read back": told,
    "non-root, no write outside state": confined,
    "restart keeps config and state": `contract/${name} > ${RESTART}`,
  };
}

/** The tests of a runtime, by what they show: `file > title`, the file from `test/` and without `.test.ts`. */
export function shownBy(runtime: string): Shown {
  return SHOWN[runtime] ?? scaffolded(runtime);
}

/** A runtime's claw is started before all of its contract's tests: any of them shows that. */
const SHOWN: { readonly [runtime: string]: Shown } = {
  ironclaw: {
    builds: BUILDS,
    starts: "contract/ironclaw > comes up without a model, and with one whose key has no value",
    health: "contract/ironclaw > is healthy at /health of the claw's port once it is up, which its own health answer does not say",
    "API call accepted":
      "contract/ironclaw > answers over its API: its model is asked with the key, by the name of the fleet file, and told what is in the workspace's files",
    "env override read back": "contract/ironclaw > IronClaw has what it is told, %s",
    "non-root, no write outside state": "contract/ironclaw > is unprivileged, and writes nowhere but to its state",
    "restart keeps config and state": `contract/ironclaw > ${RESTART}`,
  },
  nanoclaw: {
    builds: BUILDS,
    starts: "contract/nanoclaw > is healthy, for the image's own check too",
    health: "contract/nanoclaw > is healthy, for the image's own check too",
    "API call accepted":
      "contract/nanoclaw > answers a message: its agent is started, asks the model with the claw's key, and what it says comes back",
    "env override read back": "contract/nanoclaw > has its settings, by its own word",
    "non-root, no write outside state": "contract/nanoclaw > is confined itself, and writes to its state alone",
    "restart keeps config and state": `contract/nanoclaw > ${RESTART}`,
  },
  nullclaw: {
    builds: BUILDS,
    starts: "contract/nullclaw > comes up, is ready, and takes a message",
    health: "contract/nullclaw > comes up, is ready, and takes a message",
    "API call accepted": "contract/nullclaw > messages need the claw's token; there is no pairing beside it, and no way in without it",
    "env override read back": "contract/nullclaw > NullClaw has what it is told, %s",
    "non-root, no write outside state": "contract/nullclaw > unprivileged; nothing is written but on the volume",
    "restart keeps config and state": `contract/nullclaw > ${RESTART}`,
  },
  openclaw: {
    builds: BUILDS,
    starts: "contract/openclaw > uses the model it was given and starts its channel",
    health: "contract/openclaw > answers its own health",
    "API call accepted": "contract/openclaw > refuses a call without its token, and with another one, and accepts it with it",
    "env override read back": "contract/openclaw > the canonical fixtures: OpenClaw has what it is told",
    "non-root, no write outside state": "contract/openclaw > runs unprivileged",
    "restart keeps config and state": `contract/openclaw > ${RESTART}`,
  },
  picoclaw: {
    builds: BUILDS,
    starts: "contract/picoclaw > comes up and answers nobody",
    health: "contract/picoclaw > /health is ok; /ready stays 503, as this version never calls itself ready",
    "API call accepted": "contract/picoclaw > its own commands name the model, the provider and the channels",
    "env override read back": "contract/picoclaw > PicoClaw has what it is told, %s",
    "non-root, no write outside state": "contract/picoclaw > unprivileged",
    "restart keeps config and state": `contract/picoclaw > ${RESTART}`,
  },
  zeroclaw: {
    builds: BUILDS,
    starts: "contract/zeroclaw > finds its workspace's files where ZeroClaw looks for them",
    health: "contract/zeroclaw > answers for its health and says that pairing is required",
    "API call accepted": "contract/zeroclaw > takes the claw's token and refuses others; who pairs beside it is known until the next start",
    "env override read back": "contract/zeroclaw > ZeroClaw has what it is told, %s",
    "non-root, no write outside state": "contract/zeroclaw > is unprivileged",
    "restart keeps config and state": `contract/zeroclaw > ${RESTART}`,
  },
};
