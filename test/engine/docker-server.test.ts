import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Plugin } from "../../engine/docker/server.ts";
import { serve } from "../../engine/plugin/service.ts";

const CONTAINER = "docker:index/container:Container";
const urn = `urn:pulumi:test::project::${CONTAINER}::web`;
const inputs = {
  image: "img",
  name: "web",
  mustRun: true,
  start: true,
  networkMode: "none",
  restart: "no",
  wait: true,
  waitTimeout: 30,
  healthcheck: { tests: ["CMD", "x"] },
  envs: ["API_KEY=topsecret"],
};

/** A daemon that knows one container, and does with `start` what the test wants. */
let daemon: Server;
let onStart: "fails" | "hangs" = "fails";
let calls: string[] = [];
let directory = "";

type Client = InstanceType<typeof providerGrpc.ResourceProviderClient>;

async function connect(socket: string): Promise<{ client: Client; plugin: Plugin }> {
  const plugin = new Plugin(undefined);
  const client = new providerGrpc.ResourceProviderClient(`127.0.0.1:${await serve(plugin)}`, grpc.credentials.createInsecure());
  const args = structPb.Struct.fromJavaScript({ host: `unix://${socket}` });
  await call((done) => client.configure(new pb.ConfigureRequest().setArgs(args), done));
  return { client, plugin };
}

async function call<T>(make: (done: (error: grpc.ServiceError | null, answer: T) => void) => unknown): Promise<T> {
  return await new Promise((resolve, reject) => make((error, answer) => (error ? reject(error) : resolve(answer))));
}

async function fail(promise: Promise<unknown>): Promise<grpc.ServiceError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && "metadata" in error && error.metadata instanceof grpc.Metadata && "code" in error && "details" in error) {
      return Object.assign(error, { code: Number(error.code), details: String(error.details), metadata: error.metadata });
    }
    throw error;
  }
  throw new Error("it did not fail");
}

function initFailure(error: grpc.ServiceError): InstanceType<typeof pb.ErrorResourceInitFailed> {
  const [raw] = error.metadata.get("grpc-status-details-bin");
  const [detail] = statusPb.Status.deserializeBinary(Buffer.from(raw ?? "")).getDetailsList();
  expect(detail?.getTypeName()).toBe("pulumirpc.ErrorResourceInitFailed");
  return pb.ErrorResourceInitFailed.deserializeBinary(detail?.getValue_asU8() ?? new Uint8Array());
}

const create = (client: Client, preview = false) =>
  call<InstanceType<typeof pb.CreateResponse>>((done) =>
    client.create(
      new pb.CreateRequest().setUrn(urn).setType(CONTAINER).setPreview(preview).setProperties(structPb.Struct.fromJavaScript(inputs)),
      done,
    ),
  );

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "clawfleet-daemon-"));
  daemon = createServer((request, response) => {
    const path = `${request.method} ${(request.url ?? "").split("?")[0]}`;
    calls.push(path);
    request.resume();
    const answer = (code: number, body: object): void =>
      void response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (path === "GET /version") answer(200, { ApiVersion: "1.41" });
    else if (path === "POST /containers/create") answer(201, { Id: "c0ffee", Warnings: [] });
    else if (path === "GET /events") response.writeHead(200).flushHeaders();
    else if (path === "POST /containers/c0ffee/start")
      onStart === "fails" ? answer(500, { message: "port is already allocated" }) : answer(204, {});
    else if (path === "GET /containers/c0ffee/json")
      answer(200, { Id: "c0ffee", State: { Running: true, Status: "running", Health: { Status: "starting" } } });
    else answer(204, {});
  });
  await new Promise<void>((resolve) => daemon.listen(join(directory, "docker.sock"), resolve));
});
afterAll(() => {
  daemon.closeAllConnections();
  daemon.close();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  calls = [];
});

const until = async (path: string): Promise<void> => await expect.poll(() => calls, { timeout: 10_000 }).toContain(path);

describe("the plugin's service", () => {
  test("says the SDK's version, needs no daemon for previews, and leaves Handshake unanswered as the official one does", async () => {
    const { client } = await connect("/nonexistent.sock");
    expect((await call<{ getVersion(): string }>((done) => client.getPluginInfo(new emptyPb.Empty(), done))).getVersion()).toBe("5.2.0");
    expect((await create(client, true)).getProperties()?.toJavaScript()).toMatchObject({
      name: "web",
      hostname: "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    });
    expect((await fail(call((done) => client.handshake(new pb.ProviderHandshakeRequest(), done)))).code).toBe(grpc.status.UNIMPLEMENTED);
  });

  test("without a daemon an update says where it looked and what to do", async () => {
    const { client } = await connect("/nonexistent.sock");
    expect((await fail(create(client))).details).toContain(
      "failed to connect to any docker daemon: nothing answers at unix:///nonexistent.sock (ENOENT). Start Docker",
    );
  });

  test("a container that does not start is reported with its id, without values of variables", async () => {
    onStart = "fails";
    const { client } = await connect(join(directory, "docker.sock"));
    const error = await fail(create(client));
    expect(error.details).toBe(
      "1 error occurred:\n\t* Unable to start container: Error response from daemon: port is already allocated\n\n",
    );
    expect(initFailure(error).getId()).toBe("c0ffee");
    expect(initFailure(error).getReasonsList()).toEqual([
      "Unable to start container: Error response from daemon: port is already allocated",
    ]);
    expect(initFailure(error).getProperties()?.toJavaScript()).toMatchObject({ name: "web", entrypoints: null });
  });

  test("Cancel ends a wait at once and reports the container", async () => {
    onStart = "hangs";
    const { client } = await connect(join(directory, "docker.sock"));
    const failing = fail(create(client));
    await until("GET /containers/c0ffee/json");
    await call((done) => client.cancel(new emptyPb.Empty(), done));
    const error = await failing;
    expect(initFailure(error).getId()).toBe("c0ffee");
    expect(error.details).toContain("cancelled while the container was starting");
    expect(calls).not.toContain("DELETE /containers/c0ffee");
  });

  test("a container nobody will hear of is removed: the plugin must end", async () => {
    onStart = "hangs";
    const { client, plugin } = await connect(join(directory, "docker.sock"));
    const failing = fail(create(client));
    await until("GET /containers/c0ffee/json");
    await plugin.stop(true);
    await failing;
    expect(calls).toContain("DELETE /containers/c0ffee");
  });

  test("a container nobody will hear of is removed: the engine hung up", async () => {
    onStart = "hangs";
    const { client } = await connect(join(directory, "docker.sock"));
    const request = new pb.CreateRequest().setUrn(urn).setType(CONTAINER).setProperties(structPb.Struct.fromJavaScript(inputs));
    const pending = client.create(request, () => undefined);
    await until("GET /containers/c0ffee/json");
    pending.cancel();
    await until("DELETE /containers/c0ffee");
  });

  test("a daemon that goes away during a wait ends it", async () => {
    onStart = "hangs";
    const { client } = await connect(join(directory, "docker.sock"));
    const failing = fail(create(client));
    await until("GET /containers/c0ffee/json");
    daemon.closeAllConnections();
    expect((await failing).details).toContain("went away while the container was starting");
  });
});
