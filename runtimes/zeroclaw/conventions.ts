import type { NativePath } from "../settings.ts";

/** The one alias under which Clawfleet puts everything that ZeroClaw keeps in maps: the agent, its provider, its profiles, its channels. */
export const ALIAS = "claw";

/** Where ZeroClaw's gateway listens in its container. */
export const PORT = 42617;

/**
 * The fleet's conventions, given at every start instead of standing in the file on the volume: an upgrade of Clawfleet then reaches old volumes too.
 * ZeroClaw listens on all addresses of its container, whose port is published on loopback only, and lets nobody use it who is not paired.
 */
export const FIXED: readonly (readonly [NativePath, string])[] = [
  [["gateway", "host"], "0.0.0.0"],
  [["gateway", "port"], String(PORT)],
  [["gateway", "allow_public_bind"], "true"],
  [["gateway", "require_pairing"], "true"],
  [["gateway", "allow_remote_admin"], "false"],
  // The image is what is upgraded, by whoever deploys it.
  [["gateway", "check_updates"], "false"],
  [["gateway", "allow_self_upgrade"], "false"],
  [["secrets", "encrypt"], "true"],
];
