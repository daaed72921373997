import { z } from "zod";
import { count, flag, list, partial, secret, text } from "./common.ts";

const streaming = partial({ enabled: flag, throttle_seconds: count, min_growth_chars: count });

/** One entry of channel_list. PicoClaw takes any name with a `type`; here the name is the type, so that its settings can be checked. */
function channel<Type extends string, Shape extends z.ZodRawShape>(type: Type, settings: Shape) {
  return partial({
    enabled: flag,
    type: z.literal(type),
    /** Empty means EVERYBODY to PicoClaw. */
    allow_from: list,
    reasoning_channel_id: text,
    group_trigger: partial({ mention_only: flag, prefixes: list }),
    typing: partial({ enabled: flag }),
    placeholder: partial({ enabled: flag, text: list }),
    settings: partial(settings),
  });
}

const whatsapp = { bridge_url: text, use_native: flag, session_store_path: text };
const webhooks = <Shape extends z.ZodRawShape>(shape: Shape) => ({ webhooks: z.record(text, partial({ webhook_url: secret, ...shape })) });

export const channels = {
  telegram: channel("telegram", {
    token: secret,
    base_url: text,
    proxy: text,
    streaming,
    use_markdown_v2: flag,
    media_group_delay_ms: count,
  }),
  discord: channel("discord", { token: secret, proxy: text, mention_only: flag }),
  slack: channel("slack", { bot_token: secret, app_token: secret }),
  matrix: channel("matrix", {
    homeserver: text,
    user_id: text,
    access_token: secret,
    device_id: text,
    join_on_invite: flag,
    message_format: text,
    crypto_database_path: text,
    crypto_passphrase: secret,
  }),
  pico: channel("pico", {
    token: secret,
    allow_token_query: flag,
    allow_origins: list,
    streaming,
    ping_interval: count,
    read_timeout: count,
    write_timeout: count,
    max_connections: count,
  }),
  pico_client: channel("pico_client", { url: text, token: secret, session_id: text, ping_interval: count, read_timeout: count }),
  irc: channel("irc", {
    server: text,
    tls: flag,
    nick: text,
    user: text,
    real_name: text,
    password: secret,
    nickserv_password: secret,
    sasl_user: text,
    sasl_password: secret,
    channels: list,
    request_caps: list,
  }),
  feishu: channel("feishu", {
    app_id: text,
    app_secret: secret,
    encrypt_key: secret,
    verification_token: secret,
    random_reaction_emoji: list,
    is_lark: flag,
  }),
  weixin: channel("weixin", { token: secret, account_id: text, base_url: text, cdn_base_url: text, proxy: text }),
  wecom: channel("wecom", { bot_id: text, secret, websocket_url: text, send_thinking_message: flag, streaming }),
  dingtalk: channel("dingtalk", { client_id: text, client_secret: secret }),
  line: channel("line", {
    channel_secret: secret,
    channel_access_token: secret,
    webhook_host: text,
    webhook_port: count,
    webhook_path: text,
  }),
  onebot: channel("onebot", { ws_url: text, access_token: secret, reconnect_interval: count, group_trigger_prefix: list }),
  qq: channel("qq", {
    app_id: text,
    app_secret: secret,
    max_message_length: count,
    max_base64_file_size_mib: count,
    send_markdown: flag,
  }),
  vk: channel("vk", { token: secret, group_id: z.int() }),
  maixcam: channel("maixcam", { host: text, port: count }),
  whatsapp: channel("whatsapp", whatsapp),
  whatsapp_native: channel("whatsapp_native", whatsapp),
  mqtt: channel("mqtt", {
    broker: text,
    agent_id: text,
    topic_prefix: text,
    username: secret,
    password: secret,
    client_id: text,
    keep_alive: count,
    qos: z.int().min(0).max(2),
  }),
  slack_webhook: channel("slack_webhook", webhooks({ username: text, icon_emoji: text })),
  teams_webhook: channel("teams_webhook", webhooks({ title: text })),
};
