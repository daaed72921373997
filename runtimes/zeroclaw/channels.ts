import type { Channel, Claw, Path } from "../../fleet/types.ts";
import { channelsOf, say } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";
import { ALIAS } from "./conventions.ts";

/** Names of the settings that a channel's tokens go to. */
interface Kind {
  readonly token: string;
  readonly appToken?: string;
}

/** Channels the image holds. */
export const CHANNELS: { readonly [channel: string]: Kind } = {
  telegram: { token: "bot_token" },
  discord: { token: "bot_token" },
  slack: { token: "bot_token", appToken: "app_token" },
};

export function addChannels(claw: Claw, settings: Settings, report: Report): void {
  const open: string[] = [];
  for (const { entry, kind, from } of channelsOf(claw, "ZeroClaw", CHANNELS, report)) {
    addChannel(entry, kind, from, settings, report);
    if (entry.enabled) open.push(`${entry.channel}.${ALIAS}`);
  }
  settings.set(["agents", ALIAS, "channels"], open, [...claw.path, "channels"]);
}

function addChannel(channel: Channel, names: Kind, from: Path, settings: Settings, report: Report): void {
  const type = channel.channel;
  settings.set(["channels", type, ALIAS, "enabled"], channel.enabled, [...from, "enabled"]);
  if (!channel.enabled) return;

  const secret = (setting: string, key: string, ref: string) => {
    const path = [...from, key];
    settings.setSecret(["channels", type, ALIAS, setting], { kind: "ref", name: ref, required: true, path }, path);
  };
  if (channel.tokenRef !== undefined) secret(names.token, "token_ref", channel.tokenRef);
  else report(from, `${type} needs token_ref, the name of the secret that holds its bot token; add token_ref = "${type}"`);
  if (channel.appTokenRef !== undefined) {
    if (names.appToken !== undefined) secret(names.appToken, "app_token_ref", channel.appTokenRef);
    else report([...from, "app_token_ref"], say.noAppToken("ZeroClaw", type));
  }

  // Who may talk is a peer group of the channel's. An empty one admits nobody, but offers whoever comes first a code to bind himself with,
  // for the one who can read the log; denying everybody by name takes that away as well.
  const group = ["peer_groups", type];
  const who = [...from, "allowlist"];
  if (channel.allowlist.some((entry) => entry.trim() === "")) report(who, "to ZeroClaw an empty entry is nobody; remove it");
  settings.set([...group, "channel"], `${type}.${ALIAS}`, who);
  settings.set([...group, "agents"], [ALIAS], who);
  settings.set([...group, "external_peers"], [...channel.allowlist], who);
  settings.set([...group, "ignore"], channel.allowlist.length === 0 ? ["*"] : [], who);
}
