import type { Claw } from "../../fleet/types.ts";
import { addExtras as add, CLAWFLEETS, type Rules } from "../extras.ts";
import type { Report } from "../runtime.ts";
import type { NativePath, Settings } from "../settings.ts";
import { schema } from "./native.ts";

const RULES: Rules = {
  title: "PicoClaw",
  schema: schema.partial(),
  owned: [["version"], ["gateway", "host"], ["gateway", "port"], ["agents", "defaults", "workspace"]].map((native) => ({
    native,
    why: CLAWFLEETS,
  })),
  tables: true,
  entries: true,
};

/** As every runtime's; and a channel cannot be opened to everybody by leaving out `allow_from`. */
export function addExtras(claw: Claw, settings: Settings, report: Report): void {
  const channels = schema.shape.channel_list.safeParse(claw.extras.channel_list);
  for (const [type, channel] of Object.entries(channels.data ?? {})) {
    const decided = settings.origin(["channel_list", type]) !== undefined;
    if (channel?.enabled && !decided && !channel.allow_from?.some((entry) => entry.trim() !== "")) {
      report(
        [...claw.path, "extras", "channel_list", type, "enabled"],
        'to PicoClaw a channel without allow_from is open to everybody; say who may talk to the claw, or allow_from = ["*"]',
      );
    }
  }
  add(claw, settings, claw.model === undefined ? RULES : { ...RULES, place: afterModel }, report);
}

/** `model` is the first of PicoClaw's models; those in extras follow it. */
function afterModel(native: NativePath): NativePath {
  return native[0] === "model_list" ? native.map((part, i) => (i === 1 && typeof part === "number" ? part + 1 : part)) : native;
}
