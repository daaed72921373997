import { z } from "zod";
import { count, flag, list, named, partial, secret, text } from "./common.ts";

const channel = { enabled: flag, bot_token: secret, interrupt_on_new_message: flag, mention_only: flag, proxy_url: text };
const pace = { approval_timeout_secs: count, excluded_tools: list, reply_min_interval_secs: count, reply_queue_depth_max: count };
const streaming = {
  stream_mode: z.enum(["off", "partial", "multi_message"]),
  draft_update_interval_ms: count,
  multi_message_delay_ms: count,
};
export const channels = partial({
  message_timeout_secs: count,
  max_concurrent_per_channel: count,
  ack_reactions: flag,
  show_tool_calls: flag,
  session_persistence: flag,
  session_ttl_hours: count,
  debounce_ms: count,
  telegram: named(
    partial({
      ...channel,
      ...pace,
      ...streaming,
      api_base_url: text,
      debounce_ms: count,
      per_user_session: flag,
      passive_group_context: flag,
      ack_reactions: flag,
    }),
  ),
  discord: named(
    partial({
      ...channel,
      ...pace,
      ...streaming,
      guild_ids: list,
      channel_ids: list,
      archive: flag,
      listen_to_bots: flag,
      slash_commands: flag,
      slash_command_scope: z.enum(["global", "guild"]),
      stall_timeout_secs: count,
      reaction_notifications: z.enum(["off", "own", "all"]),
    }),
  ),
  slack: named(
    partial({
      ...channel,
      ...pace,
      app_token: secret,
      channel_ids: list,
      thread_replies: flag,
      strict_mention_in_thread: flag,
      thread_context_max_messages: count,
      use_markdown_blocks: flag,
      allow_bot_messages: flag,
      stream_drafts: flag,
      draft_update_interval_ms: count,
      cancel_reaction: text,
    }),
  ),
});
