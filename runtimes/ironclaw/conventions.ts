/** Where IronClaw listens inside its container; the entrypoint's front, which others reach, is on the descriptor's port. */
export const UPSTREAM_PORT = 9091;

/** IronClaw's tenant, user and agent: a claw has one of each. Their names are part of paths on its volume. */
export const WHO = "claw";

/** Where its configuration says that the keys are: variables, as it takes no secret in a file. */
export const KEY_ENV = "IRONCLAW_LLM_API_KEY";
export const POSTGRES_URL_ENV = "IRONCLAW_REBORN_POSTGRES_URL";
export const MASTER_KEY_ENV = "IRONCLAW_REBORN_SECRET_MASTER_KEY";
