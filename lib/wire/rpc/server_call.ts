import type { Connection } from "../../contract/method.ts";
import { type Code, JumpstarterError, toJumpstarterError } from "../../core/errors.ts";
import { ErrorCode, type HeaderList, type RequestHead, type Stream, type StreamEvents } from "../http2/mod.ts";
import { inParts, MessageReader, prefixOf } from "./framing.ts";
import { Inbox } from "./inbox.ts";
import { fieldsOf, metadataOf } from "./metadata.ts";
import type { ConnectionCalls } from "./running_calls.ts";
import { statusFields } from "./status.ts";
import { startTimer } from "./timeout.ts";
import type { Recipient, UnreadMessages } from "./unread_messages.ts";
import type { Handler, Metadata, ServerCall, ServerStream } from "./types.ts";

/** How a unary method is answered. */
export type UnaryHandler = Extract<Handler, { kind: "unary" }>;
/** How a streaming method is answered. */
export type StreamingHandler = Extract<Handler, { kind: "streaming" }>;

/** What the calls of one connection share. */
export interface CallContext {
  readonly connection: Connection;
  readonly maxMessageBytes: number;
  readonly unread: UnreadMessages;
  /** Handlers that have not returned. */
  readonly calls: ConnectionCalls;
}

const responseHeaders: HeaderList = [[":status", "200"], ["content-type", "application/grpc"]];

/** Answers a call with a status and nothing else. */
export function answerStatus(stream: Stream, error?: JumpstarterError): void {
  stream.sendHeaders([...responseHeaders, ...statusFields(error)], true);
  stream.stopReceiving();
}

/** What unary and streaming calls have in common: from the request to the status. */
abstract class Call implements ServerCall, StreamEvents, Recipient {
  protected readonly stream: Stream;
  protected readonly context: CallContext;
  /** Why the call broke, if it did. */
  protected failure: JumpstarterError | undefined;
  protected finished = false;
  readonly #request: RequestHead;
  readonly #deadline: ReturnType<typeof setTimeout> | undefined;
  #sentHeaders = false;
  #metadata: Metadata | undefined;
  #abort: AbortController | undefined;

  constructor(stream: Stream, request: RequestHead, timeoutMs: number | undefined, context: CallContext) {
    this.stream = stream;
    this.context = context;
    this.#request = request;
    if (timeoutMs === undefined) return;
    this.#deadline = startTimer(
      timeoutMs,
      () => this.abandon("deadline_exceeded", "The deadline of the call has passed"),
    );
  }

  get path(): string {
    return this.#request.path;
  }

  get metadata(): Metadata {
    return this.#metadata ??= metadataOf(this.#request.fields);
  }

  get peer(): string {
    return this.context.connection.peer;
  }

  get connection(): Connection {
    return this.context.connection;
  }

  // Few handlers ask for the signal, so it is made for those that do.
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.failure !== undefined) this.#abort.abort(this.failure);
    return this.#abort.signal;
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    // A caller that has its answer may not have noticed yet.
    if (this.finished) return;
    try {
      this.received(chunk);
    } catch (thrown) {
      this.giveUp(toJumpstarterError(thrown));
    }
  }

  /** Ends the call before its handler does. */
  giveUp(error: JumpstarterError): void {
    if (this.finished) return;
    // Behind data that the caller does not take, a status would never arrive.
    if (this.stream.queued) this.stream.reset(ErrorCode.CANCEL);
    this.finish(error);
    this.broken(error);
  }

  abstract onEnd(): void;
  abstract onDrained(): void;

  onFailed(error: JumpstarterError): void {
    this.#over();
    this.gone(error);
  }

  /** Takes a piece of the body. @throws {JumpstarterError} when it is not acceptable. */
  protected abstract received(chunk: Uint8Array): void;

  /** Sends the initial metadata once. */
  protected begin(metadata: HeaderList): void {
    if (this.#sentHeaders) return;
    this.#sentHeaders = true;
    this.stream.sendHeaders(metadata.length === 0 ? responseHeaders : [...responseHeaders, ...metadata]);
  }

  /** The caller is gone. */
  protected gone(error: JumpstarterError): void {
    this.broken(error);
  }

  /** Whatever waits for the caller waits no longer, and what it has sent is forgotten. */
  protected broken(error: JumpstarterError): void {
    this.context.unread.forget(this);
    this.failed(error);
  }

  /** The handler is told to stop. */
  protected failed(error: JumpstarterError): void {
    this.failure ??= error;
    this.#abort?.abort(this.failure);
  }

  /** Ends the call before its handler does, for a reason of its own. */
  protected abandon(code: Code, message: string): void {
    if (!this.finished) this.giveUp(new JumpstarterError(code, message));
  }

  /** Runs the handler to its end, which is the end of the call. Never rejects. */
  protected async settle(run: () => Promise<void>): Promise<void> {
    this.context.calls.begin();
    try {
      await run();
      this.finish();
    } catch (thrown) {
      this.finish(toJumpstarterError(thrown));
    } finally {
      this.context.calls.end();
      this.context.unread.forget(this);
    }
  }

  /** Sends the status, unless the call is over already. */
  protected finish(error?: JumpstarterError): void {
    if (this.finished) return;
    this.#over();
    if (!this.#sentHeaders) return answerStatus(this.stream, error);
    this.stream.end(statusFields(error));
    this.stream.stopReceiving();
  }

  #over(): void {
    this.finished = true;
    clearTimeout(this.#deadline);
  }
}

/** A call with one message in each direction. */
export class UnaryCall extends Call {
  readonly #handler: UnaryHandler;
  readonly #reader: MessageReader;
  #message: Uint8Array | undefined;
  #messages = 0;

  constructor(
    stream: Stream,
    request: RequestHead,
    timeoutMs: number | undefined,
    context: CallContext,
    handler: UnaryHandler,
  ) {
    super(stream, request, timeoutMs, context);
    this.#handler = handler;
    const { maxMessageBytes, unread } = context;
    const deliver = (message: Uint8Array) => {
      // Until the request ends, nobody gets it.
      unread.take(this, message.length);
      this.#message = message;
      this.#messages++;
    };
    this.#reader = new MessageReader(maxMessageBytes, deliver, { recipient: this, unread });
  }

  protected override received(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    this.stream.consumed(chunk.length);
  }

  override onEnd(): void {
    if (this.finished) return;
    const request = this.#message;
    if (request === undefined || this.#messages > 1 || this.#reader.partial) {
      const got = this.#reader.partial ? "an incomplete one" : `${this.#messages}`;
      return this.abandon("internal", `Expected one request message, got ${got}`);
    }
    this.context.unread.forget(this);
    let response;
    try {
      response = this.#handler.handle(request, this);
    } catch (thrown) {
      return this.finish(toJumpstarterError(thrown));
    }
    // An answer that is there at once leaves with the others of this turn.
    if (response instanceof Uint8Array) this.#respond(response);
    else this.settle(async () => this.#respond(await response));
  }

  override onDrained(): void {}

  #respond(response: Uint8Array): void {
    if (this.finished) return;
    this.begin([]);
    this.stream.write(prefixOf(response.length), response);
    this.finish();
  }
}

/** A call with any number of messages in both directions. */
export class StreamingCall extends Call implements ServerStream {
  readonly #inbox: Inbox;
  /** A `send` that waits for flow control. */
  #room: PromiseWithResolvers<void> | undefined;

  constructor(stream: Stream, request: RequestHead, timeoutMs: number | undefined, context: CallContext) {
    super(stream, request, timeoutMs, context);
    const { maxMessageBytes, unread } = context;
    this.#inbox = new Inbox((bytes) => stream.consumed(bytes), maxMessageBytes, { recipient: this, unread });
  }

  /** Runs the handler. */
  start(handler: StreamingHandler): void {
    this.settle(() => handler.handle(this));
  }

  get requestEnded(): boolean {
    return this.#inbox.ended;
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.#inbox.receive();
  }

  sendHeaders(metadata?: Metadata): void {
    this.begin(fieldsOf(metadata));
  }

  send(message: Uint8Array, rest?: Uint8Array): Promise<void> | void {
    if (this.failure !== undefined) throw this.failure;
    if (this.finished) throw new JumpstarterError("failed_precondition", "The call has ended");
    this.begin([]);
    if (this.stream.write(...inParts(message, rest))) return;
    if (this.#room === undefined) {
      this.#room = Promise.withResolvers();
      // The handler may not look at it any more when the call breaks; that must not end the process.
      this.#room.promise.catch(() => {});
    }
    return this.#room.promise;
  }

  protected override received(chunk: Uint8Array): void {
    this.#inbox.push(chunk);
  }

  override onEnd(): void {
    if (this.#inbox.complete) this.#inbox.end();
    else this.abandon("internal", "The request ends within a message");
  }

  override onDrained(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  override giveUp(error: JumpstarterError): void {
    super.giveUp(error);
    // The caller may be gone already, and what it has sent be there still.
    this.#inbox.abort(error);
  }

  /** Whoever has said all that it had to say may go, and is heard nevertheless. */
  protected override gone(error: JumpstarterError): void {
    if (this.requestEnded) this.failed(error);
    else this.broken(error);
  }

  protected override broken(error: JumpstarterError): void {
    super.broken(error);
    this.#inbox.abort(error);
  }

  protected override failed(error: JumpstarterError): void {
    super.failed(error);
    this.#room?.reject(error);
  }
}
