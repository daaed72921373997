import { z } from "zod";
import { parseEgress, parseIngress } from "./network.ts";
import { EXPLICIT } from "./ports.ts";
import { cronProblem, parseDuration, parseSize } from "./units.ts";

/** What a claw gets that says nothing. Channels have no default for `enabled`: opening a claw to the world is always written. */
export const DEFAULTS = {
  tool: { allowed: false },
  memory: { enabled: true },
  security: { allowlist: [] as string[], sandboxed: true, profile: "managed", memory_limit: "1g", cpus: 1, max_open_files: 65_536 },
  docker: { access: "none" },
  network: { egress: ["internet"], ingress: [] as string[] },
} as const;

/** What `docker.acknowledge` says: access that reaches beyond the claw itself is never had by a word alone. */
export const ACKNOWLEDGE = "agents on this daemon can control each other";

/** Claws in one file, levels and keys under one claw's extras. */
export const LIMITS = { claws: 5000, extrasDepth: 16, extrasKeys: 2000 } as const;

// Messages continue the setting's name ("port must be ..."); explain.ts adds the name and the value.
const text = (max: number) =>
  z
    .string()
    .regex(/^[^\p{Cc}]*$/u, "must be on one line, without control characters")
    .regex(/\S/, "must not be empty")
    .max(max, `must have at most ${max} characters`);

const word = (form: RegExp, max: number, what: string) => z.string().max(max, `must have at most ${max} characters`).regex(form, what);

const between = (from: number, to: number, what: string) => {
  const error = `must be ${what} from ${from} to ${to}`;
  return z.number().min(from, error).max(to, error);
};

const count = (from: number, to: number) => between(from, to, "a whole number").int("must be a whole number");

const secretName = () =>
  word(/^[a-z0-9][a-z0-9_-]*$/, 64, "must be the name of a secret: lower-case letters, digits, _ and -, starting with a letter or a digit");

const list = <T extends z.ZodType>(item: T, max: number, what: string) => z.array(item).max(max, `must have at most ${max} ${what}`);

const fixed = (what: string) => z.literal(true, `cannot be turned off: ${what}; leave it out`);

function isHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:\/\//.test(value) && `${url.username}${url.password}${url.search}${url.hash}` === "";
}

const allowlist = () =>
  list(text(256), 1000, "entries").refine(
    (who) => !who.includes("*") || who.length === 1,
    'must be ["*"] alone to let everybody in, or a list without "*"',
  );

const model = z.strictObject({
  provider: word(/^[a-z0-9][a-z0-9._-]*$/, 64, "must be the provider's id: lower-case letters, digits, dots, _ and -").describe(
    "Who serves the model: `anthropic`, `openai`, `openrouter`, `ollama`, ... as the runtime names it.",
  ),
  name: text(256).describe("The model's name at that provider."),
  api_key_ref: secretName()
    .optional()
    .describe(
      "Name of the secret that holds the API key (`pulumi config set --secret secrets:<name>`). Without it the claw comes up with no key.",
    ),
  base_url: text(2048)
    .refine(isHttpUrl, "must be an http:// or https:// URL without user, password, query or fragment")
    .optional()
    .describe("Base URL of the provider's API, where it is not the runtime's own default."),
});

const tool = z.strictObject({
  name: word(/^[a-z][a-z0-9_-]*$/, 64, "must be a tool's name: lower-case letters, digits, _ and -").describe(
    "The tool, by a name that the runtime's README lists.",
  ),
  allowed: z.boolean().optional().meta({ default: DEFAULTS.tool.allowed, description: "Whether the claw may use it." }),
});

const channel = z.strictObject({
  channel: word(/^[a-z][a-z0-9_-]*$/, 64, "must be a channel's type: lower-case letters, digits, _ and -").describe(
    "Channel type: `telegram`, `discord`, `slack`, ... A claw has at most one channel of a type.",
  ),
  enabled: z.boolean().describe("Whether the claw listens there."),
  token_ref: secretName().optional().describe("Name of the secret that holds the bot token. One token serves one claw."),
  app_token_ref: secretName().optional().describe("Name of the secret that holds the app-level token (Slack)."),
  allowlist: allowlist()
    .optional()
    .describe("Who may talk to the claw on this channel; without it, the claw's `security.allowlist` holds."),
});

const memory = z.strictObject({
  enabled: z.boolean().optional().meta({ default: DEFAULTS.memory.enabled, description: "Keep conversations across restarts." }),
  max_history: count(1, 100_000)
    .optional()
    .describe("How many past messages the model is given at most; without it, the runtime's own default holds."),
});

const security = z.strictObject({
  allowlist: allowlist().optional().meta({
    default: DEFAULTS.security.allowlist,
    description: 'Who may talk to the claw, by the ids that the channel uses. `[]` is nobody, `["*"]` is everybody.',
  }),
  sandboxed: z
    .boolean()
    .optional()
    .meta({ default: DEFAULTS.security.sandboxed, description: "Confine the agent's file and shell tools to its workspace." }),
  profile: z.enum(["strict", "managed", "permissive"]).optional().meta({
    default: DEFAULTS.security.profile,
    description: "`strict`: look, do not touch. `managed`: risky actions are refused or asked for. `permissive`: all within the container.",
  }),
  memory_limit: z
    .string()
    .regex(/^([1-9][0-9]{0,6}m|[1-9][0-9]{0,3}g)$/, 'must be a size in megabytes or gigabytes like "512m" or "1g"')
    .refine((size) => (parseSize(size) ?? 16) >= 16, 'must be at least "16m"')
    .optional()
    .meta({ default: DEFAULTS.security.memory_limit, description: "Most memory that the claw may use: `512m`, `1g`." }),
  cpus: between(0.01, 1024, "a number")
    .optional()
    .meta({ default: DEFAULTS.security.cpus, description: "Most processor time that the claw may use, in processors: `0.5`, `2`." }),
  max_open_files: count(64, 1_048_576)
    .optional()
    .meta({ default: DEFAULTS.security.max_open_files, description: "Most files and sockets that a process of the claw may have open." }),
  seccomp_enabled: fixed("every claw runs with the engine's seccomp filter")
    .optional()
    .describe("Only `true`: every claw runs with the engine's seccomp filter."),
  drop_capabilities: fixed("every claw runs without capabilities")
    .optional()
    .describe("Only `true`: every claw runs without capabilities."),
});

const docker = z.strictObject({
  access: z.enum(["none", "shared"]).optional().meta({
    default: DEFAULTS.docker.access,
    description:
      "Which Docker daemon the claw can use. `none`: none. `shared`: the one that it runs on, with all the claws there; asks for `acknowledge`.",
  }),
  acknowledge: z.literal(ACKNOWLEDGE).optional().describe("Only this sentence, word for word: it says what `shared` means."),
});

/** Texts of one form that `parse` reads; `range` says what a range must be that it does not read. */
const peers = (form: RegExp, parse: (text: string) => unknown, what: string, range: string) => {
  const readable = (text: string) => !form.test(text) || parse(text) !== undefined;
  return list(z.string().regex(form, `must be ${what}`).refine(readable, `must be ${range}`), 100, "entries");
};

const network = z.strictObject({
  egress: peers(
    /^(internet|[0-9A-Fa-f.:]+\/[0-9]{1,3}(:[0-9]{1,5})?|\[[0-9A-Fa-f.:]+\/[0-9]{1,3}\]:[0-9]{1,5})$/,
    parseEgress,
    '"internet" or a range of addresses like "10.0.0.0/8", with a port of them like "10.0.0.0/8:5432"',
    'a range that starts at its first address, and a port from 1 to 65535 like "10.0.0.0/8:5432" or "[fd00::/8]:5432"',
  )
    .optional()
    .meta({
      default: DEFAULTS.network.egress,
      description:
        "Where the claw may connect to: `internet` (every public address), ranges like `10.0.0.0/8`, or one TCP port of them like `10.0.0.0/8:5432`. `[]` is nowhere. Kubernetes only.",
    }),
  ingress: peers(
    /^((claw|namespace):[a-z0-9]([a-z0-9-]*[a-z0-9])?|[0-9A-Fa-f.:]+\/[0-9]{1,3})$/,
    parseIngress,
    '"claw:NAME", "namespace:NAME" or a range of addresses like "10.0.0.0/8"',
    'a range that starts at its first address, like "10.0.0.0/8" or "fd00::/8"',
  )
    .optional()
    .meta({
      default: DEFAULTS.network.ingress,
      description:
        "Who may connect to the claw's port: `claw:NAME` of this fleet, all of a Kubernetes `namespace:NAME`, or ranges like `10.0.0.0/8`. `[]` is nobody. Kubernetes only.",
    }),
});

const cronJob = z.strictObject({
  cron: z
    .string()
    .max(200, "must have at most 200 characters")
    .superRefine((value, context) => {
      const message = cronProblem(value);
      if (message) context.addIssue({ code: "custom", message });
    })
    .describe("When, in UTC: minute, hour, day of month, month, day of week (0 is Sunday), like `0 9 * * 1-5`."),
  message: z
    .string()
    .refine((message) => !message.includes("\0"), "must not hold a NUL character")
    .regex(/\S/, "must not be empty")
    .max(10_000, "must have at most 10000 characters")
    .describe("What the claw is told then."),
});

const schedule = z.strictObject({
  heartbeat: z
    .string()
    .refine(
      (value) => value === "off" || (parseDuration(value) ?? Number.POSITIVE_INFINITY) <= 10_080,
      'must be minutes, hours or days like "30m", "2h" or "1d", at most "7d", or "off"',
    )
    .optional()
    .describe('How often the claw looks by itself whether there is something to do: `"30m"`, `"2h"`. `"off"` undoes a default.'),
  cron: list(cronJob, 100, "jobs").optional().describe("Messages at fixed times."),
});

/** Unknown keys are the runtime's business; extras.ts checks that the values can be passed on. */
const extras = z
  .looseObject({})
  .describe("The runtime's own settings by their native names, nested as there; checked against the runtime's schema.");

const tools = list(tool, 256, "tools").describe("Tools the claw may or may not use.");
const channels = list(channel, 32, "channels").describe("Where the claw listens.");

/** Everything an agent may say but its name and port. `model` is a parameter: parts of it may come from the defaults. */
function settings<T extends z.ZodType>(runtimes: readonly string[], modelTable: T) {
  return {
    runtime: z.enum(runtimes).describe("Which program the claw is: the name of a folder under `runtimes/`."),
    model: modelTable.optional().describe("The model that the claw thinks with."),
    tools: tools.optional(),
    channels: channels.optional(),
    memory: memory.optional().describe("What the claw remembers."),
    security: security.optional().describe("Who may talk to the claw, and what the claw may do and use."),
    docker: docker.optional().describe("Whether the claw may start containers of its own."),
    network: network.optional().describe("Whom the claw may talk to over the network."),
    schedule: schedule.optional().describe("What the claw does without being asked."),
    extras: extras.optional(),
  };
}

const identity = {
  name: word(
    /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/,
    40,
    "must be lower-case letters, digits and dashes, starting and ending with a letter or a digit",
  ).describe("The claw's name, unique in the fleet: a DNS label of at most 40 characters."),
  port: count(EXPLICIT.from, EXPLICIT.to)
    .optional()
    .describe("Port on 127.0.0.1 of the host. Without it, a port from 10000 to 32767 that follows from the name alone."),
};

/** An agent with the defaults already under it. */
export function agentSchema(runtimes: readonly string[]) {
  return z.strictObject({ ...identity, ...settings(runtimes, model) });
}
export type Agent = z.output<ReturnType<typeof agentSchema>>;

/** The `[defaults]` table: every setting of an agent but `name` and `port`, all optional. */
export function defaultsSchema(runtimes: readonly string[]) {
  return z.strictObject(settings(runtimes, model.partial())).partial();
}

/** The file as an editor sees it: what an agent lacks may come from the defaults. */
export function fileSchema(runtimes: readonly string[]) {
  const agent = z.strictObject({ ...identity, ...settings(runtimes, model.partial()) }).partial({ runtime: true });
  return z.strictObject({
    defaults: defaultsSchema(runtimes)
      .optional()
      .describe("Settings of every agent that does not say otherwise. Tables are merged key by key, lists are replaced as a whole."),
    agent: z.array(agent).min(1).max(LIMITS.claws).describe("The claws of the fleet, one `[[agent]]` each."),
  });
}
