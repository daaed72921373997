import type { Claw } from "../../fleet/types.ts";
import { addExtras as add, CLAWFLEETS, type Rules } from "../extras.ts";
import type { Report } from "../runtime.ts";
import type { Settings } from "../settings.ts";
import { schema } from "./native.ts";

const RULES: Rules = {
  title: "NullClaw",
  schema,
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
  const channels = schema.shape.channels
    .unwrap()
    .loose()
    .safeParse(claw.extras.channels ?? {});
  for (const [type, channel] of Object.entries(channels.data ?? {})) {
    if (!OPEN.includes(type) || typeof channel !== "object" || channel === null) continue;
    for (const [account, value] of accountsOf(channel)) {
      const decided = settings.origin(["channels", type, "accounts", account, "allow_from"]) !== undefined;
      if (!decided && !hasSomebody(value)) {
        report(
          [...claw.path, "extras", "channels", type, "accounts", account],
          'to NullClaw a channel without allow_from is open to everybody; say who may talk to the claw, or allow_from = ["*"]',
        );
      }
    }
  }
  add(claw, settings, RULES, report);
}

function accountsOf(channel: object): [string, unknown][] {
  return "accounts" in channel && typeof channel.accounts === "object" && channel.accounts !== null ? Object.entries(channel.accounts) : [];
}

function hasSomebody(account: unknown): boolean {
  if (typeof account !== "object" || account === null || !("allow_from" in account) || !Array.isArray(account.allow_from)) return false;
  return account.allow_from.some((who) => typeof who === "string" && who.trim() !== "");
}
