import type { Claw } from "../../fleet/types.ts";
import { addExtras } from "../extras.ts";
import type { Descriptor, Report, Runtime, Translation } from "../runtime.ts";
import { Settings } from "../settings.ts";
import { EXTRAS } from "./extras.ts";
import { addModel } from "./model.ts";
import { addSecurity, addTools, refuseChannels, refuseMemory, refuseSchedule, TOOLS } from "./policy.ts";

const stateDir = "/home/nanoclaw/.nanoclaw";

const descriptor: Descriptor = {
  name: "nanoclaw",
  title: "NanoClaw",
  version: "v2.0.64",
  source: "https://github.com/nanocoai/nanoclaw",
  upstream: { kind: "git", tags: "^v(\\d+\\.\\d+\\.\\d+)$" },
  license: "MIT",
  uid: 10004,
  port: 7070,
  health: { path: "/health", expect: { status: "ok" }, startupSeconds: 90 },
  docker: { why: "run each conversation's agent in a container of its own" },
  stateDir,
  // Of NanoClaw's one agent group; the rest of the state is NanoClaw's own.
  workspace: `${stateDir}/groups/main`,
  tmpfs: [{ path: "/tmp", sizeMiB: 64, exec: false }],
  // NanoClaw stops in a second; then its agents are stopped.
  stopGraceSeconds: 30,
  minMemoryMiB: 256,
  config: { format: "json", overrides: "merge", path: "/run/claw/config.json" },
  envPrefix: "NANOCLAW_",
  variables: [
    {
      name: "NANOCLAW_GATEWAY_TOKEN",
      about: "Whoever has it talks to the claw at /v1/messages, 16 characters at least: openssl rand -hex 32",
      secret: true,
      required: true,
    },
    {
      name: "ANTHROPIC_API_KEY",
      about: "The model's key, from console.anthropic.com; it stays in the claw, whose gateway adds it to its agents' requests",
      secret: true,
      required: false,
    },
    {
      name: "ONECLI_API_KEY",
      about: "Key of the OneCLI gateway at NANOCLAW_onecli__url, where one takes the place of the claw's own",
      secret: true,
      required: false,
    },
    {
      name: "DOCKER_HOST",
      about: "The daemon that agents run on, which must be the claw's own",
      secret: false,
      required: false,
      default: "unix:///var/run/docker.sock",
    },
  ],
  env: { HOME: "/home/nanoclaw", NODE_ENV: "production", NANOCLAW_HOME: stateDir },
  command: ["node", "/opt/nanoclaw/shim/main.ts"],
  bases: {
    DEBIAN: "debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251",
    NODE: "node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6",
    NODE_BUILD: "node:24-bookworm@sha256:64af3819f9275802414d7cdc38c27e9d82bd564dec4d4da87d008255d36c63b4",
    GO: "golang:1.26-bookworm@sha256:116d58cbd88c1297624acc6e967a060012422bacf9930927e23fb719189c6f36",
  },
  buildArgs: { REPO: "https://github.com/nanocoai/nanoclaw", REF: "v2.0.64" },
};

function translate(claw: Claw, report: Report): Translation {
  const settings = new Settings(descriptor.envPrefix);
  settings.secretEnv("NANOCLAW_GATEWAY_TOKEN", { kind: "gateway-token" });
  addModel(claw, settings, report);
  addTools(claw, report);
  addSecurity(claw, settings, report);
  refuseChannels(claw, report);
  refuseMemory(claw, report);
  refuseSchedule(claw, report);
  addExtras(claw, settings, EXTRAS, report);
  return settings.translation();
}

/** NanoClaw, configured by merging overrides into this image's own `config.json`, which its shim hands on. It has no channel but its HTTP API. */
export const runtime: Runtime = { descriptor, tools: Object.keys(TOOLS), channels: [], translate };
