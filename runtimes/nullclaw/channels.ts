import type { Channel, Claw, Path } from "../../fleet/types.ts";
import { channelsOf, say } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { NativePath, Settings } from "../settings.ts";

interface Kind {
  /** Names of the settings that hold the tokens. */
  readonly token: string;
  readonly appToken?: string;
  /** Where NullClaw asks who writes, in private and in groups, beside `allow_from`. */
  readonly policies: { readonly [setting: string]: string };
  /** How NullClaw knows people there: any other entry would never match. */
  readonly user: RegExp;
  readonly userIs: string;
  /** Settings that have no place in a fleet file but in extras; without them NullClaw drops the channel without a word. */
  readonly needs: readonly string[];
}

/** The channels a fleet file can name. Others are to be had through `extras.channels`. */
export const CHANNELS: { readonly [channel: string]: Kind } = {
  telegram: {
    token: "bot_token",
    policies: { group_policy: "allowlist" },
    user: /^(\d+|@\w+)$/,
    userIs: 'a number such as 8734062810, or "@name"',
    needs: [],
  },
  discord: { token: "token", policies: {}, user: /^\d{15,21}$/, userIs: "a number such as 80351110224678912", needs: [] },
  slack: {
    token: "bot_token",
    appToken: "app_token",
    policies: { mode: "socket", dm_policy: "allowlist", group_policy: "allowlist" },
    user: /^[UW][A-Z0-9]{5,}$/,
    userIs: "a member id such as U012AB3CD",
    needs: [],
  },
  matrix: {
    token: "access_token",
    policies: { group_policy: "allowlist" },
    user: /^@[^:\s]+:\S+$/,
    userIs: 'a user id such as "@ada:example.org"',
    needs: ["homeserver", "room_id"],
  },
};

/** Allows nobody: on some channels an empty `allow_from` lets everybody in (src/channels/discord.zig and others), and nobody has this name. */
export const NOBODY = "clawfleet:nobody";

/** The one account that a fleet file's channel is. */
export const ACCOUNT = "default";

export function addChannels(claw: Claw, settings: Settings, report: Report): void {
  for (const { entry, kind, from } of channelsOf(claw, "NullClaw", CHANNELS, report)) {
    if (entry.enabled) addChannel(entry, kind, from, claw, settings, report);
    // There is no switch: a channel is on when it has an account.
    else settings.set(["channels", entry.channel, "accounts"], {}, [...from, "enabled"]);
  }
}

function addChannel(channel: Channel, kind: Kind, from: Path, claw: Claw, settings: Settings, report: Report): void {
  const type = channel.channel;
  const at: NativePath = ["channels", type, "accounts", ACCOUNT];
  for (const who of channel.allowlist.filter((entry) => entry !== "*" && !kind.user.test(entry))) {
    report([...from, "allowlist"], say.nobody("NullClaw", type, kind.userIs, who));
  }
  const allowed = channel.allowlist.length > 0 ? [...channel.allowlist] : [NOBODY];
  settings.set([...at, "allow_from"], allowed, [...from, "allowlist"]);
  for (const [setting, value] of Object.entries(kind.policies)) settings.set([...at, setting], value, [...from, "allowlist"]);

  const secret = (setting: string, key: string, ref: string | undefined) => {
    const path = [...from, key];
    if (ref !== undefined) settings.setSecret([...at, setting], { kind: "ref", name: ref, required: true, path }, path);
    else report(from, `${type} needs ${key}, the name of the secret that holds its token; add ${key} = "${type}"`);
  };
  secret(kind.token, "token_ref", channel.tokenRef);
  if (kind.appToken !== undefined) secret(kind.appToken, "app_token_ref", channel.appTokenRef);
  else if (channel.appTokenRef !== undefined) report([...from, "app_token_ref"], say.noAppToken("NullClaw", type));

  const missing = kind.needs.filter((name) => !isText(claw.extras, [...at, name]));
  if (missing.length > 0) {
    const lines = missing.map((name) => `${name} = "..."`).join(" and ");
    report(from, `${type} needs ${missing.join(" and ")}; add [agent.extras.${at.join(".")}] with ${lines}`);
  }
}

function isText(value: unknown, path: NativePath): boolean {
  const found = path.reduce<unknown>(
    (at, part) => (typeof at === "object" && at !== null ? new Map<string, unknown>(Object.entries(at)).get(String(part)) : undefined),
    value,
  );
  return typeof found === "string" && found !== "";
}
