import { object as objectOf, type Props, str } from "../plugin/value.ts";
import { isMissing } from "./daemon.ts";
import { at, text } from "./inspect.ts";
import type { Context, Credentials, Kind } from "./kind.ts";
import { authHeader, followTransfer, registryOf, splitTag } from "./pull.ts";
import { bool, type Fields, map, object, stateOf, string } from "./schema.ts";

const fields: Fields = {
  authConfig: object({ address: string({ required: true }), password: string({ required: true }), username: string({ required: true }) }),
  build: string({ unsupported: "build with RemoteImage and push its name" }),
  // The daemon talks to the registry, so its own settings decide about certificates.
  insecureSkipVerify: bool(),
  keepRemotely: bool({
    check: (value) => (value === false ? "only keepRemotely: true is implemented: this plugin deletes nothing from a registry" : undefined),
  }),
  name: string({ required: true, replace: true }),
  sha256Digest: string({ output: true }),
  triggers: map({ replace: true }),
};

/** The image's own login, else the provider's for its registry. */
function knownCredentials(context: Context, inputs: Props, registry: string): Credentials | undefined {
  const own = objectOf(inputs, "authConfig");
  return own ? { username: str(own, "username") ?? "", password: str(own, "password") ?? "" } : context.credentials(registry);
}

function credentials(context: Context, inputs: Props, registry: string): Credentials {
  const known = knownCredentials(context, inputs, registry);
  if (known) return known;
  throw new Error(
    `resourceDockerRegistryImageCreate: Unable to get authConfig for registry: no auth config found for registry ${registry}. ` +
      `Give authConfig, or registryAuth of the provider; for a registry without a login: registryAuth: [{ address: "http://${registry}", authDisabled: true }]`,
  );
}

/** An image pushed to a registry, through the daemon. */
export const registryImage: Kind = {
  token: "docker:index/registryImage:RegistryImage",
  fields,
  autonamed: false,
  deleteBeforeReplace: true,
  checkAll: (inputs) =>
    inputs.keepRemotely === undefined ? ["keepRemotely must be true: this plugin deletes nothing from a registry"] : [],
  async create(context, inputs) {
    const name = str(inputs, "name") ?? "";
    const registry = registryOf(name);
    const { repository, tag } = splitTag(name);
    const stream = await context.daemon.stream({
      method: "POST",
      path: `/images/${repository}/push`,
      query: { tag: tag === "" ? "latest" : tag },
      headers: authHeader(credentials(context, inputs, registry), registry),
      signal: context.signal,
      timeout: 120_000,
    });
    const extra = await followTransfer(context, stream);
    void context.log("last", "pushed");
    const digest = extra.map((item) => text(item, "Digest")).find((found) => found !== "");
    if (digest === undefined) throw new Error(`the registry ${registry} did not say which digest it gave ${name}`);
    return { id: digest, state: { ...stateOf(fields, inputs, null), id: digest, sha256Digest: digest } };
  },
  async read(context, _id, inputs, state) {
    const name = str(inputs, "name") ?? str(state, "name") ?? "";
    const registry = registryOf(name);
    try {
      const found = await context.daemon.json({
        method: "GET",
        path: `/distribution/${name}/json`,
        headers: authHeader(knownCredentials(context, inputs, registry), registry),
        signal: context.signal,
      });
      const digest = String(at(found, "Descriptor", "digest"));
      return { id: digest, state: { ...stateOf(fields, inputs, null), id: digest, sha256Digest: digest } };
    } catch (error) {
      if (isMissing(error) || (error instanceof Error && /manifest unknown|not found/i.test(error.message))) return undefined;
      throw error;
    }
  },
  async delete() {
    // keepRemotely: the registry keeps it.
  },
};
