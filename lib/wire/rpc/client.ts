import type { Pipe } from "../../core/pipe.ts";
import { ClientConnection, type HeaderList, type Limits } from "../http2/mod.ts";
import { StreamingCall, UnaryCall } from "./client_call.ts";
import { fieldsOf } from "./metadata.ts";
import type { CallOptions, Metadata, RpcClient } from "./types.ts";

/** What a connection to a peer needs to know. */
export interface ConnectOptions {
  /** Whom the calls address: `localhost`, or host and port. */
  authority: string;
  /** Where the peer sits, for messages. @default {authority} */
  peer?: string;
  /** How the pipe is protected. @default {"http"} */
  scheme?: "http" | "https";
  /** What every call carries beside its own metadata. */
  metadata?: Metadata;
  limits?: Partial<Limits>;
}

/**
 * Speaks gRPC to the peer at the other end of `pipe`, which belongs to the client from now on. Calls may be made at once;
 * they fail with `unavailable` when the peer turns out not to speak gRPC.
 */
export function connectRpc(pipe: Pipe, options: ConnectOptions): RpcClient {
  const { authority, limits, peer = authority, scheme = "http" } = options;
  const connection = new ClientConnection(pipe, { peer, limits });
  const { maxMessageBytes } = connection.limits;
  const common = fieldsOf(options.metadata);

  const headersOf = (path: string): HeaderList => [
    [":method", "POST"],
    [":scheme", scheme],
    [":path", path],
    [":authority", authority],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ["user-agent", "jumpstarter"],
    ...common,
  ];

  return {
    unary(path: string, request: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
      const call = new UnaryCall(maxMessageBytes);
      call.start(connection, headersOf(path), options);
      call.send(request);
      return call.response;
    },
    stream(path: string, options: CallOptions = {}): StreamingCall {
      const call = new StreamingCall(maxMessageBytes);
      call.start(connection, headersOf(path), options);
      return call;
    },
    closed: connection.closed,
    close: () => connection.close(),
  };
}
