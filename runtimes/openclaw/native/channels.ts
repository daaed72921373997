import type { z } from "zod";
import { keys, mapOf, oneOf, open, text } from "./common.ts";
import { botLoopProtection, heartbeatVisibility, implicitMentions, visibility } from "./conversation.ts";
import { discord } from "./discord.ts";
import { slack } from "./slack.ts";
import { telegram } from "./telegram.ts";

const defaults = keys({
  groupPolicy: oneOf("open", "disabled", "allowlist"),
  contextVisibility: visibility,
  heartbeatVisibility: heartbeatVisibility,
  botLoopProtection: botLoopProtection,
  implicitMentions: implicitMentions,
});

/** A channel's own keys, and the same for each further account. */
const accounts = (shape: Record<string, z.ZodType>) => keys({ ...shape, accounts: mapOf(keys(shape)), defaultAccount: text });

/** Telegram is in the image; the others here are packages that a claw can install. Upstream has more. */
export const channels = keys({
  defaults,
  modelByChannel: mapOf(open),
  telegram: accounts(telegram),
  discord: accounts(discord),
  slack: accounts(slack),
});
