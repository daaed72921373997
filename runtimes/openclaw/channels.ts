import type { Channel, Claw } from "../../fleet/types.ts";
import { channelsOf, say } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

interface Kind {
  /** The variable in which OpenClaw looks for the token. */
  readonly token: string;
  /** How it knows people. */
  readonly user: RegExp;
  readonly userIs: string;
}

/** Upstream ships these as packages that it trusts only when its own command has installed them, into the claw's state. */
const APART = ["discord", "slack"];

export const CHANNELS: { readonly [channel: string]: Kind } = {
  telegram: {
    token: "TELEGRAM_BOT_TOKEN",
    user: /^((telegram|tg):)?\d+$/,
    userIs: "a number such as 8734062810",
  },
};

function apart(channel: string): string | undefined {
  if (!APART.includes(channel)) return undefined;
  return `OpenClaw's image has no ${channel}; in the running claw: openclaw plugins install @openclaw/${channel}, then set it up in [agent.extras.channels.${channel}]`;
}

export function addChannels(claw: Claw, settings: Settings, report: Report): void {
  for (const { entry: channel, kind, from } of channelsOf(claw, "OpenClaw", CHANNELS, report, apart)) {
    const own = ["channels", channel.channel];
    settings.set([...own, "enabled"], channel.enabled, [...from, "enabled"]);
    addTokens(channel, kind, from, settings, report);
    addAllowlist(channel, kind, from, settings, report);
    if (!channel.enabled) continue;
    if (claw.memory.maxHistory !== undefined) {
      settings.set([...own, "dmHistoryLimit"], claw.memory.maxHistory, [...claw.path, "memory", "max_history"]);
    }
  }
}

function addTokens(channel: Channel, kind: Kind, from: Claw["path"], settings: Settings, report: Report): void {
  const { tokenRef, appTokenRef, enabled } = channel;
  const secret = (key: string, name: string) => ({ kind: "ref", name, required: enabled, path: [...from, key] }) as const;
  if (tokenRef !== undefined) settings.secretEnv(kind.token, secret("token_ref", tokenRef));
  else if (enabled) report([...from, "channel"], `${channel.channel} needs token_ref, the name of the secret with the bot's token`);
  if (appTokenRef !== undefined) {
    report([...from, "app_token_ref"], say.noAppToken("OpenClaw", channel.channel));
  }
}

/** OpenClaw's own default, pairing, lets strangers ask; a fleet file's allowlist is all there is. */
function addAllowlist(channel: Channel, kind: Kind, from: Claw["path"], settings: Settings, report: Report): void {
  const { allowlist } = channel;
  const path = [...from, "allowlist"];
  const own = ["channels", channel.channel];
  const everybody = allowlist.includes("*");
  if (!everybody) {
    for (const who of allowlist.filter((entry) => !kind.user.test(entry))) {
      report(path, say.nobody("OpenClaw", channel.channel, kind.userIs, who));
    }
  }
  const policy = everybody ? "open" : allowlist.length > 0 ? "allowlist" : "disabled";
  settings.set([...own, "dmPolicy"], policy, path);
  settings.set([...own, "groupPolicy"], policy, path);
  if (allowlist.length === 0) return;
  settings.set([...own, "allowFrom"], [...allowlist], path);
  settings.set([...own, "groupAllowFrom"], [...allowlist], path);
}
