import { expect, test } from "vitest";
import { keyKind, keysInText, keysInValues } from "../../fleet/keys.ts";
import { quote } from "../../fleet/problems.ts";

/** Put together from parts, so that no scanner takes this file for a leak. */
const key = (...parts: string[]) => parts.join("");
const x = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3";

test.each([
  ["an API key", key("sk-", "ant-api03-", x)],
  ["an API key", key("sk-", "or-v1-", "0123456789abcdef".repeat(4))],
  ["an API key", key("sk-", x)],
  ["an API key", key("gsk_", x)],
  ["a Slack token", key("xox", "b-1234567890-", x)],
  ["a Slack token", key("xapp", "-1-A0123-", x)],
  ["a GitHub token", key("gh", "p_", x)],
  ["a GitHub token", key("github_", "pat_", x)],
  ["a GitLab token", key("glpat", "-", x.slice(0, 20))],
  ["an AWS access key", key("AKI", "AIOSFODNN7EXAMPLE")],
  ["a Google API key", key("AIz", "a", x.slice(0, 35))],
  ["a Telegram bot token", key("123456", ":AA", x)],
  ["a bot token", key("1234567890", ":B", x)],
  ["a Discord bot token", key("MTIzNDU2Nzg5MDEyMzQ1Njc4", ".Gabcde.", x)],
  ["a signed token", key("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0In0.", "c2ln")],
  ["a private key", key("-----BEGIN ", "OPENSSH PRIVATE KEY", "-----")],
  ["a password in a URL", key("postgres://ada:", "hunter2", "@db/claws")],
  ["a key", x],
  ["a key", "0123456789abcdef0f1e2d3c4b5a6978"],
])("%s is seen, alone and inside a text, and never shown", (kind, value) => {
  expect(keyKind(value)).toBe(kind);
  expect(quote(value)).toBe('"<redacted>"');
  if (kind !== "a key") {
    expect(keysInText(`a = 1\n# see ${value} there`)).toEqual([{ kind, line: 2, column: 7 }]);
    expect(keysInValues({ a: [value] }, `"${value}"`)).toEqual([{ kind, path: ["a", 0], inText: true }]);
  }
});

test.each([
  "anthropic",
  "ada-telegram",
  "secret/openai",
  "claude-sonnet-4-6",
  "anthropic/claude-3-5-sonnet-20241022",
  "accounts/fireworks/models/llama-v3p1-405b-instruct",
  "us.anthropic.claude-sonnet-4-20250514-v1:0",
  "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M",
  "sk-learn-and-other-long-names",
  "task-1234567890123456789",
  "123456789012345678901234567890",
  "thisIsALongSettingNameWithoutDigits",
  "550e8400-e29b-41d4-a716-446655440000",
  "ghcr.io/example/claw@sha256:0123456789abcdef0123456789abcdef",
  "https://llm.example.org:8443/v1/",
  "meet ada@example.org: at 10:30",
  "*/5 0-6,22 1-31/2 * 1-5",
])("%s is no key", (value) => {
  expect(keyKind(value)).toBeUndefined();
  expect(keysInText(value)).toEqual([]);
});

test("public identifiers may look random where the setting's name says that they are", () => {
  expect(keysInValues({ allow_from: [x], guild_id: x, sha256: x, security: { allowlist: [x] } }, "")).toEqual([]);
  expect(keysInValues({ password: x }, "")).toEqual([{ kind: "a key", path: ["password"], inText: false }]);
});

test("two keys on one line are two findings, one key of two forms is one", () => {
  const slack = key("xox", "b-1234567890-abcdef");
  expect(keysInText(`${slack} ${slack}`).map((found) => found.column)).toEqual([1, slack.length + 2]);
  expect(keysInText(key("123456789", ":AA", x))).toHaveLength(1);
});
