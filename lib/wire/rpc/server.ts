import { JumpstarterError } from "../../core/errors.ts";
import type { Pipe } from "../../core/pipe.ts";
import {
  type Acceptor,
  fieldValue,
  type HeaderField,
  type Limits,
  type RequestHead,
  ServerConnection,
  type Stream,
  type StreamEvents,
} from "../http2/mod.ts";
import { serveHttp1 } from "../web/http1.ts";
import { WebExchange } from "../web/http2.ts";
import type { ConnectionWebHandler, WebHandler } from "../web/types.ts";
import { answerStatus, type CallContext, StreamingCall, UnaryCall } from "./server_call.ts";
import { parseTimeout } from "./timeout.ts";
import type { Router, ServedConnection } from "./types.ts";
import { runningCalls } from "./running_calls.ts";
import { unreadMessages } from "./unread_messages.ts";

/** What a connection that is served needs to know. */
export interface ServeOptions {
  /** Finds the handlers. */
  router: Router;
  /** Where the caller sits, for logs: `127.0.0.1:41022` or `unix`. */
  peer: string;
  limits?: Partial<Limits>;
  /** Takes requests that are not gRPC before {@linkcode web} is asked. */
  otherwise?: Acceptor;
  /**
   * Answers all other requests that are not gRPC, those of HTTP/1.1 included. Without it, they get HTTP status 415, and
   * connections of HTTP/1.1 are turned away.
   */
  web?: ConnectionWebHandler;
  /** Hears of a peer that breaks the rules. */
  onWarning?: (text: string, fields: Record<string, unknown>) => void;
}

/** Serves gRPC to the peer at the other end of `pipe`, which belongs to the connection from now on. */
export function serveConnection(pipe: Pipe, options: ServeOptions): ServedConnection {
  const { peer, limits, onWarning } = options;
  const gone = new AbortController();
  const self = { peer, signal: gone.signal };
  const web: WebHandler | undefined = options.web && ((request) => options.web!(request, self));
  const http1 = web &&
    ((pipe: Pipe, first: Uint8Array) => serveHttp1(pipe, first, { handler: web, unread: unreadMessages }));
  const connection = new ServerConnection(pipe, { peer, limits, onWarning, http1, accept });
  const { maxMessageBytes } = connection.limits;
  const calls = runningCalls.join(() => {
    onWarning?.("connection ended: it has most of too many calls", { peer, calls: calls.count });
    void connection.shutdown(0);
  });
  const closed = connection.closed.then(() => {
    calls.leave();
    gone.abort(new JumpstarterError("canceled", "The caller has hung up"));
  });
  const context: CallContext = { connection: self, maxMessageBytes, unread: unreadMessages, calls };

  function accept(stream: Stream, request: RequestHead): StreamEvents | undefined {
    if (calls.count >= connection.limits.maxRunningCalls) return undefined;
    if (!isGrpc(request)) {
      return options.otherwise?.(stream, request) ??
        (web ? new WebExchange(stream, request, web, context) : answerHttp(stream, "415"));
    }
    if (request.method !== "POST") return answerHttp(stream, "405", ["allow", "POST"]);

    const handler = options.router(request.path, (name) => fieldValue(request.fields, name));
    if (handler === undefined) return refuse(stream, "unimplemented", `There is no method ${request.path}`);
    const timeout = fieldValue(request.fields, "grpc-timeout");
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout);
    if (timeout !== undefined && timeoutMs === undefined) {
      return refuse(stream, "internal", `The header grpc-timeout is malformed: ${timeout}`);
    }
    if (handler.kind === "unary") return new UnaryCall(stream, request, timeoutMs, context, handler);
    const call = new StreamingCall(stream, request, timeoutMs, context);
    call.start(handler);
    return call;
  }

  return {
    closed,
    shutdown: (graceMs, why) => connection.shutdown(graceMs, why),
  };
}

/** Whether a request is gRPC's; gRPC-web has a name of its own that begins alike. */
function isGrpc(request: RequestHead): boolean {
  return /^application\/grpc(?:$|[+;])/.test(fieldValue(request.fields, "content-type") ?? "");
}

function answerHttp(stream: Stream, status: string, ...fields: HeaderField[]): StreamEvents {
  stream.sendHeaders([[":status", status], ...fields], true);
  stream.stopReceiving();
  return answered;
}

function refuse(stream: Stream, code: "unimplemented" | "internal", message: string): StreamEvents {
  answerStatus(stream, new JumpstarterError(code, message));
  return answered;
}

/** Nobody is interested in the rest of a request that has been answered. */
const answered: StreamEvents = { onHeaders() {}, onData() {}, onEnd() {}, onFailed() {}, onDrained() {} };
