import { z } from "zod";
import { count, flag, list, long, partial, port, secret, text } from "./common.ts";

const group = { allow_from: list, group_allow_from: list, group_policy: z.enum(["open", "allowlist", "disabled"]) };

/**
 * The types of channel that the image is built with. Each has accounts by name: a channel is on when it has one, and NullClaw drops an account that lacks
 * a required member without a word.
 *
 * @param told Types whose required members are said elsewhere.
 */
export function channelsWith(told: readonly string[]) {
  function channel<Required extends z.ZodRawShape, Optional extends z.ZodRawShape>(type: string, required: Required, optional: Optional) {
    const account = z.strictObject(required).extend(partial(optional).shape);
    return partial({ accounts: z.record(z.string().min(1), told.includes(type) ? account.partial() : account) });
  }
  return {
    cli: flag,
    telegram: channel(
      "telegram",
      { bot_token: secret },
      {
        ...group,
        reply_in_private: flag,
        proxy: text,
        interactive: partial({ enabled: flag, ttl_secs: long, owner_only: flag, remove_on_click: flag }),
      },
    ),
    discord: channel(
      "discord",
      { token: secret },
      { guild_id: text, allow_bots: flag, allow_from: list, require_mention: flag, intents: count },
    ),
    slack: channel(
      "slack",
      { bot_token: secret },
      {
        mode: z.enum(["socket", "http"]),
        app_token: secret,
        signing_secret: secret,
        webhook_path: z.string().startsWith("/"),
        channel_id: text,
        allow_from: list,
        dm_policy: z.enum(["allow", "deny", "allowlist"]),
        group_policy: z.enum(["open", "allowlist", "mention_only"]),
      },
    ),
    matrix: channel("matrix", { homeserver: text, access_token: secret, room_id: text }, { user_id: text, ...group }),
    mattermost: channel(
      "mattermost",
      { bot_token: secret, base_url: text },
      {
        ...group,
        dm_policy: z.enum(["open", "allowlist", "disabled"]),
        chatmode: z.enum(["oncall", "onmessage", "onchar"]),
        onchar_prefixes: list,
        require_mention: flag,
      },
    ),
    irc: channel(
      "irc",
      { host: text, nick: text },
      {
        port,
        username: text,
        channels: list,
        allow_from: list,
        server_password: secret,
        nickserv_password: secret,
        sasl_password: secret,
        tls: flag,
      },
    ),
    dingtalk: channel("dingtalk", { client_id: text, client_secret: secret }, { allow_from: list }),
    signal: channel("signal", { http_url: text, account: text }, { ...group, ignore_attachments: flag, ignore_stories: flag }),
    email: channel(
      "email",
      { smtp_host: text, from_address: text },
      {
        imap_host: text,
        imap_port: port,
        imap_folder: text,
        smtp_port: port,
        smtp_tls: flag,
        username: text,
        password: secret,
        poll_interval_secs: long,
        allow_from: list,
        consent_granted: flag,
      },
    ),
    qq: channel(
      "qq",
      { app_id: text, app_secret: secret },
      { bot_token: secret, sandbox: flag, group_policy: z.enum(["allow", "allowlist"]), allowed_groups: list, allow_from: list },
    ),
    onebot: channel("onebot", { url: text }, { access_token: secret, group_trigger_prefix: text, allow_from: list }),
    web: channel(
      "web",
      {},
      {
        transport: z.enum(["local", "relay"]),
        port,
        listen: text,
        path: z.string().startsWith("/"),
        max_connections: z.int().min(1).max(0xffff),
        auth_token: secret,
        allowed_origins: list,
        relay_url: z.string().startsWith("wss://"),
        relay_agent_id: z.string().min(1).max(64),
        relay_token: secret,
        relay_token_ttl_secs: z.int().min(3600).max(31_536_000),
        relay_pairing_code_ttl_secs: z.int().min(60).max(300),
        relay_ui_token_ttl_secs: z.int().min(300).max(2_592_000),
        relay_e2e_required: flag,
      },
    ),
  };
}
