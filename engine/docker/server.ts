import grpc from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import anyPb from "google-protobuf/google/protobuf/any_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { Daemon } from "./daemon.ts";
import type { EngineLog } from "./engine-log.ts";
import { type Context, InitError } from "./kind.ts";
import { checkInputs, difference, kindOf, previewCreate, read, update } from "./operations.ts";
import { checkProvider, type Settings, settings } from "./provider-config.ts";
import { isProps, type Props, same, toValue } from "./value.ts";

/** Version this plugin says it has: that of the SDK it serves. */
const VERSION = "5.2.0";

type Struct = InstanceType<typeof structPb.Struct>;
type Call<Q, A> = grpc.ServerUnaryCall<Q, A>;

function props(struct: Struct | undefined): Props {
  const value = toValue(struct?.toJavaScript() ?? {});
  return isProps(value) ? value : {};
}

const struct = (value: Props): Struct => structPb.Struct.fromJavaScript(value);

/** `urn:pulumi:stack::project::type::name`. */
const logicalName = (urn: string): string => urn.split("::").slice(3).join("::");

const oneError = (message: string): string => `1 error occurred:\n\t* ${message}\n\n`;

/** An error as the engine expects it; with an InitError's resource, which it then records. */
function toStatus(error: unknown): Partial<grpc.StatusObject> & { code: grpc.status } {
  const message = error instanceof Error ? error.message : String(error);
  const metadata = new grpc.Metadata();
  if (error instanceof InitError) {
    const detail = new pb.ErrorResourceInitFailed().setId(error.id).setProperties(struct(error.state)).setReasonsList([message]);
    const any = new anyPb.Any();
    any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new statusPb.Status().setCode(grpc.status.UNKNOWN).setMessage(oneError(message)).setDetailsList([any]);
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, details: oneError(message), metadata };
}

/** The ResourceProvider service of one plugin process. */
export class Plugin {
  readonly #log: EngineLog | undefined;
  readonly #cancel = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #ending = false;
  #settings: Settings | undefined;
  #daemon: Daemon | undefined;

  constructor(log: EngineLog | undefined) {
    this.#log = log;
  }

  /** Stops what runs. `abandon` = nobody waits for answers any more, so half-made resources are removed. */
  async stop(abandon: boolean): Promise<void> {
    this.#ending ||= abandon;
    this.#cancel.abort();
    await Promise.allSettled([...this.#running]);
  }

  #context<Q, A>(call: Call<Q, A>, urn: string): Context {
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    this.#settings ??= settings({}, process.env);
    this.#daemon ??= new Daemon(this.#settings.host);
    return {
      daemon: this.#daemon,
      signal: AbortSignal.any([this.#cancel.signal, gone.signal]),
      abandoned: () => this.#ending || call.cancelled,
      log: async (severity, message) => await this.#log?.log(urn, severity, message),
      credentials: this.#settings.credentials,
    };
  }

  /** A handler that answers with what `run` gives, or with its error. */
  #answer<Q, A>(run: (request: Q, call: Call<Q, A>) => A | Promise<A>): grpc.handleUnaryCall<Q, A> {
    return (call, callback) => {
      const work = (async () => await run(call.request, call))();
      this.#running.add(work);
      work
        .then((answer) => callback(null, answer))
        .catch((error: unknown) => callback(toStatus(error)))
        .finally(() => this.#running.delete(work));
    };
  }

  /** The handlers, by method name. Methods left out answer UNIMPLEMENTED, as the official plugin's Handshake does. */
  handlers(): grpc.UntypedServiceImplementation {
    return {
      getPluginInfo: this.#answer<unknown, InstanceType<typeof pluginPb.PluginInfo>>(() => new pluginPb.PluginInfo().setVersion(VERSION)),
      checkConfig: this.#answer<InstanceType<typeof pb.CheckRequest>, InstanceType<typeof pb.CheckResponse>>((request) => {
        const inputs = props(request.getNews());
        const failures = checkProvider(request.getName() || logicalName(request.getUrn()), inputs);
        return new pb.CheckResponse()
          .setInputs(struct(inputs))
          .setFailuresList(failures.map((reason) => new pb.CheckFailure().setReason(reason)));
      }),
      diffConfig: this.#answer<InstanceType<typeof pb.DiffRequest>, InstanceType<typeof pb.DiffResponse>>((request) => {
        const olds = props(request.getOldInputs() ?? request.getOlds());
        const news = props(request.getNews());
        const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])]
          .filter((key) => key !== "version" && !same(olds[key], news[key]))
          .sort();
        const response = new pb.DiffResponse();
        if (changed.length === 0) return response;
        for (const key of changed)
          response.getDetaileddiffMap().set(key, new pb.PropertyDiff().setKind(pb.PropertyDiff.Kind.UPDATE).setInputdiff(true));
        return response.setChanges(pb.DiffResponse.DiffChanges.DIFF_SOME).setDiffsList(changed);
      }),
      configure: this.#answer<InstanceType<typeof pb.ConfigureRequest>, InstanceType<typeof pb.ConfigureResponse>>((request) => {
        this.#settings = settings(props(request.getArgs()), process.env);
        this.#daemon = new Daemon(this.#settings.host);
        return new pb.ConfigureResponse().setSupportspreview(true).setSupportsAutonamingConfiguration(true);
      }),
      invoke: this.#answer<InstanceType<typeof pb.InvokeRequest>, InstanceType<typeof pb.InvokeResponse>>((request) => {
        throw new Error(
          `function ${request.getTok()} is not implemented by this stand-in for the docker plugin: install the official plugin to use it`,
        );
      }),
      check: this.#answer<InstanceType<typeof pb.CheckRequest>, InstanceType<typeof pb.CheckResponse>>((request) => this.#check(request)),
      diff: this.#answer<InstanceType<typeof pb.DiffRequest>, InstanceType<typeof pb.DiffResponse>>((request) => this.#diff(request)),
      create: this.#answer<InstanceType<typeof pb.CreateRequest>, InstanceType<typeof pb.CreateResponse>>(async (request, call) => {
        const kind = kindOf(request.getType() || typeOf(request.getUrn()));
        const inputs = props(request.getProperties());
        if (request.getPreview()) return new pb.CreateResponse().setProperties(struct(previewCreate(kind, inputs)));
        const made = await kind.create(this.#context(call, request.getUrn()), inputs);
        return new pb.CreateResponse().setId(made.id).setProperties(struct(made.state));
      }),
      read: this.#answer<InstanceType<typeof pb.ReadRequest>, InstanceType<typeof pb.ReadResponse>>(async (request, call) => {
        const kind = kindOf(request.getType() || typeOf(request.getUrn()));
        const found = await read(
          kind,
          this.#context(call, request.getUrn()),
          request.getId(),
          props(request.getInputs()),
          props(request.getProperties()),
        );
        if (!found) return new pb.ReadResponse();
        return new pb.ReadResponse().setId(found.id).setProperties(struct(found.state)).setInputs(struct(found.inputs));
      }),
      update: this.#answer<InstanceType<typeof pb.UpdateRequest>, InstanceType<typeof pb.UpdateResponse>>(async (request, call) => {
        const kind = kindOf(request.getType() || typeOf(request.getUrn()));
        const context = request.getPreview() ? undefined : this.#context(call, request.getUrn());
        const state = await update(
          kind,
          context,
          request.getId(),
          props(request.getOlds()),
          props(request.getNews()),
          request.getIgnorechangesList(),
        );
        return new pb.UpdateResponse().setProperties(struct(state));
      }),
      delete: this.#answer<InstanceType<typeof pb.DeleteRequest>, InstanceType<typeof emptyPb.Empty>>(async (request, call) => {
        const kind = kindOf(request.getType() || typeOf(request.getUrn()));
        await kind.delete(this.#context(call, request.getUrn()), request.getId(), props(request.getProperties()));
        return new emptyPb.Empty();
      }),
      // Not waited for: its answer must come while the operations it cancels still end.
      cancel: (_call: Call<unknown, unknown>, callback: grpc.sendUnaryData<InstanceType<typeof emptyPb.Empty>>) => {
        this.#cancel.abort();
        callback(null, new emptyPb.Empty());
      },
    };
  }

  #check(request: InstanceType<typeof pb.CheckRequest>): InstanceType<typeof pb.CheckResponse> {
    const kind = kindOf(request.getType() || typeOf(request.getUrn()));
    const autonaming = request.getAutonaming();
    const proposed = autonaming?.getProposedName();
    const { inputs, failures } = checkInputs(kind, props(request.getNews()), props(request.getOlds()), {
      logical: logicalName(request.getUrn()),
      seed: request.getRandomseed_asU8(),
      ...(proposed ? { proposed } : {}),
      forbidden: autonaming?.getMode() === pb.CheckRequest.AutonamingOptions.Mode.DISABLE,
    });
    return new pb.CheckResponse()
      .setInputs(struct(inputs))
      .setFailuresList(failures.map((reason) => new pb.CheckFailure().setReason(reason)));
  }

  #diff(request: InstanceType<typeof pb.DiffRequest>): InstanceType<typeof pb.DiffResponse> {
    const kind = kindOf(request.getType() || typeOf(request.getUrn()));
    const found = difference(kind, props(request.getOlds()), props(request.getNews()), request.getIgnorechangesList());
    const response = new pb.DiffResponse().setStablesList([...found.stables]).setHasdetaileddiff(true);
    if (found.changes.length === 0) return response.setChanges(pb.DiffResponse.DiffChanges.DIFF_NONE);
    for (const { path, kind: change, replace } of found.changes) {
      const { Kind } = pb.PropertyDiff;
      const plain = { ADD: Kind.ADD, DELETE: Kind.DELETE, UPDATE: Kind.UPDATE }[change];
      const replacing = { ADD: Kind.ADD_REPLACE, DELETE: Kind.DELETE_REPLACE, UPDATE: Kind.UPDATE_REPLACE }[change];
      response.getDetaileddiffMap().set(path, new pb.PropertyDiff().setKind(replace ? replacing : plain));
    }
    return response
      .setChanges(pb.DiffResponse.DiffChanges.DIFF_SOME)
      .setDiffsList([...found.names])
      .setReplacesList([...found.replaces])
      .setDeletebeforereplace(kind.deleteBeforeReplace && found.replaces.length > 0);
  }
}

/** The type in a URN, without those of its parents. */
function typeOf(urn: string): string {
  return (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
}

/** Starts serving on a free port of the loopback; the port. */
export async function serve(plugin: Plugin): Promise<number> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(providerGrpc.ResourceProviderService, plugin.handlers());
  return await new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
}
