/** One claw of each runtime in one fleet, all real, wherever all six images can be had. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildRuntime } from "../../cli/images/build.ts";
import { loadRuntimes, runtimeNames } from "../../runtimes/index.ts";
import { obtainable } from "../contract/helpers.ts";
import { freePort, root, TestStack } from "./stack.ts";

const six = readFileSync(join(root, "fleets/six.toml"), "utf8");
const descriptors = [...(await loadRuntimes(runtimeNames())).values()]
  .map(({ descriptor }) => descriptor)
  .filter(({ name }) => six.includes(`runtime = "${name}"`));
const all: boolean[] = [];
for (const descriptor of descriptors) all.push(await obtainable(descriptor));

describe.skipIf(all.includes(false))("fleets/six.toml", { timeout: 120_000 }, () => {
  let stack: TestStack;
  const ports = new Map<string, number>();

  beforeAll(async () => {
    let fleet = six;
    for (const { name, port } of descriptors) {
      ports.set(name, await freePort());
      fleet = fleet.replace(new RegExp(`(runtime = "${name}"\\nport = )${port}$`, "m"), `$1${ports.get(name)}`);
    }
    for (const descriptor of descriptors) await buildRuntime(descriptor);
    stack = new TestStack("six", fleet, { CLAWFLEET_SECRET_ANTHROPIC: "sk-canary-of-six" });
    stack.config({ "clawfleet:images": "pull" });
    await stack.init();
    await stack.up();
  }, 1_200_000);

  afterAll(async () => {
    await stack?.remove();
  });

  test("all six answer for themselves", async () => {
    const { out } = await stack.clawfleet("status", "--json");
    const claws: unknown = JSON.parse(out);
    expect(claws).toHaveLength(6);
    expect(descriptors).toHaveLength(6);
    for (const { name, uid } of descriptors) {
      expect(claws).toContainEqual(expect.objectContaining({ runtime: name, healthy: true, uid }));
    }
  });

  test.each(["iron", "nano", "null", "zero"])("%s opens to its token and to nothing else", async (claw) => {
    const token = (await stack.clawfleet("token", claw)).out.trim();
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    const asked: Record<string, readonly [runtime: string, path: string, init: RequestInit]> = {
      iron: ["ironclaw", "/api/webchat/v2/session", {}],
      nano: ["nanoclaw", "/v1/messages", {}],
      null: ["nullclaw", "/webhook", { method: "POST", body: "{}" }],
      zero: ["zeroclaw", "/api/status", {}],
    };
    const [runtime = "", path, init] = asked[claw] ?? [];
    const url = `http://127.0.0.1:${ports.get(runtime)}${path}`;
    const signal = AbortSignal.timeout(10_000);
    expect((await fetch(url, { ...init, signal })).status).toBe(401);
    expect((await fetch(url, { ...init, signal, headers: { Authorization: "Bearer wrong" } })).status).toBe(401);
    expect((await fetch(url, { ...init, signal, headers: { Authorization: `Bearer ${token}` } })).status).not.toBe(401);
  });

  test("a second update changes nothing, and the key is in no state", async () => {
    const again = await stack.pulumi("preview", "--refresh", "--expect-no-changes");
    expect(again, again.out).toMatchObject({ code: 0 });
    expect(await stack.state()).not.toContain("sk-canary-of-six");
  });
});
