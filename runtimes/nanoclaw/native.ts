/**
 * NanoClaw's configuration as this image has it. NanoClaw itself reads no configuration file: it takes some variables of its environment and rows of its
 * database, into which the shim puts what stands here. Variables that v2.0.64 reads and then never uses (CONTAINER_TIMEOUT, IDLE_TIMEOUT,
 * MAX_CONCURRENT_CONTAINERS, MAX_MESSAGES_PER_PROMPT, CONTAINER_MAX_OUTPUT_SIZE, ASSISTANT_HAS_OWN_NUMBER) have no key.
 */
import { z } from "zod";
import { isTimezone } from "./shim/timezone.ts";

const agent = z.strictObject({
  /** What the agent calls itself; a line of text. */
  name: z.string().min(1).max(100),
  /** Image that agents run in, already on the daemon or to be pulled; empty = this claw's own. */
  image: z.string(),
  /** `mock` answers without a model, and only to tests: what it says is never delivered. */
  provider: z.enum(["claude", "mock"]),
  /** As Claude Code names models: `claude-sonnet-4-6`, `opus`, ...; empty = its own default. */
  model: z.string(),
  /** How long the model thinks; empty = Claude Code's default. */
  effort: z.enum(["", "low", "medium", "high", "xhigh", "max"]),
  /** Waiting messages that are put into one prompt at most. */
  maxMessagesPerPrompt: z.int().min(1).max(1000),
  /** What the agent may do with NanoClaw's `ncl` command: nothing, see to itself, or all. Changes are asked for in each case. */
  cliScope: z.enum(["disabled", "group", "global"]),
});

const url = z.string().regex(/^https?:\/\/[^\s/@]+(\/[^\s@]*)?$/, "must be an http or https URL without a user name");

const port = z.int().min(1).max(65535);

/** Where the shim listens: for the API and the health check, and for the claw's agents, which ask it for the model. */
const gateway = z.strictObject({ port, agentsPort: port });

/** The API that the claw's own credential gateway passes agents' requests to, with the key that agents never see. */
const anthropic = z.strictObject({ baseUrl: url });

/** A OneCLI gateway to be used instead of the claw's own; empty = none. */
const onecli = z.strictObject({ url: z.union([z.literal(""), url]) });

/** The file with every key, as the image's default has it and the shim reads it. */
export const complete = z.strictObject({
  /** IANA name, for the agents' clocks and the times of their tasks. */
  timezone: z.string().refine(isTimezone, 'must be the name of a timezone, such as "Europe/Vienna" or "UTC"'),
  logLevel: z.enum(["debug", "info", "warn", "error", "fatal"]),
  gateway,
  agent,
  anthropic,
  onecli,
});

export type Config = z.output<typeof complete>;

/** What may be set: any part of it. */
export const schema = complete
  .extend({ gateway: gateway.partial(), agent: agent.partial(), anthropic: anthropic.partial(), onecli: onecli.partial() })
  .partial();
