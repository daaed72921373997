import type { Channel, Claw, Path } from "../../fleet/types.ts";
import { channelsOf, say } from "../entries.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";

interface Kind {
  /** Names of the settings that hold the tokens. */
  readonly token: string;
  readonly appToken?: string;
  /** How PicoClaw knows people there (pkg/identity): any other entry would never match. */
  readonly user: RegExp;
  readonly userIs: string;
}

/** The channels a fleet file can name. Others are to be had through `extras.channel_list`. */
export const CHANNELS: { readonly [channel: string]: Kind } = {
  telegram: { token: "token", user: /^((telegram:)?\d+|@\w+)$/, userIs: 'a number such as 8734062810, or "@name"' },
  discord: { token: "token", user: /^((discord:)?\d{15,21}|@[\w.]+)$/, userIs: 'a number such as 80351110224678912, or "@name"' },
  slack: {
    token: "bot_token",
    appToken: "app_token",
    user: /^(slack:)?[UW][A-Z0-9]{5,}$/,
    userIs: "a member id such as U012AB3CD",
  },
  matrix: { token: "access_token", user: /^(matrix:)?@[^:\s]+:\S+$/, userIs: 'a user id such as "@ada:example.org"' },
  pico: { token: "token", user: /^(pico:)?pico-user$/, userIs: 'one name for whoever has the token: "pico-user"' },
};

/**
 * Allows nobody: to PicoClaw an empty `allow_from` means everybody (pkg/channels/base.go, IsAllowedSender). In its `platform:id` form an entry matches
 * that platform's senders only (pkg/identity), and there is no platform of this name.
 */
export const NOBODY = "clawfleet:nobody";

/** PicoClaw's own WebSocket channel, `/pico/ws` on the gateway's port: whoever has the claw's gateway token may use it. */
const OWN = "pico";

export function addChannels(claw: Claw, settings: Settings, report: Report): void {
  for (const { entry, kind, from } of channelsOf(claw, "PicoClaw", CHANNELS, report)) addChannel(entry, kind, from, claw, settings, report);
  // Without it a claw with no channel could not be talked to at all. Beside others it is left out unless asked for: PicoClaw does not start when no
  // channel does, and that shall be seen instead of being covered by one that always starts.
  if (!claw.channels.some((channel) => channel.enabled || channel.channel === OWN)) {
    settings.set(["channel_list", OWN, "enabled"], true, [...claw.path, "channels"]);
    settings.set(["channel_list", OWN, "allow_from"], ["*"], [...claw.path, "channels"]);
    settings.setSecret(["channel_list", OWN, "settings", "token"], { kind: "gateway-token" }, [...claw.path, "channels"]);
  }
}

function addChannel(channel: Channel, kind: Kind, from: Path, claw: Claw, settings: Settings, report: Report): void {
  const type = channel.channel;
  settings.set(["channel_list", type, "enabled"], channel.enabled, [...from, "enabled"]);
  if (!channel.enabled) return;

  for (const who of channel.allowlist.filter((entry) => entry !== "*" && !kind.user.test(entry))) {
    report([...from, "allowlist"], say.nobody("PicoClaw", type, kind.userIs, who));
  }
  // A Matrix id has a colon itself, and PicoClaw takes what is before a colon for the platform's name.
  const allowed = channel.allowlist.map((who) => (type === "matrix" && who.startsWith("@") ? `matrix:${who}` : who));
  settings.set(["channel_list", type, "allow_from"], allowed.length > 0 ? allowed : [NOBODY], [...from, "allowlist"]);

  const secret = (setting: string, key: string, ref: string | undefined) => {
    const path = ["channel_list", type, "settings", setting];
    if (ref !== undefined) {
      settings.setSecret(path, { kind: "ref", name: ref, required: true, path: [...from, key] }, [...from, key]);
    } else if (type === OWN) {
      settings.setSecret(path, { kind: "gateway-token" }, from);
    } else {
      report(from, `${type} needs ${key}, the name of the secret that holds its token; add ${key} = "${type}"`);
    }
  };
  secret(kind.token, "token_ref", channel.tokenRef);
  if (kind.appToken !== undefined) secret(kind.appToken, "app_token_ref", channel.appTokenRef);
  else if (channel.appTokenRef !== undefined) report([...from, "app_token_ref"], say.noAppToken("PicoClaw", type));

  if (type === "matrix" && !hasMatrixUser(claw)) {
    report(from, 'matrix needs the bot\'s user id; add [agent.extras.channel_list.matrix.settings] with user_id = "@bot:example.org"');
  }
}

/** Without a user id PicoClaw leaves the channel out without a word. */
function hasMatrixUser(claw: Claw): boolean {
  let value: unknown = claw.extras;
  for (const key of ["channel_list", "matrix", "settings", "user_id"]) {
    if (typeof value !== "object" || value === null) return false;
    value = new Map<string, unknown>(Object.entries(value)).get(key);
  }
  return typeof value === "string" && value !== "";
}
