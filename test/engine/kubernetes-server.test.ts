import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Plugin } from "../../engine/kubernetes/server.ts";
import { serve } from "../../engine/plugin/service.ts";

/** Milliseconds that a busy machine may take for what usually comes at once. */
const SOON = { timeout: 15_000 };

type Client = InstanceType<typeof providerGrpc.ResourceProviderClient>;
type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void;

/** An API server that says what the test wants; what it was asked, in order. */
let api: Server;
let address = "";
let answers: { [call: string]: Answer } = {};
let calls: string[] = [];
let bodies: { [call: string]: string } = {};

const json = (code: number, body: object): Answer => {
  return (_request, _body, response) => void response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
};
const status = (code: number, reason: string, message: string, kind = ""): Answer =>
  json(code, { kind: "Status", status: "Failure", code, reason, message, details: { kind } });
const watching = (...events: object[]): Answer => {
  return (_request, _body, response) => {
    response.writeHead(200);
    response.write(`${events.map((event) => JSON.stringify(event)).join("\n")}\n`);
  };
};

const MAP = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m", namespace: "n" }, data: { k: "v" } };
const TYPE = "kubernetes:core/v1:ConfigMap";
const PATH = "/api/v1/namespaces/n/configmaps";
const urn = (type = TYPE): string => `urn:pulumi:s::p::${type}::m`;
const struct = (value: object) => structPb.Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));
const live = (more: object = {}): object => ({
  ...MAP,
  metadata: {
    ...MAP.metadata,
    uid: "u1",
    resourceVersion: "7",
    managedFields: [
      {
        manager: "pulumi-kubernetes",
        operation: "Update",
        apiVersion: "v1",
        fieldsType: "FieldsV1",
        fieldsV1: { "f:data": { "f:k": {} } },
      },
    ],
  },
  ...more,
});
const state = (inputs: object = MAP): object => ({
  ...live(),
  __inputs: inputs,
  __fieldManager: "pulumi-kubernetes-00000000",
  __initialApiVersion: "v1",
});

async function call<T>(make: (done: (error: grpc.ServiceError | null, answer: T) => void) => unknown): Promise<T> {
  return await new Promise((resolve, reject) => make((error, answer) => (error ? reject(error) : resolve(answer))));
}

async function connect(args: { [name: string]: string } = {}, server = address): Promise<Client> {
  const kubeconfig = JSON.stringify({
    "current-context": "x",
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server } }],
    users: [{ name: "u", user: { token: "t" } }],
  });
  const client = new providerGrpc.ResourceProviderClient(
    `127.0.0.1:${await serve(new Plugin(undefined, {}))}`,
    grpc.credentials.createInsecure(),
  );
  await call((done) => client.configure(new pb.ConfigureRequest().setArgs(struct({ kubeconfig, ...args })), done));
  return client;
}

async function failure(promise: Promise<unknown>): Promise<grpc.ServiceError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && "metadata" in error && error.metadata instanceof grpc.Metadata && "details" in error)
      return Object.assign(error, { code: 2, details: String(error.details), metadata: error.metadata });
    throw error;
  }
  throw new Error("it did not fail");
}

const create = (client: Client, inputs: object = MAP, preview = false, type = TYPE) =>
  call<InstanceType<typeof pb.CreateResponse>>((done) =>
    client.create(new pb.CreateRequest().setUrn(urn(type)).setType(type).setPreview(preview).setProperties(struct(inputs)), done),
  );
const update = (client: Client, news: object, ignored: string[] = []) =>
  call<InstanceType<typeof pb.UpdateResponse>>((done) =>
    client.update(
      new pb.UpdateRequest()
        .setId("n/m")
        .setUrn(urn())
        .setType(TYPE)
        .setOlds(struct(state()))
        .setNews(struct(news))
        .setIgnorechangesList(ignored),
      done,
    ),
  );
const remove = (client: Client) =>
  call<InstanceType<typeof emptyPb.Empty>>((done) =>
    client.delete(new pb.DeleteRequest().setId("n/m").setUrn(urn()).setType(TYPE).setProperties(struct(state())).setTimeout(5), done),
  );

beforeAll(async () => {
  api = createServer((request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const name = `${request.method} ${path}${query.includes("watch=true") ? "?watch" : ""}`;
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      calls.push(
        `${request.method} ${decodeURIComponent(request.url ?? "")}`.replace(/[?&](timeout|timeoutSeconds|allowWatchBookmarks)=[^&]*/g, ""),
      );
      bodies[name] = body;
      const known = answers[name] ?? (path === "/apis" ? json(200, {}) : status(404, "NotFound", `no ${name}`));
      known(request, body, response);
    });
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  const bound = api.address();
  address = `http://127.0.0.1:${typeof bound === "object" && bound ? bound.port : 0}`;
});
afterAll(() => {
  api.closeAllConnections();
  api.close();
});
beforeEach(() => {
  answers = {};
  calls = [];
  bodies = {};
});

describe("what is asked of the API server", () => {
  test("nothing for a check and a difference", async () => {
    const client = await connect();
    await call((done) => client.check(new pb.CheckRequest().setUrn(urn()).setType(TYPE).setNews(struct(MAP)).setOlds(struct(MAP)), done));
    const diff = await call<InstanceType<typeof pb.DiffResponse>>((done) =>
      client.diff(new pb.DiffRequest().setId("n/m").setUrn(urn()).setType(TYPE).setOlds(struct(state())).setNews(struct(MAP)), done),
    );
    expect(diff.getChanges()).toBe(pb.DiffResponse.DiffChanges.DIFF_NONE);
    expect(calls).toEqual([]);
  });

  test("a create is a create, by the name from which an update takes over", async () => {
    answers[`POST ${PATH}`] = json(201, live());
    const made = await create(await connect());
    expect(made.getId()).toBe("n/m");
    expect(made.getProperties()?.toJavaScript()).toMatchObject({ __inputs: MAP, __initialApiVersion: "v1", data: { k: "v" } });
    expect(calls).toEqual(["GET /apis", `POST ${PATH}?fieldManager=pulumi-kubernetes`]);
    expect(JSON.parse(bodies[`POST ${PATH}`] ?? "")).toEqual(MAP);
  });

  test("an upsert, and a patch of someone else's object, is an apply", async () => {
    answers[`PATCH ${PATH}/m`] = json(200, live());
    const named = { ...MAP, metadata: { ...MAP.metadata, annotations: { "pulumi.com/patchFieldManager": "me" } } };
    await create(await connect({ upsertExistingObjects: "true" }), named);
    expect(calls.at(-1)).toBe(`PATCH ${PATH}/m?fieldManager=me&force=false&fieldValidation=Warn`);
    await create(await connect(), named, false, `${TYPE}Patch`);
    expect(calls.at(-1)).toBe(`PATCH ${PATH}/m?fieldManager=me&force=false&fieldValidation=Warn`);
  });

  test("a namespace that is not there is asked for once; its objects are previewed as the inputs say", async () => {
    const client = await connect();
    const previews = await Promise.all([create(client, MAP, true), create(client, { ...MAP, data: {} }, true)]);
    expect(previews.map((preview) => preview.getProperties()?.toJavaScript())).toEqual([MAP, { ...MAP, data: {} }]);
    expect(calls).toEqual(["GET /apis", "GET /api/v1/namespaces/n"]);
  });

  test("a preview is a dry run; what is not known yet is not sent", async () => {
    answers["GET /api/v1/namespaces/n"] = json(200, {});
    answers[`POST ${PATH}`] = json(201, { ...live(), status: {} });
    const client = await connect();
    const preview = (await create(client, MAP, true)).getProperties()?.toJavaScript();
    expect(preview).toMatchObject({ metadata: { uid: "u1" } });
    expect(preview).not.toHaveProperty("status");
    expect(calls.at(-1)).toBe(`POST ${PATH}?fieldManager=pulumi-kubernetes&dryRun=All`);
    calls = [];
    await create(client, { ...MAP, data: { k: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" } }, true);
    expect(calls).toEqual([]);
  });

  test("an update takes over what the creation owns, then applies; what is ignored is sent as it is", async () => {
    answers[`GET ${PATH}/m`] = json(200, live({ data: { k: "drifted" } }));
    answers[`PATCH ${PATH}/m`] = json(200, live());
    const client = await connect();
    await update(client, { ...MAP, data: { k: "new" } });
    const manager = "fieldManager=pulumi-kubernetes-00000000&force=false";
    expect(calls).toEqual(["GET /apis", `GET ${PATH}/m`, `PATCH ${PATH}/m`, `PATCH ${PATH}/m?${manager}`]);
    expect(JSON.parse(bodies[`PATCH ${PATH}/m`] ?? "")).toEqual({ ...MAP, data: { k: "new" } });
    answers[`PATCH ${PATH}/m`] = (request, body, response) => {
      const handedOver = { ...live({ data: { k: "drifted" } }), metadata: { ...MAP.metadata, managedFields: JSON.parse(body)[0]?.value } };
      json(200, request.headers["content-type"] === "application/json-patch+json" ? handedOver : live())(request, body, response);
    };
    await update(client, { ...MAP, data: { k: "new" } }, ["data.k"]);
    expect(JSON.parse(bodies[`PATCH ${PATH}/m`] ?? "")).toEqual({ ...MAP, data: { k: "drifted" } });
  });

  test("a deletion waits until the object is gone", async () => {
    answers[`DELETE ${PATH}/m`] = json(200, live());
    answers[`GET ${PATH}`] = json(200, { metadata: { resourceVersion: "8" }, items: [live()] });
    answers[`GET ${PATH}/m`] = json(200, live());
    let gone: (() => void) | undefined;
    answers[`GET ${PATH}?watch`] = (_request, _body, response) => {
      response.writeHead(200).flushHeaders();
      gone = () => void response.write(`${JSON.stringify({ type: "DELETED", object: live() })}\n`);
    };
    let done = false;
    const removing = remove(await connect()).then(() => {
      done = true;
    });
    await expect.poll(() => calls.filter((one) => one.includes("watch=true")), SOON).toHaveLength(1);
    await expect.poll(() => calls, SOON).toContain(`GET ${PATH}/m`);
    expect(done).toBe(false);
    gone?.();
    await removing;
    expect(JSON.parse(bodies[`DELETE ${PATH}/m`] ?? "")).toMatchObject({ propagationPolicy: "Foreground" });
  });

  test("what is gone already is deleted", async () => {
    await remove(await connect());
    expect(calls).toEqual(["GET /apis", `DELETE ${PATH}/m`]);
  });
});

describe("what goes wrong", () => {
  test("a conflict says who, and what to do, and records what is there", async () => {
    const fields = { managedFields: [{ manager: "kubectl-edit", operation: "Update", fieldsType: "FieldsV1", fieldsV1: {} }] };
    answers[`GET ${PATH}/m`] = json(200, live({ metadata: { ...MAP.metadata, ...fields }, data: { k: "theirs" } }));
    answers[`PATCH ${PATH}/m`] = status(409, "Conflict", 'Apply failed with 1 conflict: conflict with "kubectl": .data.k');
    const error = await failure(update(await connect(), { ...MAP, data: { k: "ours" } }));
    expect(error.details).toMatch(
      /^the Kubernetes API server reported that "n\/m" failed to fully initialize or become live: server-side apply field conflict detected, see https:\S+ for troubleshooting help\nThe resource managed by field manager "pulumi-kubernetes-00000000" had an apply conflict: Apply failed with 1 conflict/,
    );
    const [raw] = error.metadata.get("grpc-status-details-bin");
    const [detail] = statusPb.Status.deserializeBinary(Buffer.from(raw ?? "")).getDetailsList();
    const recorded = pb.ErrorResourceInitFailed.deserializeBinary(detail?.getValue_asU8() ?? new Uint8Array());
    expect(recorded.getProperties()?.toJavaScript()).toMatchObject({ data: { k: "theirs" }, __inputs: { data: { k: "ours" } } });
  });

  test("no server: creations say so, and name it", async () => {
    const client = await connect({}, "http://127.0.0.1:1");
    expect((await failure(create(client))).details).toBe(
      'configured Kubernetes cluster is unreachable: unable to load schema information from the API server: Get "http://127.0.0.1:1/apis?timeout=32s": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    expect((await create(client, MAP, true)).getProperties()?.toJavaScript()).toEqual(MAP);
    expect((await failure(remove(client))).details).toContain("PULUMI_K8S_DELETE_UNREACHABLE");
  });

  test("a refused credential is named as such, without the credential", async () => {
    answers["GET /apis"] = status(401, "Unauthorized", "Unauthorized");
    const { details } = await failure(create(await connect()));
    expect(details).toContain("the server has asked for the client to provide credentials");
  });

  test("Helm, functions and unknown options are refused with what to do", async () => {
    const client = await connect();
    expect((await failure(create(client, {}, false, "kubernetes:helm.sh/v3:Release"))).details).toContain(
      "Install Pulumi's official kubernetes plugin",
    );
    const invoked = await failure(call((done) => client.invoke(new pb.InvokeRequest().setTok("kubernetes:yaml:decode"), done)));
    expect(invoked.details).toContain("official kubernetes plugin");
    const checked = await call<InstanceType<typeof pb.CheckResponse>>((done) =>
      client.checkConfig(new pb.CheckRequest().setUrn(urn()).setNews(struct({ enableServerSideApply: "false", what: "1" })), done),
    );
    expect(checked.getFailuresList().map((one) => one.getProperty())).toEqual(["enableServerSideApply", "what"]);
  });

  test("a cancelled wait records the object", async () => {
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "m", namespace: "n", uid: "u1" }, spec: {} };
    const pods = "/api/v1/namespaces/n/pods";
    answers[`POST ${pods}`] = json(201, pod);
    answers[`GET ${pods}`] = json(200, { metadata: { resourceVersion: "1" }, items: [pod] });
    answers[`GET ${pods}?watch`] = watching({ type: "BOOKMARK", object: { metadata: { resourceVersion: "2" } } });
    const client = await connect();
    const failing = failure(create(client, pod, false, "kubernetes:core/v1:Pod"));
    await expect.poll(() => calls.filter((one) => one.startsWith(`GET ${pods}?`) && one.includes("watch=true")), SOON).toHaveLength(1);
    await call((done) => client.cancel(new emptyPb.Empty(), done));
    expect((await failing).details).toContain('Resource operation was cancelled for "m"');
  });
});
