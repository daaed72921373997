import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSecret, type Output, output, secret } from "@pulumi/pulumi";
import { afterEach, expect, test } from "vitest";
import { buildArgsMessage, environment, parseBases, parseBuildArgs, unknownBuildArgs } from "../../components/environment.ts";
import { optionalMessages, requiredMessage, Secrets, secretVariable } from "../../components/secrets.ts";
import { descriptor, launch } from "./sample.ts";

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

const value = async (out: Output<string> | undefined) => {
  if (out === undefined) return undefined;
  expect(await isSecret(out)).toBe(true);
  return await new Promise((resolve) => out.apply(resolve));
};
const stored = (name: string) => (name === "anthropic" ? output("from the stack") : undefined);
const nothing = () => undefined;
const modelKey = (name: string) => ({ kind: "ref", name, required: false, path: [] }) as const;
const token = (name: string) => ({ kind: "ref", name, required: true, path: [] }) as const;

test("the stack's config comes first, then the named variable, then the provider's usual one", async () => {
  const env = { CLAWFLEET_SECRET_ANTHROPIC: "named", ANTHROPIC_API_KEY: "usual" };
  expect(await value(new Secrets(stored, undefined, env).find(modelKey("anthropic"), "ada"))).toBe("from the stack");
  expect(await value(new Secrets(nothing, undefined, env).find(modelKey("anthropic"), "ada"))).toBe("named");
  expect(await value(new Secrets(nothing, undefined, { ANTHROPIC_API_KEY: "usual" }).find(modelKey("anthropic"), "ada"))).toBe("usual");
  expect(await value(new Secrets(nothing, undefined, { ANTHROPIC_API_KEY: "" }).find(modelKey("anthropic"), "ada"))).toBeUndefined();
});

test("providers with several usual variables have an order; a name with dashes is a variable with underscores", async () => {
  const env = { GEMINI_API_KEY: "g1", GOOGLE_API_KEY: "g2", CLAWFLEET_SECRET_TEAM_KEY_2: "t" };
  const secrets = new Secrets(nothing, undefined, env);
  expect(await value(secrets.find(modelKey("gemini"), "ada"))).toBe("g1");
  expect(await value(secrets.find(modelKey("google"), "ada"))).toBe("g2");
  expect(secretVariable("team-key.2")).toBe("CLAWFLEET_SECRET_TEAM_KEY_2");
  expect(await value(secrets.find(token("team-key.2"), "ada"))).toBe("t");
});

test("a channel's token is never taken from a variable that only looks like it", () => {
  expect(new Secrets(nothing, undefined, { TELEGRAM_API_KEY: "x" }).find(token("telegram"), "ada")).toBeUndefined();
});

test("the environment wins over .env", () => {
  const dir = mkdtempSync(join(tmpdir(), "clawfleet-secrets-"));
  dirs.push(dir);
  expect(environment(dir, { A: "1" })).toEqual({ A: "1" });
  writeFileSync(join(dir, ".env"), "A=file\nB='quoted value'\n# C=no\n");
  expect(environment(dir, { A: "1" })).toEqual({ A: "1", B: "quoted value" });
});

test("a gateway token is the claw's own, stable, and needs the stack's seed", async () => {
  const expected = (seed: string, claw: string) => createHmac("sha256", seed).update(`gateway-token:${claw}`).digest("hex");
  const secrets = new Secrets(nothing, secret("seed"), { CLAWFLEET_TOKEN_SEED: "other" });
  expect(await value(secrets.find({ kind: "gateway-token" }, "ada"))).toBe(expected("seed", "ada"));
  expect(await value(secrets.find({ kind: "gateway-token" }, "bob"))).toBe(expected("seed", "bob"));
  const fromEnv = new Secrets(nothing, undefined, { CLAWFLEET_TOKEN_SEED: "other" });
  expect(await value(fromEnv.find({ kind: "gateway-token" }, "ada"))).toBe(expected("other", "ada"));
  expect(() => new Secrets(nothing, undefined, {}).find({ kind: "gateway-token" }, "ada")).toThrow(
    "pulumi config set --secret clawfleet:tokenSeed",
  );
});

test("a runtime that compares hashes is given the token's SHA-256, as secret as the token itself", async () => {
  const token = createHmac("sha256", "seed").update("gateway-token:ada").digest("hex");
  const hash = createHash("sha256").update(Buffer.from(token, "utf8")).digest("hex");
  const secrets = new Secrets(nothing, secret("seed"), {});
  expect(await value(secrets.find({ kind: "gateway-token", hash: "sha256" }, "ada"))).toBe(hash);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(() => new Secrets(nothing, undefined, {}).find({ kind: "gateway-token", hash: "sha256" }, "ada")).toThrow("tokenSeed");
});

test("a secret that a runtime's own settings name is missed like any other, and no provider's variable stands in for it", () => {
  const url = { kind: "ref", name: "claw-db", required: true, path: ["agent", 3, "extras", "storage", "url_ref"] } as const;
  const secrets = new Secrets(nothing, secret("seed"), { CLAW_DB_API_KEY: "postgres://ada:no@db/claws" });
  const missing = secrets.missing([launch({ secretEnv: { DATABASE_URL: url } })]);
  expect(missing).toEqual([{ claw: "ada", name: "claw-db", required: true, path: url.path }]);
  expect(missing.map(requiredMessage)).toEqual([
    'no value for the secret "claw-db" of claw "ada": pulumi config set --secret secrets:claw-db (or CLAWFLEET_SECRET_CLAW_DB in the environment or in .env)',
  ]);
});

test("missing secrets are named with the command that sets them, never with a value", () => {
  const secretEnv = { KEY: modelKey("anthropic"), BOT: token("bot-token"), T: { kind: "gateway-token" } as const };
  const secrets = new Secrets(nothing, secret("seed"), { OPENAI_API_KEY: "sk-not-to-be-seen" });
  const missing = secrets.missing([launch({ secretEnv }), launch({ claw: "bob", secretEnv: { KEY: modelKey("anthropic") } })]);
  expect(optionalMessages(missing.filter(({ required }) => !required))).toEqual([
    'no value for "anthropic": ada, bob without it. pulumi config set --secret secrets:anthropic (or CLAWFLEET_SECRET_ANTHROPIC in the environment or in .env)',
  ]);
  expect(missing.filter(({ required }) => required).map(requiredMessage)).toEqual([
    'no value for the secret "bot-token" of claw "ada": pulumi config set --secret secrets:bot-token (or CLAWFLEET_SECRET_BOT_TOKEN in the environment or in .env)',
  ]);
});

test("base images are read from a JSON object of strings, and nothing else", () => {
  for (const text of [undefined, "", "{}"]) expect(parseBases(text)).toEqual({});
  expect(parseBases('{"DEBIAN":"x"}')).toEqual({ DEBIAN: "x" });
  for (const text of ["{", "[]", '{"DEBIAN":1}', "null"]) expect(parseBases(text), text).toBeUndefined();
});

test("build arguments are read from a JSON object of runtimes, and nothing else", () => {
  for (const text of [undefined, "", "{}"]) expect(parseBuildArgs(text)).toEqual({});
  expect(parseBuildArgs('{"picoclaw":{"VERSION":"2"}}')).toEqual({ picoclaw: { VERSION: "2" } });
  for (const text of ["{", "[]", "null", '{"picoclaw":"2"}', '{"picoclaw":["2"]}', '{"picoclaw":{"VERSION":2}}'])
    expect(parseBuildArgs(text), text).toBeUndefined();
  // The message's own example is one.
  expect(parseBuildArgs(buildArgsMessage.slice(buildArgsMessage.indexOf("{")))).toHaveProperty("nullclaw.REPO");
});

test("a build argument that no image has is an error, and so is one of a runtime that there is not", () => {
  const names = ["openclaw", "picoclaw"];
  const unknown = (args: object) => unknownBuildArgs(parseBuildArgs(JSON.stringify(args)) ?? {}, names, [descriptor, descriptor]);
  expect(unknown({ picoclaw: { VERSION: "2" }, openclaw: { ANY: "not looked at" } })).toEqual([]);
  expect(unknown({ picoclaw: { VERSIN: "2", constructor: "x" }, pico: {} })).toEqual([
    'CLAWFLEET_BUILD_ARGS: there is no runtime "pico"; did you mean "picoclaw"?',
    'CLAWFLEET_BUILD_ARGS: the image of picoclaw has no build argument "VERSIN"; did you mean "VERSION"?',
    'CLAWFLEET_BUILD_ARGS: the image of picoclaw has no build argument "constructor"; it has VERSION',
  ]);
});
