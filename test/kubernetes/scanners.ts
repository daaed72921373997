/** What scanners of others say of manifests. All checks that they have are on; what may be found is in policy/exceptions/. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { schemaLocation } from "./schemas.ts";

const root = join(import.meta.dirname, "../..");

export interface Finding {
  readonly check: string;
  /** `StatefulSet/ada` */
  readonly object: string;
  /** In the scanner's words. */
  readonly message: string;
}

/** Path of a scanner; it is built the first time, for minutes. */
export async function scannerPath(name: string): Promise<string> {
  return (await run(join(root, "engine/scan-tool.sh"), [name], process.env)).trim();
}

/** The checks that judge what is good, by scanner. Each takes a file of manifests. */
export const judges = { "kube-linter": kubeLinter, "kube-score": kubeScore, polaris } as const;
export type Judge = keyof typeof judges;

const LinterReport = z.object({
  Reports: z
    .array(
      z.object({
        Check: z.string(),
        Diagnostic: z.object({ Message: z.string() }),
        Object: z.object({ K8sObject: z.object({ Name: z.string(), GroupVersionKind: z.object({ Kind: z.string() }) }) }),
      }),
    )
    .nullable(),
});

/** @see https://docs.kubelinter.io/ */
async function kubeLinter(file: string): Promise<Finding[]> {
  const off = (await exceptionsOf("kube-linter")).off.map(({ check }) => check);
  const args = ["lint", "--add-all-built-in", `--exclude=${off}`, "--fail-if-no-objects-found", "--format=json", file];
  const { Reports } = LinterReport.parse(JSON.parse(await scan("kube-linter", args)));
  return (Reports ?? []).map(({ Check, Diagnostic, Object: { K8sObject } }) => ({
    check: Check,
    object: `${K8sObject.GroupVersionKind.Kind}/${K8sObject.Name}`,
    message: Diagnostic.Message,
  }));
}

/** Names of the checks that kube-linter has. */
export async function linterChecks(): Promise<string[]> {
  const checks = JSON.parse(await scan("kube-linter", ["checks", "list", "--format=json"]));
  return z
    .array(z.object({ name: z.string() }))
    .parse(checks)
    .map(({ name }) => name);
}

const ScoreReport = z.array(
  z.object({
    type_meta: z.object({ kind: z.string() }),
    object_meta: z.object({ name: z.string() }),
    checks: z.array(
      z.object({
        check: z.object({ id: z.string() }),
        grade: z.number(),
        skipped: z.boolean(),
        comments: z.array(z.object({ summary: z.string() })).nullable(),
      }),
    ),
  }),
);
const PERFECT = 10;

/** @see https://github.com/zegl/kube-score/blob/master/README_CHECKS.md */
async function kubeScore(file: string): Promise<Finding[]> {
  const args = ["--all-default-optional", "--disable-ignore-checks-annotations", "--kubernetes-version=v1.34", "--output-format=json"];
  return ScoreReport.parse(JSON.parse(await scan("kube-score", ["score", ...args, file]))).flatMap(({ type_meta, object_meta, checks }) =>
    checks
      .filter(({ grade, skipped }) => !skipped && grade < PERFECT)
      .map(({ check, comments }) => ({
        check: check.id,
        object: `${type_meta.kind}/${object_meta.name}`,
        message: (comments ?? []).map(({ summary }) => summary).join("; "),
      })),
  );
}

const PolarisChecks = z.record(z.string(), z.object({ Success: z.boolean(), Message: z.string() })).nullish();
const PolarisReport = z.object({
  Results: z.array(
    z.object({
      Name: z.string(),
      Kind: z.string(),
      Results: PolarisChecks,
      PodResult: z.object({ Results: PolarisChecks, ContainerResults: z.array(z.object({ Results: PolarisChecks })) }).nullish(),
    }),
  ),
});

/** Its own configuration has all checks at "warning" or "danger". @see https://polaris.docs.fairwinds.com/ */
async function polaris(file: string): Promise<Finding[]> {
  const report = await scan("polaris", ["audit", "--audit-path", file, "--disallow-exemptions", "--format=json"]);
  return PolarisReport.parse(JSON.parse(report)).Results.flatMap(({ Name, Kind, Results, PodResult }) =>
    [Results, PodResult?.Results, ...(PodResult?.ContainerResults ?? []).map((container) => container.Results)]
      .flatMap((results) => Object.entries(results ?? {}))
      .filter(([, { Success }]) => !Success)
      .map(([check, { Message }]) => ({ check, object: `${Kind}/${Name}`, message: Message })),
  );
}

const ConformReport = z.object({
  resources: z.array(z.object({ kind: z.string(), name: z.string(), status: z.string(), msg: z.string() })).nullish(),
  summary: z.object({ valid: z.number() }),
});

/**
 * What of a file's objects does not fit the schemas in a folder (see `writeSchemas`), and how many fit.
 *
 * @see https://github.com/yannh/kubeconform
 */
export async function kubeconform(file: string, schemas: string): Promise<{ readonly valid: number; readonly wrong: Finding[] }> {
  const args = ["-strict", "-summary", "-output=json", "-schema-location", schemaLocation(schemas), file];
  const { resources, summary } = ConformReport.parse(JSON.parse(await scan("kubeconform", args)));
  const wrong = (resources ?? []).map(({ kind, name, status, msg }) => ({ check: status, object: `${kind}/${name}`, message: msg }));
  return { valid: summary.valid, wrong };
}

const Reason = z.string().min(30);
export const Exceptions = z.strictObject({
  /** Checks that are not run at all. */
  off: z.array(z.strictObject({ check: z.string(), reason: Reason })).default([]),
  /** What may be found: by check and kind of the object, and where that would be too much by its name and a part of what the scanner says. */
  accepted: z.array(
    z.strictObject({ check: z.string(), kind: z.string(), name: z.string().optional(), says: z.string().optional(), reason: Reason }),
  ),
});
export type Exceptions = z.infer<typeof Exceptions>;

/** @throws ZodError when an entry has no reason */
export async function exceptionsOf(judge: Judge): Promise<Exceptions> {
  return Exceptions.parse(parse(await readFile(join(root, "policy/exceptions", `${judge}.yaml`), "utf8")));
}

/** Splits findings into those that nobody has accepted, and the entries that accept something that was found. */
export function judged(findings: readonly Finding[], { accepted }: Exceptions) {
  const used = new Set<Exceptions["accepted"][number]>();
  const open = findings.filter((finding) => {
    const entries = accepted.filter((entry) => accepts(entry, finding));
    for (const entry of entries) used.add(entry);
    return entries.length === 0;
  });
  return { open, unused: accepted.filter((entry) => !used.has(entry)) };
}

function accepts({ check, kind, name, says = "" }: Exceptions["accepted"][number], finding: Finding): boolean {
  const [foundKind, foundName] = finding.object.split("/");
  return check === finding.check && kind === foundKind && (name ?? foundName) === foundName && finding.message.includes(says);
}

/** What a scanner prints; it ends with 1 when it finds something. */
async function scan(name: string, args: readonly string[]): Promise<string> {
  const { PATH, HOME } = process.env;
  return await run(await scannerPath(name), args, { PATH, HOME }, 1);
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, mayEndWith = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, [...args], { env, timeout: 900_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null || (error.code === mayEndWith && stdout !== "")) resolve(stdout);
      else reject(new Error(`${command} ended with ${error.code}:\n${stderr || stdout}`, { cause: error }));
    });
  });
}
