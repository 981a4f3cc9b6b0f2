/**
 * Native services in the way of Connect (JSON for `curl` and browsers) and of gRPC-web, for requests that are not gRPC's.
 *
 * @module
 */
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import { create, type Message } from "@bufbuild/protobuf";
import type { Connection } from "../../contract/method.ts";
import { type JumpstarterError, toJumpstarterError } from "../../core/errors.ts";
import { defaultLimits } from "../http2/mod.ts";
import { travellingText } from "../rpc/status.ts";
import type { ConnectionWebHandler, WebRequest } from "../web/types.ts";
import { callOf, carry, type NativeCall, type NativeEndpoint, type NativeFace } from "./face.ts";
import { driverHeader } from "./paths.ts";

/** What a call needs to know of the request that it came in. */
interface Origin extends Pick<WebRequest, "taken"> {
  readonly connection: Connection;
}

const originKey = createContextKey<Origin | undefined>(undefined);

/** The services' handlers by path. */
export function connectHandlers(face: NativeFace): ReadonlyMap<string, ConnectionWebHandler> {
  const router = createConnectRouter({
    grpc: false, // Served by the wire itself, which is faster.
    readMaxBytes: defaultLimits.maxMessageBytes,
    jsonOptions: { ignoreUnknownFields: false, alwaysEmitImplicit: true },
  });
  for (const endpoint of face.endpoints.values()) {
    // The descriptors are made at run time, so that the compiler cannot know which function fits.
    router.rpc(endpoint.desc, implementation(face, endpoint) as never);
  }
  return new Map(router.handlers.map((handler) => {
    const answer: ConnectionWebHandler = (request, connection) => {
      const header = new Headers(request.header);
      // Connect believes it, and has memory for the whole message before anything of it has come.
      header.delete("content-length");
      return handler({
        ...request,
        header,
        body: mapped(request.body),
        contextValues: createContextValues().set(originKey, { connection, taken: request.taken }),
      });
    };
    return [handler.requestPath, answer];
  }));
}

function implementation(face: NativeFace, endpoint: NativeEndpoint) {
  switch (endpoint.method.kind) {
    case "unary":
      return (request: Message, context: HandlerContext) =>
        face.unary(callIn(context), endpoint, request).catch((error) => {
          throw connectError(error);
        });
    case "serverStreaming":
      return (request: Message, context: HandlerContext) =>
        mapped(face.serverStreaming(callIn(context), endpoint, request));
    case "byteStream":
      return (requests: AsyncIterable<{ payload: Uint8Array }>, context: HandlerContext) =>
        mapped(carried(face, endpoint, callIn(context), heard(requests, context)));
  }

  /** Messages that are taken one by one. */
  async function* heard<T>(messages: AsyncIterable<T>, { values }: HandlerContext): AsyncGenerator<T, void, undefined> {
    const { taken } = values.get(originKey)!;
    for await (const message of messages) {
      taken();
      yield message;
    }
  }

  /** The call of a request that has been heard. */
  function callIn({ requestHeader, signal, values }: HandlerContext): NativeCall {
    const { connection, taken } = values.get(originKey)!;
    taken();
    return callOf(endpoint, requestHeader.get(driverHeader) ?? undefined, { signal, connection });
  }
}

/** The messages of a byte stream. */
async function* carried(
  face: NativeFace,
  { desc }: NativeEndpoint,
  call: NativeCall,
  requests: AsyncIterable<{ payload: Uint8Array }>,
): AsyncGenerator<Message, void, undefined> {
  const incoming = requests[Symbol.asyncIterator]();
  const receive = async () => {
    const { done, value } = await incoming.next();
    return done ? undefined : value.payload;
  };
  for await (const payload of carry(await face.byteStream(call), receive, call.signal)) {
    // Connect may look at it later than the next chunk is read.
    yield create(desc.output, { payload: payload.slice() });
  }
}

async function* mapped<T>(values: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  try {
    yield* values;
  } catch (error) {
    throw connectError(error);
  }
}

/** A plain error would be told as an internal one. */
function connectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  const { code, message } = toJumpstarterError(thrown);
  return new ConnectError(new TextDecoder().decode(travellingText(message)), Code[pascal(code)] ?? Code.Unknown);
}

function pascal(code: JumpstarterError["code"]): keyof typeof Code {
  return code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase()) as keyof typeof Code;
}
