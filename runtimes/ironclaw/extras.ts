import type { Claw, Json, Path } from "../../fleet/types.ts";
import { addExtras as add, CLAWFLEETS, type Rules } from "../extras.ts";
import type { Report } from "../runtime.ts";
import type { NativePath, Settings } from "../settings.ts";
import { MASTER_KEY_ENV, POSTGRES_URL_ENV } from "./conventions.ts";
import { schema } from "./native.ts";

const why = (sentence: string, ...paths: NativePath[]) => paths.map((native) => ({ native, why: sentence }));

/** IronClaw's keys but those that the fleet file says in its own words, also where it does not say them. */
const RULES: Rules = {
  title: "IronClaw",
  schema,
  owned: [
    ...why(CLAWFLEETS, ["api_version"], ["identity", "tenant"], ["identity", "default_owner"], ["identity", "default_agent"]),
    ...why(CLAWFLEETS, ["webui", "listen_host"], ["webui", "listen_port"], ["webui", "env_token_var"], ["webui", "env_user_id_var"]),
    ...why("follows from security.sandboxed, security.profile and extras.storage; remove it", ["boot", "profile"]),
    ...why("is the model; write it as [agent.model]", ["llm", "default"]),
    ...why(
      "is read by no profile that a claw can have, and IronClaw does not start with it; remove it",
      ["policy"],
      ["drivers"],
      ["harness"],
    ),
  ],
  tables: true,
  entries: false,
};

/** Keys that name a variable with a secret in IronClaw, and a secret of the stack in a fleet file. */
const VARIABLES: { readonly [key: string]: string } = { url_env: POSTGRES_URL_ENV, secret_master_key_env: MASTER_KEY_ENV };

/** Whether the claw keeps its data in a Postgres database. */
export function usesPostgres(claw: Claw): boolean {
  return claw.extras.storage !== undefined;
}

/** As every runtime's; but where IronClaw wants the name of a variable, a fleet file has `"secret:<name>"`, whose value goes into a variable of ours. */
export function addExtras(claw: Claw, settings: Settings, report: Report): void {
  const root: Path = [...claw.path, "extras"];
  const { storage, llm, ...rest } = claw.extras;
  const extras: { [key: string]: Json } = { ...rest };
  if (storage !== undefined) extras.storage = isTable(storage) ? addStorage(storage, [...root, "storage"], settings, report) : storage;
  if (llm !== undefined) extras.llm = isTable(llm) ? addSlots(llm, [...root, "llm"], settings, report) : llm;
  add({ ...claw, extras }, settings, RULES, report);
}

/** Both secrets are needed: the key to everything that IronClaw keeps encrypted in the database must not go with the volume. */
function addStorage(storage: Table, from: Path, settings: Settings, report: Report): Json {
  const rest: Table = { backend: "postgres", ...storage };
  for (const [key, variable] of Object.entries(VARIABLES)) {
    const value = storage[key];
    if (value === undefined) report(from, `with Postgres, IronClaw needs ${key} = "secret:<name>"`);
    const name = value === undefined ? undefined : secretName(value, [...from, key], report);
    if (name === undefined) continue;
    settings.secretEnv(variable, { kind: "ref", name, required: true, path: [...from, key] });
    rest[key] = variable;
  }
  return rest;
}

/** Model slots beside the default one. */
function addSlots(slots: Table, from: Path, settings: Settings, report: Report): Json {
  return Object.fromEntries(
    Object.entries(slots).map(([slot, selection]): [string, Json] => {
      if (slot === "default" || !isTable(selection) || selection.api_key_env === undefined) return [slot, selection];
      const path = [...from, slot, "api_key_env"];
      const name = secretName(selection.api_key_env, path, report);
      if (name === undefined) return [slot, selection];
      const variable = `IRONCLAW_LLM_${slot.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}_API_KEY`;
      settings.secretEnv(variable, { kind: "ref", name, required: false, path });
      return [slot, { ...selection, api_key_env: variable }];
    }),
  );
}

function secretName(value: Json, path: Path, report: Report): string | undefined {
  const name = typeof value === "string" ? /^secret:(.+)$/.exec(value)?.[1] : undefined;
  if (name === undefined) report(path, 'here a fleet file has the name of a secret, and not of a variable: "secret:<name>"');
  return name;
}

interface Table {
  [key: string]: Json;
}

function isTable(value: Json): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
