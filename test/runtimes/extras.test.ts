import { describe, expect, test } from "vitest";
import type { Json } from "../../fleet/types.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { translator } from "./translate.ts";

const runtimes = await loadRuntimes(runtimeNames());

function translate(name: string, extras: { [key: string]: Json }) {
  const runtime = runtimes.get(name);
  if (runtime === undefined) throw new Error(`no runtime ${name}`);
  return translator(runtime).translate({ extras });
}

/** Where each runtime's gateway listens: the image, the health check and the published port all rely on it. */
const LISTENING: { readonly [runtime: string]: { readonly [key: string]: Json } } = {
  openclaw: { port: 1234, bind: "loopback", customBindHost: "127.0.0.1" },
  picoclaw: { port: 1234, host: "127.0.0.1" },
  zeroclaw: { port: 1234, host: "127.0.0.1", allow_public_bind: false },
};

describe.each(runtimeNames())("extras of %s", (name) => {
  test("have no unknown keys", () => {
    const title = runtimes.get(name)?.descriptor.title;
    expect(translate(name, { nosuchkey: {} }).problems).toEqual([
      expect.stringMatching(`^agent\\.2\\.extras\\.nosuchkey: ${title} has no setting "nosuchkey" that a claw can be given; `),
    ]);
  });
});

describe.each(Object.keys(LISTENING))("extras of %s, which has a gateway of that name,", (name) => {
  test("cannot move the gateway to another port or address", () => {
    const gateway = LISTENING[name] ?? {};
    expect(Object.keys(gateway)).toContain("port");
    const { problems, env } = translate(name, { gateway });
    expect(problems).toEqual(
      Object.keys(gateway).map((key) => `agent.2.extras.gateway.${key}: gateway.${key} is Clawfleet's to set; remove it`),
    );
    expect(Object.keys(env).filter((variable) => /gateway__(port|host|bind|allow_public|custom)/.test(variable))).toEqual([]);
  });

  test("say nothing with an empty table", () => {
    expect(translate(name, { gateway: {} })).toEqual(translate(name, {}));
    expect(translate(name, { gateway: {} }).problems).toEqual([]);
  });

  test("have the nearest known key named", () => {
    expect(translate(name, { gatewya: {} }).problems).toEqual([
      expect.stringMatching(/^agent\.2\.extras\.gatewya: \w+ has no setting "gatewya" that a claw can be given; did you mean "gateway"\?$/),
    ]);
  });
});

describe("a map's", () => {
  test("empty entry is said, where a variable can hold a table", () => {
    const { env } = translate("openclaw", { channels: { telegram: { groups: { "-100200": {} } } } });
    expect(env["OPENCLAW_channels__telegram__groups__-100200"]).toBe("{}");
    const spare = { providers: { models: { openai: { spare: {} } } } };
    expect(translate("zeroclaw", spare)).toEqual(translate("zeroclaw", {}));
  });

  test("entry with a secret's name holds a secret, also when the schema does not know its name", () => {
    const server = (key: string) => ({ tools: { mcp: { servers: { brave: { command: "x", env: { BRAVE_API_KEY: key, LANG: "C" } } } } } });
    const clear = translate("picoclaw", server("in-clear"));
    expect(clear.problems).toEqual([
      'agent.2.extras.tools.mcp.servers.brave.env.BRAVE_API_KEY: a secret does not belong in a fleet file; write the name of one instead: "secret:<name>"',
    ]);
    expect(JSON.stringify(clear)).not.toContain("in-clear");
    const { problems, env, secretEnv } = translate("picoclaw", server("secret:brave"));
    expect(problems).toEqual([]);
    expect(env.PICOCLAW_tools__mcp__servers__brave__env__LANG).toBe("C");
    expect(secretEnv.PICOCLAW_tools__mcp__servers__brave__env__BRAVE_API_KEY).toMatchObject({ name: "brave", required: true });
  });

  test("entry that only goes whole cannot hold a secret, nor can a list that does", () => {
    expect(translate("openclaw", { mcp: { servers: { "a b": { env: { API_KEY: "secret:a" } } } } }).problems).toEqual([
      "agent.2.extras.mcp.servers: a secret cannot stand under a name like this; use letters, digits, hyphens and single underscores in it",
    ]);
    expect(translate("openclaw", { talk: { keys: [{ token: "secret:a" }] } }).problems).toEqual([
      "agent.2.extras.talk.keys: a secret cannot stand in this list, which is one value; leave it out",
    ]);
  });
});
