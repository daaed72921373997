import grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import anyPb from "google-protobuf/google/protobuf/any_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { isProps, type Props, toValue } from "./value.ts";

export type Struct = InstanceType<typeof structPb.Struct>;
export type Call<Q, A> = grpc.ServerUnaryCall<Q, A>;

/** What a plugin's process serves. */
export interface Provider {
  /** The handlers, by method name. Methods left out answer UNIMPLEMENTED. */
  handlers(): grpc.UntypedServiceImplementation;
  /** Stops what runs. `abandon` = nobody waits for answers any more, so half-made resources are removed. */
  stop(abandon: boolean): Promise<void>;
}

/** The resource exists but is not as it should be: the engine records it with this state, and these reasons, and the next update works on it again. */
export class InitError extends Error {
  readonly id: string;
  readonly state: Props;
  readonly reasons: readonly string[];
  /** Inputs as they really are, where a read found the resource so. */
  readonly inputs: Props | undefined;

  constructor(message: string, id: string, state: Props, reasons: readonly string[] = [message], inputs?: Props) {
    super(message);
    this.id = id;
    this.state = state;
    this.reasons = reasons;
    this.inputs = inputs;
  }
}

export function props(struct: Struct | undefined): Props {
  const value = toValue(struct?.toJavaScript() ?? {});
  return isProps(value) ? value : {};
}

export const struct = (value: Props): Struct => structPb.Struct.fromJavaScript(value);

/** `urn:pulumi:stack::project::type::name`. */
export const logicalName = (urn: string): string => urn.split("::").slice(3).join("::");

/** The type in a URN, without those of its parents. */
export const typeOf = (urn: string): string => (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";

/** An error as the engine expects it, its text as `wording` puts it; with an InitError's resource, which it then records. */
function toStatus(error: unknown, wording: (message: string) => string): Partial<grpc.StatusObject> & { code: grpc.status } {
  const message = error instanceof Error ? error.message : String(error);
  const metadata = new grpc.Metadata();
  if (error instanceof InitError) {
    const detail = new pb.ErrorResourceInitFailed()
      .setId(error.id)
      .setProperties(struct(error.state))
      .setReasonsList([...error.reasons]);
    if (error.inputs) detail.setInputs(struct(error.inputs));
    const any = new anyPb.Any();
    any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new statusPb.Status().setCode(grpc.status.UNKNOWN).setMessage(wording(message)).setDetailsList([any]);
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, details: wording(message), metadata };
}

/** The calls that a provider answers: what runs, what has been cancelled. */
export class Calls {
  readonly #cancel = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #wording: (message: string) => string;
  #ending = false;

  constructor(wording: (message: string) => string = (message) => message) {
    this.#wording = wording;
  }

  /** Whether nobody waits for answers any more. */
  get ending(): boolean {
    return this.#ending;
  }

  async stop(abandon: boolean): Promise<void> {
    this.#ending ||= abandon;
    this.#cancel.abort();
    await Promise.allSettled([...this.#running]);
  }

  /** Aborted when the engine cancels, the call's connection closes or this process is told to end. */
  signal<Q, A>(call: Call<Q, A>): AbortSignal {
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    return AbortSignal.any([this.#cancel.signal, gone.signal]);
  }

  /** A handler that answers with what `run` gives, or with its error. */
  answer<Q, A>(run: (request: Q, call: Call<Q, A>) => A | Promise<A>): grpc.handleUnaryCall<Q, A> {
    return (call, callback) => {
      const work = (async () => await run(call.request, call))();
      this.#running.add(work);
      work
        .then((answer) => callback(null, answer))
        .catch((error: unknown) => callback(toStatus(error, this.#wording)))
        .finally(() => this.#running.delete(work));
    };
  }

  /** The handler of Cancel: it does not wait, as its answer must come while the operations it cancels still end. */
  cancel(): grpc.handleUnaryCall<unknown, InstanceType<typeof emptyPb.Empty>> {
    return (_call, callback) => {
      this.#cancel.abort();
      callback(null, new emptyPb.Empty());
    };
  }
}

/** Starts serving on a free port of the loopback; the port. */
export async function serve(provider: Provider): Promise<number> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(providerGrpc.ResourceProviderService, provider.handlers());
  return await new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
}
