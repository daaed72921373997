import { z } from "zod";
import { count, flag, list, partial, text } from "./common.ts";

const agentModel = z.union([text, partial({ primary: text, fallbacks: list })]);
const turnMode = z.enum(["default", "off"]);
const turnList = partial({ mode: z.enum(["default", "off", "custom"]), allow: list });

export const agents = partial({
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
