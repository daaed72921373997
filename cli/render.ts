import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildContext, dockerfileOf } from "../components/build.ts";
import { contextHash } from "../components/context.ts";
import { environment } from "../components/environment.ts";
import { refuseOnKubernetes } from "../components/kubernetes/refused.ts";
import { launchesOf } from "../runtimes/launch.ts";
import type { Descriptor, Launch } from "../runtimes/runtime.ts";
import { UserError } from "./errors.ts";
import type { SecretsFrom, WantedSecret } from "./kubernetes/render.ts";
import { typed } from "./next.ts";
import { type State, showPulumi } from "./pulumi.ts";
import { fromRoot, root } from "./root.ts";
import { Stack } from "./stack.ts";
import { note, say } from "./terminal.ts";

const usage = `clawfleet render STACK [--out DIR] [options]

Writes what \`clawfleet up\` makes on Kubernetes as plain manifests, for Argo CD, Flux or kubectl: one object a file, images by
digest, no secret's value. Without --out, all go to stdout.

  --secrets existing     the manifests refer to Secrets that you make; which, is said (this is the default)
  --secrets external     the External Secrets Operator makes them, from a store
  --store NAME           that store
  --store-kind KIND      SecretStore (default) or ClusterSecretStore
  --build                build and push the images first, and nothing else
  --json                 what was written, or without --out the objects, as JSON on stdout
  --fleet FILE           the fleet file; default CLAWFLEET_FLEET, else the stack's config

Exit codes: 0 rendered, 1 not, 2 wrong input.`;

const options = {
  out: { type: "string" },
  secrets: { type: "string", default: "existing" },
  store: { type: "string" },
  "store-kind": { type: "string", default: "SecretStore" },
  build: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  fleet: { type: "string" },
  stack: { type: "string", short: "s" },
  help: { type: "boolean", short: "h", default: false },
} as const;

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError(`${error.message}\n\n${usage}`, 2);
  }
}

/** Where Secrets come from, as the command line says. */
function secretsFrom(kind: string, store: string | undefined, storeKind: string): SecretsFrom {
  if (kind === "existing") {
    if (store !== undefined) throw new UserError("--store is for --secrets external", 2);
    return { kind };
  }
  if (kind !== "external") throw new UserError(`--secrets is "${kind}"; it can be existing or external`, 2);
  if (store === undefined) throw new UserError("--secrets external wants the store's name: --store NAME", 2);
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(store) || store.length > 253)
    throw new UserError(`--store is "${store}"; a store's name has lower-case letters, digits, dashes and dots`, 2);
  if (storeKind !== "SecretStore" && storeKind !== "ClusterSecretStore")
    throw new UserError(`--store-kind is "${storeKind}"; it can be SecretStore or ClusterSecretStore`, 2);
  return { kind, store, storeKind };
}

/** Renders a stack's fleet as manifests. @param args Those after `render`. */
export async function render(args: string[]): Promise<number> {
  const { values, positionals } = parsed(args);
  if (values.help) {
    say(usage);
    return 0;
  }
  const [name = values.stack, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UserError(usage, 2);
  const secrets = secretsFrom(values.secrets, values.store, values["store-kind"]);
  const out = values.out === undefined ? undefined : resolve(values.out);
  if (values.fleet !== undefined) process.env.CLAWFLEET_FLEET = fromRoot(values.fleet);
  process.chdir(root);
  return await renderStack(name, secrets, out, values);
}

async function renderStack(
  name: string,
  secrets: SecretsFrom,
  out: string | undefined,
  { build, json }: { readonly build: boolean; readonly json: boolean },
): Promise<number> {
  const first = await Stack.read(name, build);
  if (first.state === undefined)
    throw new UserError(`there is no stack "${name}": ${typed("up", name)}, or add --build to make it with its images only`, 2);
  if (first.targetKind !== "kubernetes")
    throw new UserError(
      `stack "${name}" runs on Docker; manifests are for Kubernetes: pulumi config set clawfleet:target kubernetes --stack ${name}`,
      2,
    );
  const { settingsOf } = await import("./kubernetes/settings.ts");
  const settings = settingsOf(first);
  const { loaded, launches } = await launchesOf(first.fleetFile, "kubernetes");
  refuseOnKubernetes(loaded);
  if (build) {
    const code = await buildImages(name);
    if (code !== 0) return code;
  }
  const stack = build ? await Stack.read(name) : first;
  const images = imagesOf(stack.state, launches, name);
  for (const line of stale(stack.state, launches, stack.setting("images"))) note(line);
  const { rendered } = await import("./kubernetes/render.ts");
  const { filesOf, streamOf, writeFiles } = await import("./kubernetes/manifests.ts");
  const registryUser = settings.registryUser ?? (environment(root).CLAWFLEET_REGISTRY_USER || undefined);
  const result = rendered({ launches, stack: name, settings, images, registryUser, secrets });
  if (out === undefined) {
    if (json) say(JSON.stringify({ apiVersion: "v1", kind: "List", items: result.manifests }, null, 2));
    else process.stdout.write(streamOf(result.manifests));
    for (const line of wantedLines(settings.namespace, result.wanted, secrets)) note(line);
    return 0;
  }
  const files = filesOf(result, name, settings.namespace, secrets);
  const { removed, foreign } = writeFiles(out, name, files);
  if (json) {
    const report = {
      out,
      namespace: settings.namespace,
      files: [...files.keys()].sort(),
      removed,
      foreign,
      images: Object.fromEntries(images),
      secrets: result.wanted,
    };
    say(JSON.stringify(report, null, 2));
    return 0;
  }
  say(`${out}: ${result.manifests.length} objects of ${launches.length} ${launches.length === 1 ? "claw" : "claws"}, one a file`);
  for (const file of removed) say(`  removed ${file}: it is no more`);
  for (const file of foreign) say(`  left ${file}: it is not from here`);
  for (const line of wantedLines(settings.namespace, result.wanted, secrets)) say(line);
  return 0;
}

/** Lines on the Secrets that must be there. */
function wantedLines(namespace: string, wanted: readonly WantedSecret[], secrets: SecretsFrom): string[] {
  if (wanted.length === 0) return [];
  const from = secrets.kind === "external" ? `comes from the ${secrets.storeKind} "${secrets.store}"` : "must be there";
  return wanted.flatMap(({ name, keys }) => [
    `Secret ${namespace}/${name} ${from}:`,
    ...keys.map(({ key, what, remote }) => `  ${key}  ${secrets.kind === "external" ? `from ${remote}` : what}`),
  ]);
}

/** Builds and pushes the images of a stack's fleet by Pulumi, and leaves all else of the stack as it is. */
async function buildImages(stack: string): Promise<number> {
  // The components above the images, and what talks to the daemon; neither makes anything by itself.
  const targets = ["**:Fleet::fleet", "**clawfleet:image:RuntimeImage**", "**pulumi:providers:docker**"];
  const options = ["--yes", "--skip-preview", "--suppress-outputs", "--stack", stack, ...targets.flatMap((one) => ["--target", one])];
  // The program then looks for no cluster: manifests are for one that this machine may not reach.
  return await showPulumi(["up", ...options], "stderr", { CLAWFLEET_IMAGES_ONLY: "1" });
}

/**
 * The images by runtime that the stack's state knows, by digest.
 *
 * @throws UserError that says how to get those that are not there.
 */
export function imagesOf(state: State | undefined, launches: readonly Launch[], stack: string): ReadonlyMap<string, string> {
  const built = (state?.resources ?? []).filter(({ type }) => type === "clawfleet:image:RuntimeImage");
  const images = new Map(built.map(({ urn, outputs }) => [urn.split("::").at(-1) ?? "", String(outputs?.image ?? "")]));
  const names = [...new Set(launches.map(({ runtime }) => runtime.name))];
  const lacking = names.filter((name) => !/@sha256:[0-9a-f]{64}$/.test(images.get(name) ?? ""));
  if (lacking.length > 0) {
    throw new UserError(
      `stack "${stack}" knows no pushed image of ${lacking.join(", ")}. To build and push the images and nothing else: clawfleet render ${stack} --build. \`${typed("up", stack)}\` does it too`,
    );
  }
  return new Map(names.map((name) => [name, images.get(name) ?? ""]));
}

/** What of the images was made from other files than this checkout has now, a line each. */
function stale(state: State | undefined, launches: readonly Launch[], images: string | undefined): string[] {
  if ((images ?? "build") !== "build") return [];
  const runtimes = new Map(launches.map(({ runtime }) => [runtime.name, runtime]));
  return [...runtimes.values()].flatMap((runtime) => {
    const made = contentOf(state, runtime);
    if (made === undefined || made === contextHash(buildContext, dockerfileOf(runtime))) return [];
    return [`the image of ${runtime.name} was made from other files than are here now: --build makes it anew`];
  });
}

function contentOf(state: State | undefined, { name }: Descriptor): string | undefined {
  const image = (state?.resources ?? []).find(({ type, urn }) => type.endsWith(":RemoteImage") && urn.endsWith(`::${name}-image`));
  const triggers = image?.outputs?.triggers;
  const content = typeof triggers === "object" && triggers !== null && "content" in triggers ? triggers.content : undefined;
  return typeof content === "string" ? content : undefined;
}
