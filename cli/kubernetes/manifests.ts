import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Document, Scalar, stringify, visit } from "yaml";
import { systemCode, UserError } from "../errors.ts";
import { type Manifest, type Rendered, type SecretsFrom, stepOf, type WantedSecret } from "./render.ts";

/*
 * Manifests as files: one object each, keys sorted, so that the same fleet is the same bytes.
 */

/** What the first line of a file says that was written here, and for which stack. */
const mark = (stack: string) => `Written by clawfleet render ${stack}: what is edited here is lost.`;
const MARK = /^(?:# |<!-- )Written by clawfleet render (\S+): /;

/**
 * A manifest as YAML. Strings that a reader of YAML 1.1 or 1.2 would take for something else (`yes`, `0o17`, `1:30`) are quoted:
 * Kubernetes' clients go by the one here and by the other there.
 */
export function yamlOf(manifest: Manifest): string {
  const document = new Document(manifest, { sortMapEntries: true, version: "1.1", aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      // All that 1.2 reads as a number begins so; the rest of what is special in it is so in 1.1, too.
      if (typeof node.value === "string" && /^[-+.\d]/.test(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0, directives: false });
}

/** All manifests in one text. */
export function streamOf(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `---\n${yamlOf(manifest)}`).join("");
}

/** `1-service-ada.yaml`: who applies a directory goes by names, and the namespace comes first. */
function fileOf(manifest: Manifest): string {
  const { metadata, kind } = manifest;
  const name = typeof metadata === "object" && metadata !== null && "name" in metadata ? String(metadata.name) : "";
  return `${stepOf(manifest)}-${String(kind).toLowerCase()}-${name}.yaml`;
}

/**
 * All files of a rendered fleet by name.
 *
 * The list for Kustomize is called `Kustomization`, which it knows as well as kustomization.yaml: a file that ends in .yaml would be
 * applied as an object by `kubectl apply -f DIR`, and is none.
 */
export function filesOf({ manifests, wanted }: Rendered, stack: string, namespace: string, secrets: SecretsFrom): Map<string, string> {
  const files = new Map(manifests.map((manifest) => [fileOf(manifest), `# ${mark(stack)}\n${yamlOf(manifest)}`]));
  if (files.size < manifests.length) throw new Error("two objects have one name");
  const resources = [...files.keys()].sort();
  const kustomization = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources };
  files.set("Kustomization", `# ${mark(stack)}\n${stringify(kustomization, { lineWidth: 0 })}`);
  files.set("README.md", `<!-- ${mark(stack)} -->\n${readme(stack, namespace, wanted, secrets)}`);
  return files;
}

/** What somebody has to know who applies the files. */
function readme(stack: string, namespace: string, wanted: readonly WantedSecret[], secrets: SecretsFrom): string {
  const claws = wanted.flatMap(({ claw }) => claw ?? []);
  return [
    `# Fleet ${stack}\n`,
    "```sh\nkubectl apply --server-side -f .\n```\n",
    "or `-k .`, or whatever applies a directory or a Kustomization. Images are named by digest, and no file holds a secret.\n",
    ...(wanted.length === 0 ? ["No Secret is wanted.\n"] : ["## Secrets\n", ...secretLines(namespace, wanted, secrets)]),
    ...(claws.length === 0
      ? []
      : [
          "A claw reads its Secret when its pod starts. After a change of the Secret:\n",
          `\`\`\`sh\nkubectl --namespace ${namespace} rollout restart ${claws.map((claw) => `statefulset/${claw}`).join(" ")}\n\`\`\`\n`,
        ]),
  ].join("\n");
}

function secretLines(namespace: string, wanted: readonly WantedSecret[], secrets: SecretsFrom): string[] {
  const external = secrets.kind === "external";
  const intro = external
    ? `The External Secrets Operator makes these in the namespace \`${namespace}\`, from the ${secrets.storeKind} \`${secrets.store}\`:\n`
    : `These must be in the namespace \`${namespace}\` before the claws can start:\n`;
  const rows = wanted.flatMap(({ name, type, keys }) =>
    keys.map(({ key, what, remote, template }) => {
      if (!external) return `| \`${name}\` (${type}) | \`${key}\` | ${what} |`;
      const stored = template === undefined ? what : type === "Opaque" ? `the token itself; the Secret gets ${what}` : "the password";
      return `| \`${name}\` | \`${key}\` | \`${remote}\` | ${stored} |`;
    }),
  );
  const head = external ? ["| Secret | key | in the store | what |", "|---|---|---|---|"] : ["| Secret | key | what |", "|---|---|---|"];
  const tokens = wanted.some(({ keys }) => keys.some(({ remote }) => remote.endsWith("/gateway-token")));
  const hint = `A gateway's token is any text that is hard to guess, the same for who talks to the claw; \`clawfleet token CLAW\` prints the one of the stack.\n`;
  return [intro, [...head, ...rows].join("\n"), "", ...(tokens ? [hint] : [])];
}

/** What a directory held that is not from here, and what was removed from it. */
export interface Written {
  readonly removed: readonly string[];
  readonly foreign: readonly string[];
}

/**
 * Writes the files into a directory, which is made, and removes those of an earlier render that are no more. What is not from here stays.
 *
 * @throws UserError before anything is written: when a file of somebody else's is in the way, or another stack was rendered there.
 */
export function writeFiles(dir: string, stack: string, files: ReadonlyMap<string, string>): Written {
  const there = existsSync(dir) ? entries(dir) : new Map<string, string | undefined>();
  for (const [name, owner] of there) {
    if (owner !== undefined && owner !== stack) {
      throw new UserError(`${dir} holds the manifests of stack "${owner}" (${name}): choose another directory`, 2);
    }
    if (owner === undefined && files.has(name)) {
      throw new UserError(
        `${join(dir, name)} was not written by this command, and would be overwritten: move it, or choose another directory`,
        2,
      );
    }
  }
  mkdirSync(dir, { recursive: true });
  const removed = [...there].filter(([name, owner]) => owner === stack && !files.has(name)).map(([name]) => name);
  for (const name of removed) rmSync(join(dir, name));
  for (const [name, text] of files) writeFileSync(join(dir, name), text);
  const foreign = [...there].filter(([, owner]) => owner === undefined).map(([name]) => name);
  return { removed: removed.sort(), foreign: foreign.sort() };
}

/** Names in a directory, each with the stack that it was rendered for, if it was. */
function entries(dir: string): Map<string, string | undefined> {
  try {
    const found = readdirSync(dir, { withFileTypes: true });
    return new Map(
      found.map((entry) => [entry.name, entry.isFile() ? MARK.exec(readFileSync(join(dir, entry.name), "utf8"))?.[1] : undefined]),
    );
  } catch (error) {
    if (systemCode(error) === "ENOTDIR") throw new UserError(`${dir} is not a directory`, 2);
    throw error;
  }
}
