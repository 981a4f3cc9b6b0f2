import { JumpstarterError, toJumpstarterError } from "../../core/errors.ts";
import {
  type ClientConnection,
  ErrorCode,
  fieldValue,
  type HeaderList,
  type Stream,
  type StreamEvents,
} from "../http2/mod.ts";
import { inParts, MessageReader, prefixOf } from "./framing.ts";
import { Inbox } from "./inbox.ts";
import { fieldsOf, metadataOf } from "./metadata.ts";
import { errorOfHttp, errorOfTrailers } from "./status.ts";
import { formatTimeout, startTimer } from "./timeout.ts";
import type { CallOptions, ClientStream, Metadata } from "./types.ts";

/** What unary and streaming calls have in common: from the request's headers to the status. */
abstract class Call implements StreamEvents {
  protected stream: Stream | undefined;
  #over = false;
  #signal: AbortSignal | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** The response is not gRPC's; this is what the call fails with. */
  #notGrpc: JumpstarterError | undefined;
  #headers: HeaderList = [];

  /** Sends the request's headers. A call that cannot begin fails like one that broke. */
  start(connection: ClientConnection, headers: HeaderList, options: CallOptions): void {
    const { metadata, signal, timeoutMs } = options;
    try {
      if (signal?.aborted) throw canceled(signal.reason);
      if (timeoutMs !== undefined && timeoutMs <= 0) throw expired(timeoutMs);
      if (metadata !== undefined) headers = [...headers, ...fieldsOf(metadata)];
      if (timeoutMs !== undefined) headers = [...headers, ["grpc-timeout", formatTimeout(timeoutMs)]];
      this.stream = connection.open(this);
    } catch (thrown) {
      return this.onFailed(toJumpstarterError(thrown));
    }
    this.stream.sendHeaders(headers);
    if (timeoutMs !== undefined) this.#deadline = startTimer(timeoutMs, () => this.giveUp(expired(timeoutMs)));
    if (signal === undefined) return;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  onHeaders(fields: HeaderList, status: number): void {
    this.#headers = fields;
    if (fieldValue(fields, "grpc-status") !== undefined) return;
    const contentType = fieldValue(fields, "content-type");
    if (status === 200 && contentType?.startsWith("application/grpc")) this.begun(fields);
    else this.#notGrpc = errorOfHttp(status, contentType);
  }

  onData(chunk: Uint8Array): void {
    if (this.#notGrpc !== undefined) return this.giveUp(this.#notGrpc);
    try {
      this.received(chunk);
    } catch (thrown) {
      this.giveUp(toJumpstarterError(thrown));
    }
  }

  onEnd(trailers: HeaderList): void {
    // A response without a body has its status in its headers.
    const error = this.#notGrpc ?? errorOfTrailers(trailers.length > 0 ? trailers : this.#headers);
    this.#end();
    if (error === undefined) this.succeeded(this.#headers);
    else this.failed(error);
    // The server is done with the call: what is left of the request need not be sent.
    this.stream?.reset(ErrorCode.NO_ERROR);
  }

  onFailed(error: JumpstarterError): void {
    this.#end();
    this.failed(error);
  }

  onDrained(): void {}

  /** The server's initial metadata came. */
  protected begun(_fields: HeaderList): void {}
  /** A piece of the body came. @throws {JumpstarterError} when it is not acceptable. */
  protected abstract received(chunk: Uint8Array): void;
  /** The call ended with status OK; `fields` are the initial metadata. */
  protected abstract succeeded(fields: HeaderList): void;
  /** The call ended with another status, or broke. */
  protected abstract failed(error: JumpstarterError): void;

  /** Ends the call from here: the server sees a cancelled call, and this side the error. */
  protected giveUp(error: JumpstarterError): void {
    if (this.#over) return;
    this.#end();
    this.stream?.reset(ErrorCode.CANCEL);
    this.failed(error);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#deadline);
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #onAbort = () => this.giveUp(canceled(this.#signal!.reason));
}

/** A call with one message in each direction. */
export class UnaryCall extends Call {
  readonly #response = Promise.withResolvers<Uint8Array>();
  readonly #reader: MessageReader;
  #message: Uint8Array | undefined;
  #messages = 0;

  constructor(maxMessageBytes: number) {
    super();
    this.#reader = new MessageReader(maxMessageBytes, (message) => {
      this.#message = message;
      this.#messages++;
    });
  }

  /** The response. Rejects with the call's status when that is not OK. */
  get response(): Promise<Uint8Array> {
    return this.#response.promise;
  }

  /** Sends the one request. */
  send(request: Uint8Array): void {
    this.stream?.write(prefixOf(request.length), request, true);
  }

  protected override received(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    this.stream?.consumed(chunk.length);
  }

  protected override succeeded(): void {
    const message = this.#message;
    if (message !== undefined && this.#messages === 1 && !this.#reader.partial) this.#response.resolve(message);
    else this.failed(new JumpstarterError("internal", `Expected one response message, got ${this.#messages}`));
  }

  protected override failed(error: JumpstarterError): void {
    this.#response.reject(error);
  }
}

/** A call with any number of messages in both directions. */
export class StreamingCall extends Call implements ClientStream {
  readonly #headers = Promise.withResolvers<Metadata>();
  readonly #inbox: Inbox;
  /** A `send` that waits for flow control. */
  #room: PromiseWithResolvers<void> | undefined;
  #sentEnd = false;
  #failure: JumpstarterError | undefined;

  constructor(maxMessageBytes: number) {
    super();
    this.#inbox = new Inbox((bytes) => this.stream?.consumed(bytes), maxMessageBytes);
    // Not every caller looks at the initial metadata; that must not end the process.
    this.#headers.promise.catch(() => {});
  }

  get headers(): Promise<Metadata> {
    return this.#headers.promise;
  }

  send(message: Uint8Array, rest?: Uint8Array): Promise<void> | void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#sentEnd) throw new JumpstarterError("failed_precondition", "The request has ended");
    if (this.stream!.write(...inParts(message, rest))) return;
    if (this.#room === undefined) {
      this.#room = Promise.withResolvers();
      this.#room.promise.catch(() => {});
    }
    return this.#room.promise;
  }

  closeSend(): void {
    this.#sentEnd = true;
    this.stream?.end();
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.#inbox.receive();
  }

  cancel(): void {
    const error = new JumpstarterError("canceled", "The call was canceled");
    this.#inbox.abort(error);
    this.giveUp(error);
  }

  override onDrained(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  protected override begun(fields: HeaderList): void {
    this.#headers.resolve(metadataOf(fields));
  }

  protected override received(chunk: Uint8Array): void {
    this.#inbox.push(chunk);
  }

  protected override succeeded(fields: HeaderList): void {
    if (!this.#inbox.complete) {
      return this.failed(new JumpstarterError("internal", "The response ends within a message"));
    }
    this.#headers.resolve(metadataOf(fields));
    this.#inbox.end();
    // Nobody reads what is still being sent, but that is no failure.
    this.onDrained();
  }

  protected override failed(error: JumpstarterError): void {
    this.#failure = error;
    this.#headers.reject(error);
    this.#inbox.end(error);
    this.#room?.reject(error);
  }
}

function canceled(reason: unknown): JumpstarterError {
  if (reason instanceof JumpstarterError || reason instanceof DOMException) return toJumpstarterError(reason);
  return new JumpstarterError("canceled", "The call was canceled", { cause: reason });
}

function expired(timeoutMs: number): JumpstarterError {
  return new JumpstarterError("deadline_exceeded", `The call did not finish within ${timeoutMs} ms`);
}
