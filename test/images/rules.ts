/** What must not be in an image, as rules on the files of its layers and the words of its description. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canary } from "../../cli/images/build.ts";
import { type Entry, hidden, type Layer, merged, type Needle } from "./scan.ts";

export interface Finding {
  readonly rule: string;
  /** A path in the image, or what of its description is meant. */
  readonly where: string;
}

/** What a private key, or a token of a service, looks like. */
const shapes: readonly Needle[] = [
  { name: "a private key", text: "-----BEGIN ", pattern: /^-----BEGIN [A-Z ]*PRIVATE KEY-----(\\n|\s)+[A-Za-z0-9+/]{40}/ },
  { name: "an npm token", text: "npm_", pattern: /^npm_[A-Za-z0-9]{36}\b/ },
  { name: "a GitHub token", text: "ghp_", pattern: /^ghp_[A-Za-z0-9]{36}\b/ },
  { name: "a GitHub token", text: "github_pat_", pattern: /^github_pat_[A-Za-z0-9_]{60}/ },
  { name: "an Anthropic key", text: "sk-ant-", pattern: /^sk-ant-api\d\d-[A-Za-z0-9_-]{80}/ },
  { name: "a Slack token", text: "xoxb-", pattern: /^xoxb-\d{10,}-\d{10,}-[A-Za-z0-9]{20}/ },
];

/** What the clients say where nothing is configured: no secret, and in images anyway. */
function ordinary(): ReadonlySet<string> {
  const home = mkdtempSync(join(tmpdir(), "clawfleet-unset-"));
  try {
    // Else a child of Go's goes on writing there when all is removed.
    mkdirSync(join(home, ".config/go/telemetry"), { recursive: true });
    writeFileSync(join(home, ".config/go/telemetry/mode"), "off");
    const env = { PATH: process.env.PATH, HOME: home, GOENV: "off", GOTOOLCHAIN: "local", npm_config_globalconfig: join(home, "none") };
    const ask = (command: string, ...args: string[]) =>
      execFileSync(command, args, { env, cwd: home, encoding: "utf8" }).trim().split("\n");
    const npm = ask("npm", "config", "get", "registry");
    return new Set([...npm, ...npm.map((address) => address.replace(/\/$/, "")), ...ask("go", "env", "GOPROXY", "GOSUMDB")]);
  } finally {
    // npm may still be at its log.
    rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

let known: ReadonlySet<string> | undefined;

/** The build's secrets, each as something to look for: the canary, and what this machine's settings hold. */
export function buildNeedles(env: NodeJS.ProcessEnv = process.env): Needle[] {
  known ??= ordinary();
  const settings = ["CLAWFLEET_BUILD_ENV", "CLAWFLEET_BUILD_NPMRC", "CLAWFLEET_BUILD_CARGO"].flatMap((variable) =>
    (env[variable] ?? "").split("\n").flatMap((line) => {
      const [, value = ""] = /=\s*['"]?(.*?)['"]?\s*$/.exec(line) ?? [];
      return value.length < 10 || known?.has(value) ? [] : [{ name: `a value of ${variable}`, text: value }];
    }),
  );
  // The first whole line of a certificate differs from others' only further on: take one in its middle.
  const certificates = (env.CLAWFLEET_BUILD_CA ?? "").split("-----END CERTIFICATE-----").flatMap((pem) => {
    const lines = pem.split("\n").filter((line) => /^[A-Za-z0-9+/]{60,}$/.test(line));
    const text = lines[Math.floor(lines.length / 2)];
    return text === undefined ? [] : [{ name: "a certificate of CLAWFLEET_BUILD_CA", text }];
  });
  return [{ name: "the canary", text: canary }, ...settings, ...certificates];
}

export const needles = (): Needle[] => [...buildNeedles(), ...shapes];

const compiler =
  /(^|\/)((x86_64|aarch64)-linux-gnu-)?(cc|c\+\+|gcc|g\+\+|cpp|clang|clang\+\+|tcc|ld|ld\.bfd|ld\.gold|lld|as|go|gofmt|rustc|cargo|rustup|zig|tsc|esbuild|swc|make|cmake|ninja|javac|ghc)(-\d+(\.\d+)?)?$/;
const compilerPackage = /(^|\/)node_modules\/(typescript|esbuild|@esbuild\/[^/]+|@swc\/[^/]+|node-gyp)\/package\.json$/;

const caches = [
  /^var\/lib\/apt\/lists\/./,
  /^var\/cache\/apt\/./,
  /^(root|home\/[^/]+)\/(\.npm|\.cache|\.cargo|\.rustup|\.yarn|\.pnpm-store|\.bun|go)\/./,
  /(^|\/)(_cacache|pkg\/mod|pnpm\/store|node_modules\/\.cache|cargo\/registry|__pycache__)\//,
  /^(tmp|var\/tmp)\/./,
];

const secretFiles = [
  /(^|\/)(\.npmrc|\.yarnrc\.yml|\.netrc|\.pypirc|\.git-credentials|\.dockercfg|id_rsa|id_ed25519|id_ecdsa)$/,
  /(^|\/)\.env(\.[^/]*)?$/,
  /(^|\/)\.(docker\/config\.json|cargo\/(config|credentials)(\.toml)?|aws\/credentials|git\/config)$/,
  /^run\/secrets\/./,
];

const isFile = ({ type }: Entry) => type === "file" || type === "contiguous-file" || type === "link";
const executable = (entry: Entry) => (isFile(entry) && (entry.mode & 0o111) !== 0) || entry.type === "symlink";

/** What is wrong with a file, in whatever layer it is. */
function ofEntry(entry: Entry): string[] {
  const { path, type, mode } = entry;
  const found: string[] = [];
  const writable = type !== "symlink" && (mode & 0o002) !== 0;
  if (writable && (type !== "directory" || (mode & 0o1000) === 0)) found.push("writable by everybody");
  if ((compiler.test(path) && executable(entry)) || compilerPackage.test(path)) found.push("a compiler");
  if (type !== "directory" && caches.some((cache) => cache.test(path))) found.push("a cache, or left behind");
  if (type !== "directory" && secretFiles.some((secret) => secret.test(path))) found.push("a file for secrets");
  return found;
}

const setuid = (entry: Entry) => isFile(entry) && (entry.mode & 0o6000) !== 0;

/**
 * All that is wrong with an image's files. What a later layer removes or replaces counts too: it can be read from the layer before. Except
 * setuid bits in the first layer, which is Debian's: no process of a container gets at a file that a later layer replaces.
 */
export function findings(layers: readonly Layer[]): Finding[] {
  const found: Finding[] = [];
  const earlier = new Set<string>();
  for (const [i, layer] of layers.entries()) {
    for (const entry of layer.entries) {
      for (const rule of ofEntry(entry)) found.push({ rule, where: entry.path });
      if (i > 0 && setuid(entry)) found.push({ rule: "setuid", where: entry.path });
      if (hidden(entry).some((path) => earlier.has(path))) found.push({ rule: "removed in a later layer", where: entry.path });
    }
    for (const { path, needle } of layer.hits) found.push({ rule: needle, where: path });
    if (i > 0) for (const { path } of layer.entries) earlier.add(path);
  }
  for (const entry of merged(layers)) if (setuid(entry)) found.push({ rule: "setuid", where: entry.path });
  return [...new Map(found.map((finding) => [`${finding.rule} ${finding.where}`, finding])).values()];
}
