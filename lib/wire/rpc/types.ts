/**
 * The thin RPC layer's shapes: a path, request bytes in, response bytes out, streams likewise. Messages are opaque here;
 * what they mean is decided by the handlers and by the typed calls above.
 *
 * @module
 */
import type { Connection } from "../../contract/method.ts";

/** Request or response metadata: lower-case keys, each with its values in order. Underscores in keys are kept. */
export type Metadata = Readonly<Record<string, string>>;

/** What a handler knows of the call it answers. */
export interface ServerCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The request's metadata without HTTP/2 pseudo headers; several values of one key are joined by a comma. */
  readonly metadata: Metadata;
  /** Aborts when the caller went away, its deadline passed or the connection broke. Its reason is a JumpstarterError. */
  readonly signal: AbortSignal;
  /** Where the caller sits, for logs: `127.0.0.1:41022` or `unix`. */
  readonly peer: string;
  /** Whose call it is: the same object for every call of one connection. */
  readonly connection: Connection;
}

/** Both directions of a streaming call, seen from the server. */
export interface ServerStream extends ServerCall {
  /** Whether all that the caller had to send has arrived. It may then go away without taking any of it back. */
  readonly requestEnded: boolean;
  /**
   * The next message of the caller, or `undefined` after its last one. Rejects when the call was aborted, unless the
   * request had ended before.
   */
  receive(): Promise<Uint8Array | undefined>;
  /** Sends the initial metadata now instead of with the first message. */
  sendHeaders(metadata?: Metadata): void;
  /**
   * Queues one message, which may come in two parts; resolves when the peer's flow control lets the next one follow, at
   * once if it does already. Its memory may then be used again.
   */
  send(message: Uint8Array, rest?: Uint8Array): Promise<void> | void;
}

/** How one method is answered. A rejection becomes the call's status, by `toJumpstarterError`. */
export type Handler =
  | { kind: "unary"; handle(request: Uint8Array, call: ServerCall): Promise<Uint8Array> | Uint8Array }
  | { kind: "streaming"; handle(stream: ServerStream): Promise<void> };

/**
 * Finds the handler for a path; `undefined` answers UNIMPLEMENTED. `header` gives the first value of a header of the
 * request, of which nothing else has arrived yet.
 */
export type Router = (path: string, header: (name: string) => string | undefined) => Handler | undefined;

/** Options of one call. */
export interface CallOptions {
  metadata?: Metadata;
  /** Cancels the call. */
  signal?: AbortSignal;
  /** Limit for the whole call in milliseconds; it is sent to the server as `grpc-timeout` and kept here as well. */
  timeoutMs?: number;
}

/** Both directions of a streaming call, seen from the client. */
export interface ClientStream {
  /** The server's initial metadata. Rejects with the call's status when it fails before sending any. */
  readonly headers: Promise<Metadata>;
  /** As {@linkcode ServerStream.send}. */
  send(message: Uint8Array, rest?: Uint8Array): Promise<void> | void;
  /** Ends the request direction. */
  closeSend(): void;
  /** The next message, or `undefined` after the last one with status OK. Rejects with the status otherwise. */
  receive(): Promise<Uint8Array | undefined>;
  /** Gives the call up: the server sees a cancelled call. Safe to call at any time. */
  cancel(): void;
}

/** A connection to one peer, over which any number of calls run at once. */
export interface RpcClient {
  /** One request, one response. Rejects with a JumpstarterError that carries the status' code and message. */
  unary(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  /** A call with any number of messages in both directions. */
  stream(path: string, options?: CallOptions): ClientStream;
  /** Resolves once the connection is gone: with the reason, or with nothing after a `close()` of ours. */
  readonly closed: Promise<Error | undefined>;
  /** Ends the connection: calls that still run fail with `canceled`. Resolves when the pipe is closed. */
  close(): Promise<void>;
}

/** One connection that is being served. */
export interface ServedConnection {
  /** Resolves when the connection is gone, however it ended. Never rejects. */
  readonly closed: Promise<void>;
  /** GOAWAY, calls that run may finish within `graceMs`, then everything is dropped. */
  shutdown(graceMs: number, why?: string): Promise<void>;
}
