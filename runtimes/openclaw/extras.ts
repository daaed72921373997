import { CLAWFLEETS, type Rules } from "../extras.ts";
import { schema } from "./native.ts";

/** All of OpenClaw's keys in native.ts but those of the container, of updates, and where secrets would end up in the configuration. */
export const EXTRAS: Rules = {
  title: "OpenClaw",
  schema,
  owned: [
    ...[
      ...["mode", "port", "bind", "customBindHost", "auth", "tls", "tailscale", "remote"].map((key) => ["gateway", key]),
      ["gateway", "controlUi", "root"],
      ["gateway", "controlUi", "allowedOrigins"],
      ["agents", "defaults", "workspace"],
      ["plugins", "load"],
      ["update"],
      ["discovery"],
    ].map((native) => ({ native, why: CLAWFLEETS })),
    { native: ["env"], why: 'would put secrets into the configuration; name them with api_key_ref, token_ref or "secret:<name>"' },
    { native: ["secrets"], why: 'is not needed: secrets come by environment; name them with api_key_ref, token_ref or "secret:<name>"' },
  ],
  tables: true,
  entries: false,
};
