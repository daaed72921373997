/**
 * PicoClaw's own configuration, `config.json` version 3, as PicoClaw v0.2.9 reads it (pkg/config of its Go module). Every object is strict:
 * PicoClaw refuses unknown keys too, but only once it runs. A contract test feeds every key of this schema to the real program, and PicoClaw's
 * own default configuration to this schema.
 */
import { z } from "zod";
import { agents } from "./native/agents.ts";
import { channels } from "./native/channels.ts";
import { count, flag, list, partial, secret, secrets, text } from "./native/common.ts";
import { tools } from "./native/tools.ts";

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
