/**
 * The native services of some interfaces, and how calls to them reach drivers. It is loaded with the first native call:
 * protobuf-es takes 25 ms.
 *
 * @module
 */
import { type DescMethod, fromBinary, type Message, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Call } from "../../contract/method.ts";
import type { ByteStream } from "../../core/byte_stream.ts";
import { sinkOf, sourceOf } from "../../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import { oneMessage } from "../rpc/one_message.ts";
import type { ServerStream } from "../rpc/types.ts";
import { dataFrameHead, decodeStreamFrame } from "../stream_frame.ts";
import { fullName, type NativeMethod, type NativeService, pathOf } from "./description.ts";
import { descriptorOf } from "./descriptor.ts";
import { argumentsOf, resultMessage } from "./messages.ts";
import { driverHeader } from "./paths.ts";
import { Reflection } from "./reflection.ts";

/** A call of a method by its name on the wire. */
export interface NativeCall extends Call {
  /** The full name of the service. */
  readonly service: string;
  readonly method: string;
  /** The driver that the caller named, if it named one. */
  readonly uuid: string | undefined;
}

/** Who answers native calls. */
export interface NativeTarget {
  unary(call: NativeCall, args: unknown[]): Promise<unknown>;
  serverStreaming(call: NativeCall, args: unknown[]): AsyncIterable<unknown>;
  byteStream(call: NativeCall): Promise<ByteStream>;
}

/** A method with its messages' descriptors. */
export interface NativeEndpoint {
  readonly service: NativeService;
  readonly method: NativeMethod;
  readonly desc: DescMethod;
}

/** Native services that are served. */
export class NativeFace {
  /** All methods by their paths. */
  readonly endpoints: ReadonlyMap<string, NativeEndpoint>;
  readonly reflection: Reflection;
  readonly #target: NativeTarget;

  constructor(services: readonly NativeService[], target: NativeTarget) {
    this.#target = target;
    const described = services.map((service) => ({ service, ...descriptorOf(service) }));
    this.endpoints = new Map(
      described.flatMap(({ service, methods }) =>
        service.methods.map((method) => [pathOf(service, method), { service, method, desc: methods.get(method.name)! }])
      ),
    );
    this.reflection = new Reflection(described.map(({ file }) => file));
  }

  /** Answers a call of gRPC. */
  async serve(stream: ServerStream): Promise<void> {
    const endpoint = this.endpoints.get(stream.path)!;
    const { method, desc } = endpoint;
    const call = callOf(endpoint, stream.metadata[driverHeader], stream);
    if (method.kind === "byteStream") return await this.#carry(stream, call);
    const request = fromBytes(desc.input, await oneMessage(stream));
    if (method.kind === "unary") {
      return await stream.send(toBinary(desc.output, await this.unary(call, endpoint, request)));
    }
    for await (const message of this.serverStreaming(call, endpoint, request)) {
      await stream.send(toBinary(desc.output, message));
    }
  }

  /** Calls a unary method. */
  async unary(call: NativeCall, { method, desc }: NativeEndpoint, request: Message): Promise<Message> {
    const result = await this.#target.unary(call, argumentsOf(method, desc.input, request));
    return resultMessage(method, desc.output, result);
  }

  /** Calls a server streaming method. */
  async *serverStreaming(
    call: NativeCall,
    { method, desc }: NativeEndpoint,
    request: Message,
  ): AsyncGenerator<Message, void, undefined> {
    for await (const value of this.#target.serverStreaming(call, argumentsOf(method, desc.input, request))) {
      yield resultMessage(method, desc.output, value);
    }
  }

  /** Opens a byte stream. */
  byteStream(call: NativeCall): Promise<ByteStream> {
    return this.#target.byteStream(call);
  }

  /** A byte stream on gRPC. `StreamData` is a frame of the router's stream without a type. */
  async #carry(stream: ServerStream, call: NativeCall): Promise<void> {
    const receive = async () => {
      const message = await stream.receive();
      return message && decodeStreamFrame(message).payload;
    };
    const bytes = await this.byteStream(call);
    stream.sendHeaders();
    for await (const chunk of carry(bytes, receive, call.signal)) await stream.send(dataFrameHead(chunk.length), chunk);
  }
}

/**
 * What a device says, while it is handed what the caller sends, which `receive` gives until `undefined`. The end of the
 * caller's direction ends the device's input only; that of the device's output is the end of the call, since a native call
 * cannot end its own direction and stay.
 */
export async function* carry(
  bytes: ByteStream,
  receive: () => Promise<Uint8Array | undefined>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using stream = bytes;
  // What is waiting on the device, a read above all, ends when the stream is released.
  const release = () => void stream[Symbol.asyncDispose]().catch(() => {});
  if (signal.aborted) return;
  signal.addEventListener("abort", release, { once: true });
  const deliver = async () => {
    const sink = sinkOf(stream);
    for (let chunk = await receive(); chunk; chunk = await receive()) {
      if (chunk.length > 0) await sink.write(chunk);
    }
    await sink.end();
  };
  // A device that takes no more may have more to say.
  deliver().catch(() => {});
  try {
    const source = sourceOf(stream);
    for (let chunk = await source.next(); chunk; chunk = await source.next()) yield chunk;
  } finally {
    signal.removeEventListener("abort", release);
  }
}

/** The call of a request that names that driver, or none. */
export function callOf(
  { service, method }: NativeEndpoint,
  uuid: string | undefined,
  { signal, connection }: Call,
): NativeCall {
  return { service: fullName(service), method: method.wireName, uuid, signal, connection };
}

/** @throws {JumpstarterError} `invalid_argument` for bytes that are no such message. */
function fromBytes<D extends DescMethod["input"]>(desc: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(desc, bytes);
  } catch (cause) {
    const message = `Expected a message ${desc.typeName}: ${messageOf(cause)}`;
    throw new JumpstarterError("invalid_argument", message, { cause });
  }
}
