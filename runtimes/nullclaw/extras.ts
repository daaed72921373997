import type { Claw } from "../../fleet/types.ts";
import { addExtras as add, CLAWFLEETS, type Rules } from "../extras.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";
import { channelsWith } from "./native/channels.ts";
import { partial } from "./native/common.ts";
import { schema } from "./native.ts";

const RULES: Omit<Rules, "schema"> = {
  title: "NullClaw",
  owned: [
    ...["host", "port", "allow_public_bind", "require_pairing", "paired_tokens"].map((key) => ["gateway", key]),
    ["channels", "cli"],
    ["autonomy", "workspace_only"],
  ].map((native) => ({ native, why: CLAWFLEETS })),
  tables: true,
  entries: true,
};

/** Where an empty `allow_from` lets everybody in. */
const OPEN: readonly string[] = ["discord", "irc", "onebot", "qq"];

/** As every runtime's; and a channel cannot be opened to everybody by leaving out `allow_from`. */
export function addExtras(claw: Claw, settings: Settings, report: Report): void {
  for (const type of OPEN) {
    for (const [account, value] of accountsOf(claw.extras.channels, type)) {
      const decided = settings.origin(["channels", type, "accounts", account, "allow_from"]) !== undefined;
      if (!decided && !hasSomebody(value)) {
        report(
          [...claw.path, "extras", "channels", type, "accounts", account],
          'to NullClaw a channel without allow_from is open to everybody; say who may talk to the claw, or allow_from = ["*"]',
        );
      }
    }
  }
  // What `channels` says of a channel, extras do not have to say again.
  const told = claw.channels.filter((channel) => channel.enabled).map((channel) => channel.channel);
  add(claw, settings, { ...RULES, schema: schema.extend({ channels: partial(channelsWith(told)).optional() }) }, report);
}

/** The accounts of one type in `extras.channels`, whatever their form. */
function accountsOf(channels: unknown, type: string): [string, unknown][] {
  const found = [type, "accounts"].reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? new Map<string, unknown>(Object.entries(at)).get(key) : undefined),
    channels,
  );
  return typeof found === "object" && found !== null ? Object.entries(found) : [];
}

function hasSomebody(account: unknown): boolean {
  if (typeof account !== "object" || account === null || !("allow_from" in account) || !Array.isArray(account.allow_from)) return false;
  return account.allow_from.some((who) => typeof who === "string" && who.trim() !== "");
}
