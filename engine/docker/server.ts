import type grpc from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import type { EngineLog } from "../plugin/engine-log.ts";
import { type Call, Calls, logicalName, type Provider, props, struct, typeOf } from "../plugin/service.ts";
import { same } from "../plugin/value.ts";
import { Daemon } from "./daemon.ts";
import type { Context } from "./kind.ts";
import { checkInputs, difference, kindOf, previewCreate, read, update } from "./operations.ts";
import { checkProvider, type Settings, settings } from "./provider-config.ts";

/** Version this plugin says it has: that of the SDK it serves. */
const VERSION = "5.2.0";

const oneError = (message: string): string => `1 error occurred:\n\t* ${message}\n\n`;

/** The ResourceProvider service of one plugin process. */
export class Plugin implements Provider {
  readonly #log: EngineLog | undefined;
  readonly #calls = new Calls(oneError);
  #settings: Settings | undefined;
  #daemon: Daemon | undefined;

  constructor(log: EngineLog | undefined) {
    this.#log = log;
  }

  async stop(abandon: boolean): Promise<void> {
    await this.#calls.stop(abandon);
  }

  #context<Q, A>(call: Call<Q, A>, urn: string): Context {
    this.#settings ??= settings({}, process.env);
    this.#daemon ??= new Daemon(this.#settings.host);
    return {
      daemon: this.#daemon,
      signal: this.#calls.signal(call),
      abandoned: () => this.#calls.ending || call.cancelled,
      log: async (severity, message) => await this.#log?.log(urn, severity, message),
      credentials: this.#settings.credentials,
    };
  }

  /** The handlers, by method name. Methods left out answer UNIMPLEMENTED, as the official plugin's Handshake does. */
  handlers(): grpc.UntypedServiceImplementation {
    const calls = this.#calls;
    return {
      getPluginInfo: calls.answer<unknown, InstanceType<typeof pluginPb.PluginInfo>>(() => new pluginPb.PluginInfo().setVersion(VERSION)),
      checkConfig: calls.answer<InstanceType<typeof pb.CheckRequest>, InstanceType<typeof pb.CheckResponse>>((request) => {
        const inputs = props(request.getNews());
        const failures = checkProvider(request.getName() || logicalName(request.getUrn()), inputs);
        return new pb.CheckResponse()
          .setInputs(struct(inputs))
          .setFailuresList(failures.map((reason) => new pb.CheckFailure().setReason(reason)));
      }),
      diffConfig: calls.answer<InstanceType<typeof pb.DiffRequest>, InstanceType<typeof pb.DiffResponse>>((request) => {
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
      configure: calls.answer<InstanceType<typeof pb.ConfigureRequest>, InstanceType<typeof pb.ConfigureResponse>>((request) => {
        this.#settings = settings(props(request.getArgs()), process.env);
        this.#daemon = new Daemon(this.#settings.host);
        return new pb.ConfigureResponse().setSupportspreview(true).setSupportsAutonamingConfiguration(true);
      }),
      invoke: calls.answer<InstanceType<typeof pb.InvokeRequest>, InstanceType<typeof pb.InvokeResponse>>((request) => {
        throw new Error(
          `function ${request.getTok()} is not implemented by this stand-in for the docker plugin: install the official plugin to use it`,
        );
      }),
      check: calls.answer<InstanceType<typeof pb.CheckRequest>, InstanceType<typeof pb.CheckResponse>>((request) => this.#check(request)),
      diff: calls.answer<InstanceType<typeof pb.DiffRequest>, InstanceType<typeof pb.DiffResponse>>((request) => this.#diff(request)),
      create: calls.answer<InstanceType<typeof pb.CreateRequest>, InstanceType<typeof pb.CreateResponse>>(async (request, call) => {
        const kind = kindOf(request.getType() || typeOf(request.getUrn()));
        const inputs = props(request.getProperties());
        if (request.getPreview()) return new pb.CreateResponse().setProperties(struct(previewCreate(kind, inputs)));
        const made = await kind.create(this.#context(call, request.getUrn()), inputs);
        return new pb.CreateResponse().setId(made.id).setProperties(struct(made.state));
      }),
      read: calls.answer<InstanceType<typeof pb.ReadRequest>, InstanceType<typeof pb.ReadResponse>>(async (request, call) => {
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
      update: calls.answer<InstanceType<typeof pb.UpdateRequest>, InstanceType<typeof pb.UpdateResponse>>(async (request, call) => {
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
      delete: calls.answer<InstanceType<typeof pb.DeleteRequest>, InstanceType<typeof emptyPb.Empty>>(async (request, call) => {
        const kind = kindOf(request.getType() || typeOf(request.getUrn()));
        await kind.delete(this.#context(call, request.getUrn()), request.getId(), props(request.getProperties()));
        return new emptyPb.Empty();
      }),
      cancel: calls.cancel(),
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
