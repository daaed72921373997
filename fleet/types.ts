/**
 * What a fleet file means once it is parsed, checked and every default is explicit.
 * Pure data: no TOML, no runtime's own keys, no Pulumi.
 */

/** A JSON value; what `extras` may hold. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Where in the fleet file something stands, as keys and list indexes from the root: `["agent", 0, "model", "name"]`. */
export type Path = readonly (string | number)[];

export interface Model {
  /** Provider id as the field names it: `anthropic`, `openai`, `openrouter`, `ollama`, ... */
  readonly provider: string;
  /** The model's name at that provider. */
  readonly name: string;
  /** Name of the secret that holds the API key; absent for providers without a key. */
  readonly apiKeyRef?: string;
  /** Base URL of the provider's API; absent = the runtime's own default. */
  readonly baseUrl?: string;
}

export interface Tool {
  readonly name: string;
  readonly allowed: boolean;
}

export interface Channel {
  /** Channel type: `telegram`, `discord`, `slack`, ... */
  readonly channel: string;
  readonly enabled: boolean;
  /** Name of the secret that holds the bot token. */
  readonly tokenRef?: string;
  /** Name of the secret that holds the app-level token (Slack). */
  readonly appTokenRef?: string;
  /** Who may talk to the claw here; the claw's `security.allowlist` unless the channel has its own. Empty = nobody, `["*"]` = everybody. */
  readonly allowlist: readonly string[];
}

export interface Memory {
  /** Keep conversations across restarts. */
  readonly enabled: boolean;
  /** How many past messages the model is given at most; absent = the runtime's own default. */
  readonly maxHistory?: number;
}

export type Profile = "strict" | "managed" | "permissive";

export interface Security {
  readonly allowlist: readonly string[];
  /** Confine the agent's file and shell tools to its workspace. */
  readonly sandboxed: boolean;
  /** strict = look, do not touch; managed = risky actions are refused or ask; permissive = all within the container. */
  readonly profile: Profile;
  /** MiB */
  readonly memoryMiB: number;
  /** CPUs, e.g. 1.5 */
  readonly cpus: number;
  readonly maxOpenFiles: number;
}

/** none = no daemon; shared = the daemon that the claw itself runs on, so every container there. */
export type DockerAccess = "none" | "shared";

/** Where a claw may connect to. */
export type Egress =
  /** The public internet: every address without the private, link-local and other special ones. */
  | { readonly kind: "internet" }
  /** A range of addresses, on one TCP port of them or on all ports. */
  | { readonly kind: "range"; readonly cidr: string; readonly port?: number };

/** Who may connect to a claw's port. */
export type Ingress =
  /** Another claw of the fleet, by name. */
  | { readonly kind: "claw"; readonly name: string }
  /** Every pod of another Kubernetes namespace. */
  | { readonly kind: "namespace"; readonly name: string }
  | { readonly kind: "range"; readonly cidr: string };

/** Whom a claw may talk to over the network. Nobody but those listed. */
export interface Network {
  readonly egress: readonly Egress[];
  readonly ingress: readonly Ingress[];
}

export interface CronJob {
  /** Five-field cron expression, UTC. */
  readonly cron: string;
  readonly message: string;
}

export interface Schedule {
  /** Minutes between heartbeats; absent = no heartbeat. */
  readonly heartbeatMinutes?: number;
  readonly cron: readonly CronJob[];
}

export interface Claw {
  /** DNS label, unique in the fleet. */
  readonly name: string;
  /** Name of a folder under runtimes/. */
  readonly runtime: string;
  /** Port on 127.0.0.1 of the host where the claw is published. */
  readonly port: number;
  readonly model?: Model;
  readonly tools: readonly Tool[];
  readonly channels: readonly Channel[];
  readonly memory: Memory;
  readonly security: Security;
  readonly docker: { readonly access: DockerAccess };
  readonly network: Network;
  readonly schedule: Schedule;
  /** The runtime's own keys, passed through after its schema has checked them. */
  readonly extras: { readonly [key: string]: Json };
  /** Where this claw stands in the file, e.g. `["agent", 2]`: prefix for the paths of problems. */
  readonly path: Path;
}

export interface Fleet {
  readonly file: string;
  readonly claws: readonly Claw[];
}
