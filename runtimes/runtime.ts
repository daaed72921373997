import type { Claw, DockerAccess, Json, Network, Path } from "../fleet/types.ts";

/** A secret's value is never here: only where it comes from. */
export type SecretSource =
  /** A named secret of the stack (`api_key_ref`, `token_ref`). `required: false` = the claw comes up without it. */
  | { readonly kind: "ref"; readonly name: string; readonly required: boolean; readonly path: Path }
  /** The claw's gateway token, derived from the stack's one token seed. `sha256`: its hash in lower-case hex, for runtimes that are given that. */
  | { readonly kind: "gateway-token"; readonly hash?: "sha256" };

/** An environment variable that whoever runs the image by hand may set: a line of `.env.example`. Overrides of its configuration are not listed. */
export interface Variable {
  readonly name: string;
  /** One line: what it is, and where one gets it. */
  readonly about: string;
  /** `<NAME>_FILE` may name a file with the value instead. */
  readonly secret: boolean;
  /** The container does not start without it. */
  readonly required: boolean;
  /** What holds when it is not set, where that is a value. */
  readonly default?: string;
}

/** Where upstream lists its releases. */
export type Upstream =
  | { readonly kind: "npm" | "go" | "crates"; readonly name: string }
  /** Tags of `source`; `tags` is a regular expression whose first group is the version to compare. */
  | { readonly kind: "git"; readonly tags: string };

/** Facts of a runtime that every target needs, written once, in its folder's runtime.ts. */
export interface Descriptor {
  /** Folder name under runtimes/, value of `runtime` in a fleet file, user name in the image. */
  readonly name: string;
  /** As upstream writes it. */
  readonly title: string;
  /** Pinned upstream version, as upstream writes it. */
  readonly version: string;
  /** Upstream's home, for labels and docs. */
  readonly source: string;
  readonly upstream: Upstream;
  readonly license: string;
  /** uid and gid in the image; 10001 and up. */
  readonly uid: number;
  /** Port inside the container: the convention of the fleet, not upstream's default. */
  readonly port: number;
  readonly health: {
    /** Path of the runtime's own liveness answer. */
    readonly path: string;
    /** Members that the JSON body must have, compared deeply. */
    readonly expect: { readonly [key: string]: Json };
    /** Seconds within which a start is healthy on a slow machine. */
    readonly startupSeconds: number;
  };
  /**
   * Where the runtime cannot serve `health.path` by itself: the entrypoint listens on `port`, asks the runtime on `upstreamPort` of 127.0.0.1,
   * and asks for the path on the right where a client asks for the one on the left.
   */
  readonly front?: { readonly upstreamPort: number; readonly rewrite: { readonly [path: string]: string } };
  /** The runtime does not work without a Docker daemon of the host: what it does there, ending the sentence "it needs Docker to ...". */
  readonly docker?: { readonly why: string };
  /** Directory that the claw's volume covers. */
  readonly stateDir: string;
  /** Where the image's workspace/ (identity and prompt files) is put at first start; default `<stateDir>/workspace`. */
  readonly workspace?: string;
  /** Further writable paths on tmpfs, with size in MiB; `exec` where the runtime runs what it puts there. */
  readonly tmpfs: readonly { readonly path: string; readonly sizeMiB: number; readonly exec: boolean }[];
  /** Seconds between SIGTERM and SIGKILL. */
  readonly stopGraceSeconds: number;
  /** MiB a claw needs to come up at all; a smaller `memory_limit` is refused. */
  readonly minMemoryMiB: number;
  readonly config: {
    readonly format: "json" | "toml";
    /** `merge`: the entrypoint writes default + overrides to `path`. `native`: the runtime reads the overrides itself; the default is put at `path` when absent. */
    readonly overrides: "merge" | "native";
    /** Where the runtime reads its configuration in the container. */
    readonly path: string;
  };
  /** Prefix of override variables, e.g. `OPENCLAW_`. */
  readonly envPrefix: string;
  /** What `.env.example` offers beside the configuration's overrides, secrets first. */
  readonly variables: readonly Variable[];
  /** Variables ending in `_FILE` that the runtime itself reads as a path; of all others the entrypoint takes the file's content. */
  readonly keepFiles?: readonly string[];
  /** Environment of the runtime that is the same for every claw. */
  readonly env: { readonly [name: string]: string };
  readonly command: readonly string[];
  /** Named build arguments for base images, with digest-pinned defaults: `{ DEBIAN: "debian:bookworm-slim@sha256:..." }`. */
  readonly bases: { readonly [arg: string]: string };
  /** Further build arguments, e.g. the pinned version. */
  readonly buildArgs: { readonly [arg: string]: string };
}

/** What a claw's canonical settings are in the runtime's own terms. */
export interface Translation {
  /** Container environment, override variables included. */
  readonly env: { readonly [name: string]: string };
  readonly secretEnv: { readonly [name: string]: SecretSource };
}

/** Says that something in the fleet file is wrong for this runtime. `path` is absolute in the file (start with `claw.path`). */
export type Report = (path: Path, message: string) => void;

export interface Runtime {
  readonly descriptor: Descriptor;
  /** Canonical tool names this runtime can allow or deny, for errors and docs. */
  readonly tools: readonly string[];
  readonly channels: readonly string[];
  translate(claw: Claw, report: Report): Translation;
}

/** One claw's plain facts: all that a target needs to run it. */
export interface Launch {
  readonly claw: string;
  readonly runtime: Descriptor;
  readonly hostPort: number;
  readonly env: { readonly [name: string]: string };
  readonly secretEnv: { readonly [name: string]: SecretSource };
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly maxOpenFiles: number;
  readonly docker: DockerAccess;
  /** Enforced where the target can. */
  readonly network: Network;
}
