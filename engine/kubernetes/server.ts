import type grpc from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import type { EngineLog } from "../plugin/engine-log.ts";
import { type Call, Calls, logicalName, type Provider, props, struct, typeOf } from "../plugin/service.ts";
import { checkInputs } from "./check.ts";
import { Cluster } from "./cluster.ts";
import type { Context } from "./context.ts";
import { differenceOf } from "./diff-resource.ts";
import { deleteResource, readResource } from "./existing.ts";
import { isList, parseToken } from "./kinds.ts";
import { annotation, apiVersionOf, kindOf, metadata } from "./object.ts";
import { createResource, previewCreate, updateResource } from "./operations.ts";
import { holdsSecret, plainProps } from "./secrets.ts";
import { checkProvider, diffProvider, type Settings, settings } from "./settings.ts";
import { parseState } from "./state.ts";

/** Version this plugin says it has: that of the SDK it serves. */
const VERSION = "4.32.0";

type Message<T extends abstract new (...args: never) => unknown> = InstanceType<T>;

/** The ResourceProvider service of one plugin process. */
export class Plugin implements Provider {
  readonly #log: EngineLog | undefined;
  readonly #calls = new Calls();
  readonly #env: NodeJS.ProcessEnv;
  #settings: Settings | undefined;
  #cluster: Cluster | undefined;

  constructor(log: EngineLog | undefined, env: NodeJS.ProcessEnv = process.env) {
    this.#log = log;
    this.#env = env;
  }

  async stop(abandon: boolean): Promise<void> {
    await this.#calls.stop(abandon);
  }

  #configure(args: ReturnType<typeof props>): { readonly settings: Settings; readonly cluster: Cluster } {
    this.#settings = settings(args, this.#env);
    this.#cluster = new Cluster(this.#settings);
    return { settings: this.#settings, cluster: this.#cluster };
  }

  #context<Q, A>(call: Call<Q, A>, urn: string, type: string): Context {
    const configured = this.#settings && this.#cluster ? { settings: this.#settings, cluster: this.#cluster } : this.#configure({});
    parseToken(type);
    return {
      urn,
      type,
      ...configured,
      signal: this.#calls.signal(call),
      log: async (severity, message) => await this.#log?.log(urn, severity, message),
    };
  }

  /** The handlers, by method name. Methods left out answer UNIMPLEMENTED, as the official plugin's Handshake does. */
  handlers(): grpc.UntypedServiceImplementation {
    const calls = this.#calls;
    return {
      getPluginInfo: calls.answer<unknown, Message<typeof pluginPb.PluginInfo>>(() => new pluginPb.PluginInfo().setVersion(VERSION)),
      checkConfig: calls.answer<Message<typeof pb.CheckRequest>, Message<typeof pb.CheckResponse>>((request) => {
        const failures = checkProvider(request.getUrn(), props(request.getNews()), this.#env).map(({ property, reason }) =>
          new pb.CheckFailure().setProperty(property).setReason(reason),
        );
        return new pb.CheckResponse().setInputs(request.getNews()).setFailuresList(failures);
      }),
      diffConfig: calls.answer<Message<typeof pb.DiffRequest>, Message<typeof pb.DiffResponse>>(async (request) => {
        const { changed, replaces } = await diffProvider(props(request.getOlds()), props(request.getNews()));
        const { DiffChanges } = pb.DiffResponse;
        if (changed.length === 0) return new pb.DiffResponse().setChanges(DiffChanges.DIFF_NONE);
        return new pb.DiffResponse()
          .setChanges(DiffChanges.DIFF_SOME)
          .setDiffsList([...changed])
          .setReplacesList([...replaces]);
      }),
      configure: calls.answer<Message<typeof pb.ConfigureRequest>, Message<typeof pb.ConfigureResponse>>((request) => {
        this.#configure(props(request.getArgs()));
        return new pb.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true).setSupportsAutonamingConfiguration(true);
      }),
      invoke: calls.answer<Message<typeof pb.InvokeRequest>, Message<typeof pb.InvokeResponse>>((request) => {
        throw new Error(
          `function ${request.getTok()} is not implemented by this stand-in for the kubernetes plugin: install Pulumi's official kubernetes plugin to use it`,
        );
      }),
      construct: calls.answer<Message<typeof pb.ConstructRequest>, Message<typeof pb.ConstructResponse>>((request) => {
        throw new Error(
          `${request.getType()} is not implemented by this stand-in for the kubernetes plugin: install Pulumi's official kubernetes plugin to use it`,
        );
      }),
      check: calls.answer<Message<typeof pb.CheckRequest>, Message<typeof pb.CheckResponse>>((request, call) => this.#check(request, call)),
      diff: calls.answer<Message<typeof pb.DiffRequest>, Message<typeof pb.DiffResponse>>((request, call) => this.#diff(request, call)),
      create: calls.answer<Message<typeof pb.CreateRequest>, Message<typeof pb.CreateResponse>>(async (request, call) => {
        const context = this.#context(call, request.getUrn(), request.getType() || typeOf(request.getUrn()));
        const inputs = props(request.getProperties());
        if (request.getPreview()) {
          const state = await previewCreate(context, inputs);
          return new pb.CreateResponse().setProperties(state ? struct(state) : request.getProperties());
        }
        const { id, state } = await createResource(context, inputs, request.getTimeout());
        return new pb.CreateResponse().setId(id).setProperties(struct(state));
      }),
      read: calls.answer<Message<typeof pb.ReadRequest>, Message<typeof pb.ReadResponse>>(async (request, call) => {
        const context = this.#context(call, request.getUrn(), request.getType() || typeOf(request.getUrn()));
        const found = await readResource(context, request.getId(), props(request.getInputs()), props(request.getProperties()));
        if (!found) return new pb.ReadResponse();
        return new pb.ReadResponse().setId(found.id).setProperties(struct(found.state)).setInputs(struct(found.inputs));
      }),
      update: calls.answer<Message<typeof pb.UpdateRequest>, Message<typeof pb.UpdateResponse>>(async (request, call) => {
        const context = this.#context(call, request.getUrn(), request.getType() || typeOf(request.getUrn()));
        const state = await updateResource(
          context,
          props(request.getOlds()),
          props(request.getNews()),
          request.getIgnorechangesList(),
          request.getTimeout(),
          request.getPreview(),
        );
        return new pb.UpdateResponse().setProperties(struct(state));
      }),
      delete: calls.answer<Message<typeof pb.DeleteRequest>, Message<typeof emptyPb.Empty>>(async (request, call) => {
        const context = this.#context(call, request.getUrn(), request.getType() || typeOf(request.getUrn()));
        await deleteResource(context, request.getId(), props(request.getProperties()), request.getTimeout());
        return new emptyPb.Empty();
      }),
      cancel: calls.cancel(),
    };
  }

  async #check(
    request: Message<typeof pb.CheckRequest>,
    call: Call<Message<typeof pb.CheckRequest>, Message<typeof pb.CheckResponse>>,
  ): Promise<Message<typeof pb.CheckResponse>> {
    const type = request.getType() || typeOf(request.getUrn());
    const context = this.#context(call, request.getUrn(), type);
    if (isList(parseToken(type))) {
      throw new Error(
        "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created directly. Use the underlying resource type instead",
      );
    }
    if (context.settings.skipUpdateUnreachable && (await context.cluster.why()) !== undefined) {
      await context.log("warning", "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...");
      return new pb.CheckResponse().setInputs(request.getOlds());
    }
    const autonaming = request.getAutonaming();
    const proposed = autonaming?.getProposedName();
    const news = props(request.getNews());
    if (annotation(plainProps(news), "autonamed") !== "") {
      await context.log("warning", 'ignoring user-specified value for internal annotation "pulumi.com/autonamed"');
    }
    const inputs = await checkInputs(
      type,
      news,
      props(request.getOlds()),
      {
        logical: logicalName(request.getUrn()),
        seed: request.getRandomseed_asU8(),
        ...(proposed ? { proposed } : {}),
        forbidden: autonaming?.getMode() === pb.CheckRequest.AutonamingOptions.Mode.DISABLE,
      },
      async () => await context.cluster.namespaced(parseToken(type).apiVersion, parseToken(type).kind),
      context.settings.namespace,
    );
    if (context.settings.render !== undefined && holdsSecret(inputs)) {
      await context.log("warning", "rendered YAML will contain a secret value in plaintext");
    }
    return new pb.CheckResponse().setInputs(struct(inputs));
  }

  async #diff(
    request: Message<typeof pb.DiffRequest>,
    call: Call<Message<typeof pb.DiffRequest>, Message<typeof pb.DiffResponse>>,
  ): Promise<Message<typeof pb.DiffResponse>> {
    const type = request.getType() || typeOf(request.getUrn());
    const context = this.#context(call, request.getUrn(), type);
    const news = props(request.getNews());
    const olds = props(request.getOlds());
    const namespaced = await context.cluster.namespaced(apiVersionOf(news), kindOf(news));
    const found = differenceOf(type, olds, news, request.getIgnorechangesList(), namespaced, context.settings.mutable);
    const replaces = [...found.replaces];
    if (annotation(plainProps(news), "replaceUnready") === "true" && (await this.#unready(context, olds))) {
      replaces.push('.metadata.annotations["pulumi.com/replaceUnready"]');
    }
    const { DiffChanges } = pb.DiffResponse;
    const some =
      found.changes.length > 0 || replaces.length > 0 || (context.settings.render !== undefined && context.settings.alwaysRender);
    const response = new pb.DiffResponse()
      .setHasdetaileddiff(true)
      .setChanges(some ? DiffChanges.DIFF_SOME : DiffChanges.DIFF_NONE)
      .setReplacesList(replaces)
      .setDeletebeforereplace(found.deleteBeforeReplace);
    const { Kind } = pb.PropertyDiff;
    for (const { path, kind, replace, inputDiff } of found.changes) {
      const plain = { ADD: Kind.ADD, DELETE: Kind.DELETE, UPDATE: Kind.UPDATE }[kind];
      const replacing = { ADD: Kind.ADD_REPLACE, DELETE: Kind.DELETE_REPLACE, UPDATE: Kind.UPDATE_REPLACE }[kind];
      response.getDetaileddiffMap().set(path, new pb.PropertyDiff().setKind(replace ? replacing : plain).setInputdiff(inputDiff));
    }
    return response;
  }

  /** Whether a Job that is to be made again when it has not succeeded has not. */
  async #unready(context: Context, olds: ReturnType<typeof props>): Promise<boolean> {
    const { live } = parseState(olds);
    if ((await context.cluster.why()) !== undefined) {
      await context.log("warning", "Cluster is unreachable, skipping replaceUnready check");
      return false;
    }
    if (kindOf(live) !== "Job" || metadata(live).name === undefined) {
      await context.log("warning", "replaceUnready annotation is not supported for this resource");
      return false;
    }
    const { get } = await import("./apply.ts");
    const { jobComplete } = await import("./await/job.ts");
    try {
      return !jobComplete(await get((await context.cluster.use()).client, live, context.signal));
    } catch {
      // What cannot be read is left as it is.
      return false;
    }
  }
}
