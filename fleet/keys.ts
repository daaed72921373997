import type { Path } from "./types.ts";

/**
 * Values that are keys rather than names of keys, by the form that their issuers give them. Broad on purpose: a fleet file is
 * committed and promoted from stack to stack, so a key in it has leaked.
 */
const KINDS: readonly (readonly [string, RegExp])[] = [
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY/],
  ["an API key", /(?<![A-Za-z0-9])(?:sk|pk|rk)-(?=[\w-]{0,99}\d)[\w-]{16,}/],
  ["a Slack token", /(?<![A-Za-z0-9])(?:xox[a-z]-|xapp-)[\w-]{8,}/],
  ["a GitHub token", /(?<![A-Za-z0-9])(?:gh[opsur]_|github_pat_)\w{16,}/],
  ["a GitLab token", /(?<![A-Za-z0-9])glpat-[\w-]{16,}/],
  ["an AWS access key", /(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])/],
  ["a Google API key", /(?<![A-Za-z0-9])AIza[\w-]{30,}/],
  ["an API key", /(?<![A-Za-z0-9])(?:gsk_|hf_|r8_|npm_|nvapi-|pplx-|tvly-|xai-)(?=[\w-]{0,99}\d)[\w-]{20,}/],
  ["a Telegram bot token", /(?<!\d)\d{5,12}:AA[\w-]{8,}/],
  ["a bot token", /(?<!\d)\d{6,12}:[\w-]{30,}/],
  ["a Discord bot token", /(?<![\w-])[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}/],
  ["a signed token", /(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\./],
  ["a password in a URL", /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'#]+:[^\s/@"'#]+@/],
];

const ANY = new RegExp(KINDS.map(([, form]) => form.source).join("|"));

/** Keys of settings whose values are public identifiers or digests, which look as random as keys do. */
const PUBLIC = /allow|from|user|peer|member|digest|hash|sha\d*|checksum|commit|fingerprint|ids?$/i;

/** What kind of key a text is or contains (`"a Slack token"`), or undefined. Random-looking text counts when it is one long word. */
export function keyKind(text: string): string | undefined {
  return knownKey(text)?.kind ?? (looksRandom(text) ? "a key" : undefined);
}

function knownKey(text: string): { kind: string; match: string } | undefined {
  if (!ANY.test(text)) return undefined;
  for (const [kind, form] of KINDS) {
    const match = form.exec(text)?.[0];
    if (match) return { kind, match };
  }
  return undefined;
}

/** One word with a run of at least 24 letters and digits that change class as often as only generated text does. */
function looksRandom(text: string): boolean {
  if (text.length > 512 || /\s/.test(text) || /^sha\d+[:-]/.test(text)) return false;
  return (text.match(/[A-Za-z0-9]{24,}/g) ?? []).some((run) => {
    const classes = Array.from(run, (c) => (c >= "0" && c <= "9" ? "0" : c >= "a" ? "a" : "A"));
    const changes = classes.filter((c, i) => i > 0 && c !== classes[i - 1]).length;
    return classes.includes("0") && classes.some((c) => c !== "0") && changes * 4 > run.length;
  });
}

/** Keys of a known form anywhere in the text, comments included: what kind, and where. */
export function keysInText(text: string): { kind: string; line: number; column: number }[] {
  if (!ANY.test(text)) return [];
  return text.split("\n").flatMap((line, i) => {
    if (!ANY.test(line)) return [];
    const found = KINDS.flatMap(([kind, form]) => [...line.matchAll(new RegExp(form, "g"))].map((match) => ({ kind, match })));
    found.sort((a, b) => a.match.index - b.match.index || b.match[0].length - a.match[0].length);
    let end = 0;
    return found.flatMap(({ kind, match }) => {
      if (match.index < end) return [];
      end = match.index + match[0].length;
      return [{ kind, line: i + 1, column: match.index + 1 }];
    });
  });
}

/**
 * Values of a parsed file that are keys. `inText` says that `keysInText` finds this one too; the others are random-looking, or written
 * with escapes.
 */
export function keysInValues(value: unknown, text: string, path: Path = []): { kind: string; path: Path; inText: boolean }[] {
  if (typeof value === "string") {
    const known = knownKey(value);
    if (known) return [{ kind: known.kind, path, inText: text.includes(known.match) }];
    const setting = path.findLast((part) => typeof part === "string");
    return looksRandom(value) && !PUBLIC.test(String(setting)) ? [{ kind: "a key", path, inText: false }] : [];
  }
  if (typeof value !== "object" || value === null || path.length > 40) return [];
  const parts: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return parts.flatMap(([key, part]) => keysInValues(part, text, [...path, key]));
}
