import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import grpc from "@grpc/grpc-js";
import type { Context } from "./kind.ts";
import { bytesField, textField, textOf } from "./wire.ts";

export interface Session {
  readonly id: string;
  close(): void;
}

type Handler = (request: Buffer) => Buffer;

class NotFound extends Error {}

function method(path: string): grpc.MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function service(server: grpc.Server, name: string, handlers: { readonly [method: string]: Handler }): string[] {
  const definition: { [name: string]: grpc.MethodDefinition<Buffer, Buffer> } = {};
  const implementation: grpc.UntypedServiceImplementation = {};
  for (const [key, handler] of Object.entries(handlers)) {
    definition[key] = method(`/${name}/${key}`);
    implementation[key] = (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>): void => {
      try {
        callback(null, handler(call.request));
      } catch (error) {
        const code = error instanceof NotFound ? grpc.status.NOT_FOUND : grpc.status.INTERNAL;
        callback({ code, details: error instanceof Error ? error.message : String(error) });
      }
    };
  }
  server.addService(definition, implementation);
  return Object.keys(handlers).map((key) => `/${name}/${key}`);
}

/**
 * Opens a BuildKit session over the Docker API: the builder calls back over this connection for build secrets and registry credentials.
 * `secrets` are by id; one that is not there is NotFound, which a mount without `required` takes as empty.
 */
export async function openSession(context: Context, secrets: ReadonlyMap<string, Buffer>): Promise<Session> {
  const id = randomUUID();
  const server = new grpc.Server();
  const methods = [
    // moby.buildkit.secrets.v1: GetSecretRequest {ID = 1}, GetSecretResponse {data = 1}
    ...service(server, "moby.buildkit.secrets.v1.Secrets", {
      GetSecret: (request) => {
        const name = textOf(request, 1);
        const secret = secrets.get(name);
        if (!secret) throw new NotFound(`secret ${name} not found`);
        return bytesField(1, secret);
      },
    }),
    // moby.filesync.v1: CredentialsRequest {Host = 1}, CredentialsResponse {Username = 1, Secret = 2}
    ...service(server, "moby.filesync.v1.Auth", {
      Credentials: (request) => {
        const host = textOf(request, 1);
        const known = context.credentials(host === "registry-1.docker.io" ? "docker.io" : host);
        return Buffer.concat([textField(1, known?.username ?? ""), textField(2, known?.password ?? "")]);
      },
    }),
    // grpc.health.v1: HealthCheckResponse {status = 1: SERVING}; the builder gives a session up that does not answer.
    ...service(server, "grpc.health.v1.Health", { Check: () => Buffer.from([8, 1]) }),
  ];
  const socket: Duplex = await context.daemon.hijack({
    method: "POST",
    path: "/session",
    headers: {
      Upgrade: "h2c",
      "X-Docker-Expose-Session-Uuid": id,
      "X-Docker-Expose-Session-Name": "clawfleet",
      "X-Docker-Expose-Session-Grpc-Method": methods,
    },
    signal: context.signal,
  });
  socket.on("error", () => undefined);
  server.createConnectionInjector(grpc.ServerCredentials.createInsecure()).injectConnection(socket);
  return {
    id,
    close: () => {
      server.forceShutdown();
      socket.destroy();
    },
  };
}
