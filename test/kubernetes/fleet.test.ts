/** Three runtimes from fleets/trio.toml, as it is, on a real cluster: built, pushed, pulled by the node, and asked. */
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { tokenHash } from "../../components/token.ts";
import { launchesOf } from "../../runtimes/launch.ts";
import { endGroup, freePort, type Result, root, until } from "../docker/stack.ts";
import { cluster, describeOnCluster } from "./cluster.ts";
import { expectSettings } from "./readback.ts";
import { answered, KubernetesStack } from "./stack.ts";

const file = join(root, "fleets/trio.toml");
const { launches } = await launchesOf(file);
const claws = launches.map(({ claw, runtime }) => ({ ...runtime, name: claw, runtime: runtime.name }));

/** Unmistakable when it turns up where it must not. */
const key = "sk-ant-canary-9b1f40c7d2e85a36";
const row = z.object({
  name: z.string(),
  target: z.literal("kubernetes"),
  namespace: z.string(),
  url: z.string(),
  imageDigest: z.string().regex(/^(\S+@)?sha256:[0-9a-f]{64}$/),
  container: z.string(),
  volume: z.string(),
});
const identities = z.object({
  items: z.array(
    z.object({ kind: z.string(), metadata: z.object({ name: z.string(), uid: z.string(), generation: z.number().optional() }) }),
  ),
});

let stack: KubernetesStack;
let preview: Result;
let first: string;

/** The token of a claw's gateway, as docs/secrets.md says it is made. */
const tokenOf = (claw: string) =>
  createHmac("sha256", stack.env.CLAWFLEET_TOKEN_SEED ?? "")
    .update(`gateway-token:${claw}`)
    .digest("hex");

const inventory = async () => z.array(row).parse(JSON.parse((await stack.pulumi("stack", "output", "claws", "--json")).out));

/** What the cluster holds of the stack by name, with what tells whether it is the same as before. */
async function held(kinds = "statefulsets,pods,services,secrets,persistentvolumeclaims"): Promise<Map<string, string>> {
  const { items } = identities.parse(JSON.parse(await stack.kubectl("get", kinds, "--output=json")));
  return new Map(items.map(({ kind, metadata: { name, uid, generation } }) => [`${kind}/${name}`, `${uid} ${generation ?? ""}`]));
}

/** A claw's answer at its health path, through an address. */
function health(claw: (typeof claws)[number], address: string): Promise<unknown> {
  return answered(`${address}${claw.health.path}`);
}

describeOnCluster("three runtimes from one file", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    stack = new KubernetesStack(await cluster(), "fleet", "", { CLAWFLEET_FLEET: file, CLAWFLEET_SECRET_ANTHROPIC: key });
    await stack.init();
    preview = await stack.pulumi("preview", "--diff");
    first = await stack.up();
  }, 1_200_000);

  afterAll(async () => {
    await stack?.remove();
  }, 180_000);

  test("the table shows each claw and its health", () => {
    for (const { name, runtime } of claws) expect(first).toMatch(new RegExp(`^${name}\\s+${runtime}\\b.*\\bhealthy\\b`, "m"));
  });

  test("the inventory names what runs, by digest", async () => {
    const rows = await inventory();
    expect(rows.map(({ name }) => name)).toEqual(claws.map(({ name }) => name));
    for (const { name, namespace, imageDigest, container, volume } of rows) {
      expect(namespace).toBe(stack.namespace);
      const pod = await stack.kubectl(
        "get",
        "pod",
        container,
        "--output=jsonpath={.spec.containers[0].image} {.status.containerStatuses[0].imageID}",
      );
      const [image = "", pulled = ""] = pod.split(" ");
      expect(image).toContain(imageDigest);
      expect(image.startsWith(`${stack.cluster.registry}/`), image).toBe(true);
      expect(pulled).toContain(imageDigest.replace(/^.*@/, ""));
      expect(await stack.field(`persistentvolumeclaim/${volume}`, ".status.phase"), name).toBe("Bound");
    }
  });

  test("each claw is Ready and answers to those who may ask: its probe, and a port-forward", async () => {
    const rows = new Map((await inventory()).map((one) => [one.name, one]));
    for (const claw of claws) {
      expect(await stack.field(`statefulset/${claw.name}`, ".status.readyReplicas")).toBe("1");
      expect(await health(claw, await stack.forwarded(claw.name))).toMatchObject(claw.health.expect);
      expect(rows.get(claw.name)?.url).toMatch(new RegExp(`^http://${claw.name}\\.${stack.namespace}\\.svc\\S*:${claw.port}$`));
      // A runtime that has just become ready may still be busy with the rest of its start.
      await until(async () => (await stack.exec(claw.name, "entrypoint", "health")).out === `${claw.runtime} is healthy\n`);
    }
  });

  test("clawfleet port-forward reaches a claw", async () => {
    for (const claw of claws) {
      const port = await freePort();
      const running = stack.start([process.execPath, "cli/main.ts", "port-forward", claw.name, String(port)], 60);
      try {
        await running.printed(new RegExp(`127\\.0\\.0\\.1:${port}`));
        expect(await health(claw, `http://127.0.0.1:${port}`)).toMatchObject(claw.health.expect);
      } finally {
        endGroup(running.process, "SIGTERM");
        await running.done;
      }
    }
  });

  test("gateways refuse without their token and accept with it", async () => {
    const asked = {
      ada: ["/tools/invoke", { method: "POST", body: '{"tool":"sessions_list","args":{}}' }],
      zero: ["/api/status", {}],
    } as const;
    for (const [claw, [path, init]] of Object.entries(asked)) {
      const url = `${await stack.forwarded(claw)}${path}`;
      const status = async (headers: Record<string, string>) =>
        (await fetch(url, { ...init, headers: { "content-type": "application/json", ...headers } })).status;
      expect(await status({}), claw).toBe(401);
      expect(await status({ authorization: `Bearer ${tokenOf("pixel")}` }), claw).toBe(401);
      // It is live before all of its tools are.
      await until(async () => (await status({ authorization: `Bearer ${tokenOf(claw)}` })) === 200);
      expect((await stack.clawfleet("token", claw)).out.trim()).toBe(tokenOf(claw));
    }
  });

  test.each(launches.map((launch) => [launch.claw, launch] as const))("%s has the settings that the file says", async (claw, launch) => {
    await expectSettings(stack, launch, { anthropic: key }, tokenOf(claw));
  });

  test.each(claws)("$name is unprivileged", async ({ name, uid, stateDir }) => {
    const script = `for one in /proc/[0-9]*; do printf '%s\\n' "== $(tr '\\0' ' ' < $one/cmdline)"; cat $one/status; done 2>/dev/null`;
    const processes = (await stack.exec(name, "sh", "-c", script)).out.split(/^== /m).filter((text) => /^Name:/m.test(text));
    // The pod's own first process is the cluster's.
    const own = processes.filter((text) => !/^Name:\s+pause$/m.test(text));
    expect(own.length).toBeGreaterThan(1);
    for (const text of own) {
      expect(text).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, "m"));
      expect(text).toMatch(new RegExp(`^Gid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, "m"));
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) expect(text).toMatch(new RegExp(`^${set}:\\s+0{16}$`, "m"));
      expect(text).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(text).toMatch(/^Seccomp:\s+2$/m);
    }
    for (const place of ["/", "/etc", "/usr/local/bin", "/var/tmp"])
      expect((await stack.exec(name, "touch", `${place}/mark`)).code, place).not.toBe(0);
    expect(await stack.exec(name, "touch", `${stateDir}/mark`)).toEqual({ code: 0, out: "" });
    expect((await stack.exec(name, "ls", "/var/run/secrets/kubernetes.io")).code).not.toBe(0);
    // What it may have open, as the fleet file says.
    const limits = (await stack.exec(name, "sh", "-c", "cat /proc/[0-9]*/limits")).out;
    const most = launches.find(({ claw }) => claw === name)?.maxOpenFiles;
    expect(limits).toMatch(new RegExp(`^Max open files\\s+${most}\\s+${most}\\b`, "m"));
  });

  test("a secret is in its Secret, in its claw, and nowhere else", async () => {
    const hidden = { key, seed: stack.env.CLAWFLEET_TOKEN_SEED ?? "", registry: stack.cluster.password };
    const tokens = Object.fromEntries(
      claws.flatMap(({ name }) => [
        [`${name}'s token`, tokenOf(name)],
        [`${name}'s hash`, tokenHash(tokenOf(name))],
      ]),
    );
    const values = Object.entries({ ...hidden, ...tokens });
    for (const [, value] of values) expect(value.length).toBeGreaterThan(7);
    for (const { name } of claws) {
      const environment = await stack.exec(name, "sh", "-c", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'");
      expect(environment.out.includes(key), `${name} has its key`).toBe(true);
    }
    const secrets = await stack.kubectl("get", "secrets", "--output=json");
    expect(secrets).toContain(Buffer.from(key).toString("base64"));

    const kinds = (await stack.kubectl("api-resources", "--verbs=list", "--namespaced", "--output=name")).trim().split("\n");
    const others = kinds.filter((kind) => kind !== "secrets").join(",");
    const places: [string, string][] = [
      ["preview", preview.out],
      ["up", first],
      ["outputs", (await stack.pulumi("stack", "output", "--json")).out],
      ["state", await stack.state()],
      ["objects", await stack.kubectl("get", others, "--output=json", "--show-managed-fields")],
      ["cluster's objects", await stack.kubectl("get", "namespaces,persistentvolumes", "--output=json")],
    ];
    for (const { name } of claws) places.push([`${name}'s log`, await stack.kubectl("logs", `${name}-0`, "--all-containers")]);
    for (const entry of readdirSync(stack.dir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()))
      places.push([entry.name, readFileSync(join(entry.parentPath, entry.name), "utf8")]);
    for (const [place, text] of places) {
      for (const [what, value] of values) {
        expect(text.includes(value), `${place} shows ${what}`).toBe(false);
        expect(text.includes(Buffer.from(value).toString("base64")), `${place} shows ${what} in base64`).toBe(false);
      }
    }
  });

  test("a second up changes nothing, also with --refresh", async () => {
    const before = await held();
    expect([...before.keys()].filter((one) => one.startsWith("StatefulSet/"))).toHaveLength(3);
    for (const command of [
      ["up", "--yes", "--skip-preview"],
      ["preview", "--refresh"],
      ["up", "--yes", "--skip-preview", "--refresh"],
    ]) {
      const again = await stack.pulumi(...command, "--expect-no-changes");
      expect(again, again.out).toMatchObject({ code: 0 });
    }
    await stack.up();
    expect(await held()).toEqual(before);
  });

  test("down keeps all data, up goes on with it", async () => {
    const kept = await Promise.all(claws.map(({ name, stateDir }) => stack.keep(name, stateDir)));
    const claims = await held("persistentvolumeclaims");
    expect(claims.size).toBe(3);
    const down = await stack.clawfleet("down");
    expect(down, down.out).toMatchObject({ code: 0 });
    expect(await held("statefulsets,pods,services,networkpolicies,resourcequotas,limitranges")).toEqual(new Map());
    expect((await held("secrets")).size).toBe(0);
    expect(await held("persistentvolumeclaims")).toEqual(claims);
    await stack.up();
    for (const check of kept) await check();
    expect(await held("persistentvolumeclaims")).toEqual(claims);
  });
});
