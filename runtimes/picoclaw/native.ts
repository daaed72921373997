/**
 * PicoClaw's own configuration, `config.json` version 3, as PicoClaw v0.2.9 reads it (pkg/config of its Go module). Every object is strict:
 * PicoClaw refuses unknown keys too, but only once it runs. A contract test feeds every key of this schema to the real program, and PicoClaw's
 * own default configuration to this schema.
 */
import { z } from "zod";

const text = z.string();
const flag = z.boolean();
const count = z.int().min(0);
const list = z.array(z.string());

/** What PicoClaw keeps out of its logs and saved files. A fleet file may not hold one in clear. */
const secret = z.string().meta({ writeOnly: true });
const secrets = z.array(secret).meta({ writeOnly: true });

/** All members optional: PicoClaw starts from its defaults and lays the file over them. */
function partial<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).partial();
}

const tool = partial({ enabled: flag });
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

const channels = {
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

const model = z
  .strictObject({
    model_name: z.string().min(1),
    provider: text.optional(),
    /** `provider/name`; no white space, no leading or double slash. */
    model: z.string().regex(/^(?!\/)(?!.*\/\/)\S+$/, "must be provider/name without white space"),
  })
  .extend(
    partial({
      api_base: text,
      api_keys: secrets,
      proxy: text,
      fallbacks: list,
      auth_method: z.enum(["oauth", "token"]),
      connect_mode: z.enum(["stdio", "grpc"]),
      workspace: text,
      rpm: count,
      max_tokens_field: text,
      request_timeout: count,
      thinking_level: z.enum(["off", "low", "medium", "high", "xhigh", "adaptive"]),
      tool_schema_transform: z.enum(["off", "simple"]),
      streaming: partial({ enabled: flag }),
      extra_body: z.record(text, z.unknown()),
      custom_headers: z.record(text, text),
      enabled: flag,
      user_agent: text,
    }).shape,
  );

const agentModel = z.union([text, partial({ primary: text, fallbacks: list })]);
const turnMode = z.enum(["default", "off"]);
const turnList = partial({ mode: z.enum(["default", "off", "custom"]), allow: list });

const agents = partial({
  defaults: partial({
    workspace: text,
    restrict_to_workspace: flag,
    allow_read_outside_workspace: flag,
    provider: text,
    model_name: text,
    model_fallbacks: list,
    image_model: text,
    image_model_fallbacks: list,
    max_tokens: count,
    context_window: count,
    temperature: z.number(),
    max_tool_iterations: count,
    summarize_message_threshold: count,
    summarize_token_percent: z.int().min(0).max(100),
    max_media_size: count,
    routing: partial({ enabled: flag, light_model: text, threshold: z.number() }),
    steering_mode: z.enum(["one-at-a-time", "all"]),
    max_parallel_turns: count,
    subturn: partial({
      max_depth: count,
      max_concurrent: count,
      default_timeout_minutes: count,
      default_token_budget: count,
      concurrency_timeout_sec: count,
    }),
    tool_feedback: partial({ enabled: flag, max_args_length: count, separate_messages: flag }),
    split_on_marker: flag,
    context_manager: text,
    context_manager_config: z.record(text, z.unknown()),
    turn_profile: partial({
      enabled: flag,
      history: partial({ mode: turnMode }),
      system_prompt: partial({ mode: turnMode }),
      skills: turnList,
      tools: turnList,
    }),
    max_llm_retries: count,
    llm_retry_backoff_secs: count,
  }),
  list: z.array(
    z.strictObject({ id: z.string().min(1) }).extend(
      partial({
        default: flag,
        name: text,
        workspace: text,
        model: agentModel,
        skills: list,
        subagents: partial({ allow_agents: list, model: agentModel }),
      }).shape,
    ),
  ),
  dispatch: partial({
    rules: z.array(
      z.strictObject({
        name: text.optional(),
        agent: text,
        when: partial({ channel: text, account: text, space: text, chat: text, topic: text, sender: text, mentioned: flag }),
        session_dimensions: list.optional(),
      }),
    ),
  }),
});

const search = <Shape extends z.ZodRawShape>(shape: Shape) => partial({ enabled: flag, max_results: count, ...shape });

const tools = partial({
  allow_read_paths: list,
  allow_write_paths: list,
  filter_sensitive_data: flag,
  filter_min_length: count,
  web: partial({
    enabled: flag,
    brave: search({ api_keys: secrets }),
    tavily: search({ api_keys: secrets, base_url: text }),
    sogou: search({}),
    duckduckgo: search({}),
    gemini: search({ api_key: secret, model: text }),
    perplexity: search({ api_keys: secrets }),
    searxng: search({ base_url: text }),
    glm_search: search({ api_key: secret, base_url: text, search_engine: text }),
    baidu_search: search({ api_key: secret, base_url: text }),
    provider: text,
    prefer_native: flag,
    proxy: text,
    fetch_limit_bytes: count,
    format: text,
    private_host_whitelist: list,
  }),
  cron: partial({ enabled: flag, exec_timeout_minutes: count, allow_command: flag }),
  exec: partial({
    enabled: flag,
    enable_deny_patterns: flag,
    allow_remote: flag,
    custom_deny_patterns: list,
    custom_allow_patterns: list,
    timeout_seconds: count,
  }),
  skills: partial({
    enabled: flag,
    registries: z.record(text, partial({ enabled: flag, base_url: text, auth_token: secret, param: z.record(text, z.unknown()) })),
    github: partial({ base_url: text, token: secret, proxy: text }),
    max_concurrent_searches: count,
    search_cache: partial({ max_size: count, ttl_seconds: count }),
  }),
  media_cleanup: partial({ enabled: flag, max_age_minutes: count, interval_minutes: count }),
  mcp: partial({
    enabled: flag,
    discovery: partial({ enabled: flag, ttl: count, max_search_results: count, use_bm25: flag, use_regex: flag }),
    max_inline_text_chars: count,
    servers: z.record(
      text,
      partial({
        enabled: flag,
        deferred: flag,
        command: text,
        args: list,
        env: z.record(text, text),
        env_file: text,
        type: z.enum(["stdio", "sse", "http", "streamable-http"]),
        url: text,
        headers: z.record(text, text),
      }),
    ),
  }),
  append_file: tool,
  edit_file: tool,
  find_skills: tool,
  i2c: tool,
  install_skill: tool,
  list_dir: tool,
  load_image: tool,
  message: tool,
  read_file: partial({ enabled: flag, mode: z.enum(["bytes", "lines"]), max_read_file_size: count }),
  serial: tool,
  send_file: tool,
  send_tts: tool,
  spawn: tool,
  spawn_status: tool,
  spi: tool,
  subagent: tool,
  web_fetch: tool,
  write_file: tool,
});

const hooks = partial({
  enabled: flag,
  defaults: partial({ observer_timeout_ms: count, interceptor_timeout_ms: count, approval_timeout_ms: count }),
  builtins: z.record(text, partial({ enabled: flag, priority: z.int(), config: z.record(text, z.unknown()) })),
  processes: z.record(
    text,
    partial({
      enabled: flag,
      priority: z.int(),
      transport: text,
      command: list,
      dir: text,
      env: z.record(text, text),
      observe: list,
      intercept: list,
    }),
  ),
});

/** The whole file. `version` 3 is required: PicoClaw rewrites older versions in place. */
export const schema = z.strictObject({ version: z.literal(3) }).extend(
  partial({
    isolation: partial({
      enabled: flag,
      expose_paths: z.array(z.strictObject({ source: text, target: text.optional(), mode: z.enum(["ro", "rw"]) })),
    }),
    agents,
    session: partial({ dimensions: list, identity_links: z.record(text, list) }),
    evolution: partial({
      enabled: flag,
      mode: z.enum(["observe", "draft", "apply"]),
      state_dir: text,
      min_task_count: count,
      min_success_ratio: z.number(),
      cold_path_trigger: z.enum(["after_turn", "scheduled", "manual"]),
      cold_path_times: list,
    }),
    channel_list: partial(channels),
    model_list: z.array(model),
    gateway: partial({
      host: text,
      port: z.int().min(1).max(65535),
      hot_reload: flag,
      log_level: z.enum(["debug", "info", "warn", "error", "fatal"]),
    }),
    events: partial({
      logging: partial({
        enabled: flag,
        include: list,
        exclude: list,
        min_severity: z.enum(["debug", "info", "warn", "error"]),
        include_payload: flag,
      }),
    }),
    hooks,
    tools,
    heartbeat: partial({ enabled: flag, interval: count }),
    devices: partial({ enabled: flag, monitor_usb: flag }),
    voice: partial({ model_name: text, tts_model_name: text, echo_transcription: flag, elevenlabs_api_key: secret }),
  }).shape,
);
