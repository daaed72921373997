import grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";

/**
 * `status` and `status-warning` lines stand beside the resource until the next one, `last` is the one that remains; the others are printed
 * for good.
 */
export type Severity = "status" | "status-warning" | "last" | "info" | "warning";

/** Milliseconds between two status lines of one resource: more would only flicker. */
const PACE = 200;

/** The engine that started this plugin: takes log lines, and its end is this process's end. */
export class EngineLog {
  readonly #client: InstanceType<typeof engineGrpc.EngineClient>;
  readonly #waiting = new Map<string, { line: string; timer: NodeJS.Timeout }>();

  constructor(address: string) {
    this.#client = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure());
  }

  /** Shows a line at a resource; resolves when the engine has it. Of `status` lines only the latest of a fraction of a second is sent. */
  async log(urn: string, severity: Severity, message: string): Promise<void> {
    if (severity !== "status") {
      clearTimeout(this.#waiting.get(urn)?.timer);
      this.#waiting.delete(urn);
      await this.#send(urn, severity, message);
      return;
    }
    const waiting = this.#waiting.get(urn);
    if (waiting) {
      waiting.line = message;
      return;
    }
    const entry = {
      line: message,
      timer: setTimeout(() => {
        this.#waiting.delete(urn);
        if (entry.line !== message) void this.log(urn, "status", entry.line);
      }, PACE),
    };
    this.#waiting.set(urn, entry);
    await this.#send(urn, severity, message);
  }

  async #send(urn: string, severity: Severity, message: string): Promise<void> {
    const level = severity.endsWith("warning") ? enginePb.LogSeverity.WARNING : enginePb.LogSeverity.INFO;
    const ephemeral = severity.startsWith("status") || severity === "last";
    const request = new enginePb.LogRequest().setUrn(urn).setSeverity(level).setMessage(message).setEphemeral(ephemeral);
    // A line that does not arrive must not fail the operation it is about.
    await new Promise<void>((resolve) => this.#client.log(request, new grpc.Metadata(), { deadline: Date.now() + 5000 }, () => resolve()));
  }

  /** Calls back once when the engine is gone. */
  whenGone(gone: () => void): void {
    const channel = this.#client.getChannel();
    let connected = false;
    const look = (): void => {
      const state = channel.getConnectivityState(true);
      connected ||= state === grpc.connectivityState.READY;
      if (state === grpc.connectivityState.TRANSIENT_FAILURE && connected) {
        gone();
        return;
      }
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, (error) => {
        if (!error) look();
      });
    };
    look();
  }
}
