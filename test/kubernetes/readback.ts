/** What the runtimes say, in their pods, of the settings that they were given there. */
import { parse } from "smol-toml";
import { expect } from "vitest";
import YAML from "yaml";
import { z } from "zod";
import { tokenHash } from "../../components/token.ts";
import { loadRuntimes } from "../../runtimes/index.ts";
import type { Launch, SecretSource } from "../../runtimes/runtime.ts";
import { at, expectReadBack, pathOf, type Said } from "../contract/readback.ts";
import type { KubernetesStack } from "./stack.ts";

/** OpenClaw's own code, the one that its gateway reads its configuration with. */
const loader = `
const { loadConfig } = await import("/opt/openclaw/node_modules/openclaw/dist/plugin-sdk/config-runtime.js");
console.log(JSON.stringify(loadConfig()));`;

/** Choosing a model makes PicoClaw load all that it is told, and write it; it has no command that only shows it. */
const chooser = `cp /run/claw/config.json /tmp/c.json && export PICOCLAW_CONFIG=/tmp/c.json PICOCLAW_HOME=/tmp/home
  picoclaw model "$1" >/dev/null && for file in /tmp/c.json /tmp/.security.yml; do printf '\\n==\\n' && cat $file; done
  rm -rf /tmp/c.json /tmp/.security.yml /tmp/home`;

/**
 * Fails unless the claw's runtime, asked in its pod, says of each setting of its launch what the launch says.
 *
 * @param keys values of the secrets by name
 * @param token the claw's gateway token
 */
export async function expectSettings(
  stack: KubernetesStack,
  launch: Launch,
  keys: { readonly [name: string]: string },
  token: string,
): Promise<void> {
  const { claw, runtime: descriptor, secretEnv } = launch;
  const runtime = (await loadRuntimes([descriptor.name])).get(descriptor.name);
  if (runtime === undefined) throw new Error(`no runtime "${descriptor.name}"`);
  const env = Object.fromEntries(Object.entries(launch.env).filter(([name]) => !Object.hasOwn(descriptor.env, name)));
  const held = (source: SecretSource) =>
    source.kind === "ref" ? (keys[source.name] ?? "") : source.hash === "sha256" ? tokenHash(token) : token;
  const secrets = Object.fromEntries(Object.entries(secretEnv).map(([name, source]) => [name, held(source)]));
  const variables = Object.keys({ ...env, ...secrets });
  const ask = async (...command: string[]) => {
    const { code, out } = await stack.exec(claw, ...command);
    expect(code, out).toBe(0);
    return out;
  };
  const paths = variables.flatMap((variable) => pathOf(runtime, variable)?.join(".") ?? []);
  const said = await askers[descriptor.name]?.(ask, paths, env);
  if (said === undefined) throw new Error(`nobody here knows how to ask ${descriptor.title}`);
  const beside = variables.filter((variable) => pathOf(runtime, variable) === undefined && variable in secrets);
  const round = { title: claw, agent: {}, fixtures: [], variables, translation: { env, secretEnv }, secrets };
  expectReadBack(runtime, round, said, beside);
}

type Ask = (...command: string[]) => Promise<string>;
type Env = { readonly [name: string]: string };

const askers: { readonly [runtime: string]: (ask: Ask, paths: readonly string[], env: Env) => Promise<(path: readonly string[]) => Said> } =
  {
    async openclaw(ask) {
      const config: unknown = JSON.parse(await ask("node", "--input-type=module", "--eval", loader));
      return (path) => ({ value: at(config, path) });
    },
    async picoclaw(ask, _, { PICOCLAW_model_list__0__model_name: model = "" }) {
      const [, text = "", secrets = ""] = (await ask("sh", "-c", chooser, "sh", model)).split(/^==$/m);
      const config: unknown = JSON.parse(text);
      // Secrets are in a file of their own, where a model is found by its name and number.
      const apart: unknown = YAML.parse(secrets);
      return (path) => {
        const [list = "", index = "", ...rest] = path;
        return { value: at(config, path) ?? at(apart, list === "model_list" ? [list, `${model}:${index}`, ...rest] : path) };
      };
    },
    async zeroclaw(ask, paths) {
      const each = 'for path; do zeroclaw config get --json "$path" || exit 1; done';
      const answer = z.looseObject({ path: z.string(), value: z.string().optional(), populated: z.boolean().optional() });
      const objects = (await ask("sh", "-c", each, "sh", ...paths)).split(/(?<=^\})\n/m).filter((text) => text !== "");
      const answers = new Map(objects.map((text) => answer.parse(JSON.parse(text))).map((one) => [one.path, one]));
      return (path) => {
        const { value, populated } = answers.get(path.join(".")) ?? {};
        if (populated === true) return { secret: true };
        return value === undefined ? undefined : { value: value.startsWith("[") ? parse(`value = ${value}`).value : value };
      };
    },
  };
