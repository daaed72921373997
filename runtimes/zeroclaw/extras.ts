import { CLAWFLEETS, type Rules } from "../extras.ts";
import { ALIAS, FIXED } from "./conventions.ts";
import { schema } from "./native.ts";

const agent = ["agents", ALIAS];
const model = ["providers", "models", "*", ALIAS];
const channel = ["channels", "*", ALIAS];

/** ZeroClaw's keys in native.ts but those that the fleet file says in its own words, also where it does not say them. */
export const EXTRAS: Rules = {
  title: "ZeroClaw",
  schema,
  owned: [
    ...[["schema_version"], [...agent, "enabled"], [...agent, "risk_profile"], [...agent, "runtime_profile"]].map((native) => ({
      native,
      why: CLAWFLEETS,
    })),
    ...FIXED.map(([native]) => ({ native, why: CLAWFLEETS })),
    { native: [...agent, "model_provider"], why: "is the model's provider; write it as [agent.model] provider" },
    { native: ["gateway", "paired_tokens"], why: "is the claw's gateway token; remove it" },
    { native: [...model, "model"], why: "is the model's name; write it as [agent.model] name" },
    { native: [...model, "uri"], why: "is the model's address; write it as [agent.model] base_url" },
    { native: [...model, "api_key"], why: "is the model's key; write its name as [agent.model] api_key_ref" },
    { native: [...channel, "enabled"], why: "is a channel; write it as [[agent.channels]]" },
    { native: [...channel, "bot_token"], why: "is a channel's token; write its name as token_ref in [[agent.channels]]" },
    { native: [...channel, "app_token"], why: "is a channel's token; write its name as app_token_ref in [[agent.channels]]" },
    { native: ["runtime_profiles", ALIAS, "max_history_messages"], why: "is the history; write it as [agent.memory] max_history" },
  ],
  tables: false,
  entries: false,
};
