import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { schema } from "../../runtimes/picoclaw/native.ts";
import { runtime } from "../../runtimes/picoclaw/runtime.ts";

const folder = new URL("../../runtimes/picoclaw/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");

describe("the folder", () => {
  const { descriptor } = runtime;

  test("default config: valid, on the descriptor's port, in its state directory, nobody let in", () => {
    const config = schema.parse(JSON.parse(read("config.json")));
    expect(config.gateway).toMatchObject({ host: "0.0.0.0", port: descriptor.port });
    expect(config.agents?.defaults?.workspace).toBe(`${descriptor.stateDir}/workspace`);
    expect(config.agents?.defaults).toMatchObject({ restrict_to_workspace: true, allow_read_outside_workspace: false });
    expect(config.channel_list).toBeUndefined();
    // Overrides start at entry 0 and go on from entry 1.
    expect(config.model_list).toHaveLength(1);
  });

  test("Dockerfile says the same as the descriptor", () => {
    const dockerfile = read("Dockerfile");
    for (const [name, image] of Object.entries(descriptor.bases)) expect(dockerfile).toContain(`\nARG ${name}=${image}\n`);
    const arg = [...dockerfile.matchAll(/^ARG VERSION=(.*)$/gm)].map((match) => match[1]);
    expect(new Set(arg)).toEqual(new Set([descriptor.version]));
    expect(descriptor.buildArgs).toEqual({ VERSION: descriptor.version });
    for (const [name, value] of Object.entries(descriptor.env)) expect(dockerfile).toMatch(new RegExp(`\\b${name}=${value}( |$)`, "m"));
    expect(dockerfile).toContain(`USER ${descriptor.uid}:${descriptor.uid}\nEXPOSE ${descriptor.port}\n`);
    expect(dockerfile).toContain(`--start-period=${descriptor.health.startupSeconds}s`);
    expect(dockerfile).toContain(`org.opencontainers.image.source="${descriptor.source}"`);
  });

  test("the source is pinned by checksum", () => {
    const module = descriptor.source.replace("https://", "");
    expect(read("module/go.mod")).toContain(`require ${module} ${descriptor.version}`);
    expect(read("module/go.sum")).toMatch(new RegExp(`^${module} ${descriptor.version} h1:[A-Za-z0-9+/]{43}=$`, "m"));
  });

  // That its keys exist is tested for all runtimes, in test/kit.
  test("the example of an environment holds no secret", () => {
    const secrets = read(".env.example")
      .split("\n")
      .filter((line) => /^#?PICOCLAW_\w*(token|key|api_keys__\d+)=/.test(line));
    expect(secrets.length).toBeGreaterThan(5);
    expect(secrets.filter((line) => !line.endsWith("="))).toEqual([]);
  });
});
