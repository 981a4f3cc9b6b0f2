import type { JumpstarterError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";
import { ErrorCode } from "./error_code.ts";
import type { HeaderList } from "./hpack_table.ts";
import { ReceiveWindow } from "./window.ts";

/**
 * What happens on a stream, told to its owner while input is parsed. These functions must not throw; byte views are
 * valid during the call only.
 */
export interface StreamEvents {
  /** The header section of the response. A server's owner has got the request with the stream. */
  onHeaders(fields: HeaderList, status: number): void;
  /** A piece of the body. The same number of bytes must be handed to {@linkcode Stream.consumed} when it was dealt with. */
  onData(chunk: Uint8Array): void;
  /** The peer's direction ended. `trailers` is empty where there are none. */
  onEnd(trailers: HeaderList): void;
  /** The stream broke before both directions had ended. Nothing follows. */
  onFailed(error: JumpstarterError): void;
  /** Everything that was written has left the stream's queue. Told once after a `write` that returned `false`. */
  onDrained(): void;
}

/** One request and its response. */
export class Stream {
  readonly #connection: Connection;
  /** The stream's number; 0 as long as it waits for the peer to allow one more. */
  id = 0;
  /** Set by the owner before anything can happen. */
  events!: StreamEvents;
  /** Bytes that the peer's window still takes. */
  sendWindow = 0;

  #window: ReceiveWindow | undefined;
  #sentEnd = false;
  #receivedEnd = false;
  #closed = false;
  #receivedHeaders = false;
  #expectedBytes: number | undefined;
  #receivesNoMore = false;

  /** The request's header section, as long as the stream waits to be opened. */
  #waitingHeaders: HeaderList | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** What follows the queue: nothing yet, the end, or trailers. */
  #queuedEnd: HeaderList | undefined;
  #owesDrained = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether the peer has ended its direction. */
  get receivedEnd(): boolean {
    return this.#receivedEnd;
  }

  /** Whether the peer's header section has arrived. */
  get receivedHeaders(): boolean {
    return this.#receivedHeaders;
  }

  /** Whether nothing can be sent or received any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether something waits for a window or for room in the output. */
  get queued(): boolean {
    return this.#queuedBytes > 0 || this.#queuedEnd !== undefined;
  }

  // What the owner does.

  /** Sends a header section; with `end` it is all there is. */
  sendHeaders(fields: HeaderList, end = false): void {
    if (this.#closed) return;
    if (this.id === 0) {
      this.#waitingHeaders = fields;
      if (end) this.#queuedEnd = [];
      return;
    }
    this.#connection.sendHeaders(this.id, fields, end);
    if (end) this.#endSent();
  }

  /**
   * Sends `head` and `body` behind each other; with `end` nothing follows. What cannot be sent at once is kept without a
   * copy of `body`, which must not change any more. `false` asks to wait for {@linkcode StreamEvents.onDrained}.
   */
  write(head: Uint8Array, body: Uint8Array, end = false): boolean {
    if (this.#closed || this.#sentEnd || this.#queuedEnd) return true;
    const bytes = head.length + body.length;
    if (!this.queued && bytes <= this.#sendable()) {
      const place = this.#connection.sendQueue.data(this, bytes, end);
      place.set(head);
      place.set(body, head.length);
      if (end) this.#endSent();
      return true;
    }
    if (head.length > 0) this.#queue.push(head.slice());
    if (body.length > 0) this.#queue.push(body);
    this.#queuedBytes += bytes;
    if (end) this.#queuedEnd = [];
    if (this.id !== 0) this.#connection.sendQueue.add(this);
    this.#owesDrained = this.#queuedBytes > 0;
    return !this.#owesDrained;
  }

  /** Ends this direction once everything written has gone, with trailers where there are any. */
  end(trailers: HeaderList = []): void {
    if (this.#closed || this.#sentEnd || this.#queuedEnd) return;
    if (this.id === 0 || this.queued) this.#queuedEnd = trailers;
    else this.#sendEnd(trailers);
  }

  /** Gives `bytes` of received body free for the peer to send more. */
  consumed(bytes: number): void {
    if (this.#closed || this.#receivedEnd || bytes === 0) return;
    const increment = this.#window!.consume(bytes);
    if (increment > 0) this.#connection.writer.windowUpdate(this.id, increment);
  }

  /**
   * The rest of the peer's message does not matter: it need not be sent once this side's message is complete (RFC 9113
   * section 8.1).
   */
  stopReceiving(): void {
    this.#receivesNoMore = true;
    if (this.#sentEnd) this.reset(ErrorCode.NO_ERROR);
  }

  /** Gives the stream up. Its owner hears nothing more of it. */
  reset(errorCode: number): void {
    if (this.#closed) return;
    this.#connection.sendReset(this, errorCode);
    this.#close();
  }

  // What the connection does.

  /** The stream gets its number, and the windows that go with it. */
  open(id: number, sendWindow: number): void {
    const { limits } = this.#connection;
    this.id = id;
    this.sendWindow = sendWindow;
    this.#window = new ReceiveWindow(limits.initialWindowBytes, limits.maxWindowBytes);
    const fields = this.#waitingHeaders;
    if (fields === undefined) return;
    this.#waitingHeaders = undefined;
    const end = this.#queuedBytes === 0 && this.#queuedEnd !== undefined;
    if (end) this.#queuedEnd = undefined;
    this.sendHeaders(fields, end);
    if (this.queued) this.#connection.sendQueue.add(this);
  }

  /** Sends one frame of what is queued. `false` when none can be sent now. */
  sendQueued(): boolean {
    if (this.#closed || this.id === 0) return false;
    if (this.#queuedBytes > 0) {
      const bytes = Math.min(this.#queuedBytes, this.#sendable());
      if (bytes <= 0) return false;
      const last = bytes === this.#queuedBytes;
      const end = last && this.#queuedEnd?.length === 0;
      this.#dequeue(this.#connection.sendQueue.data(this, bytes, end));
      if (end) {
        this.#queuedEnd = undefined;
        this.#endSent();
      }
      if (!last) return true;
    }
    if (this.#queuedEnd !== undefined) {
      const trailers = this.#queuedEnd;
      this.#queuedEnd = undefined;
      this.#sendEnd(trailers);
    }
    if (this.#owesDrained) {
      this.#owesDrained = false;
      this.events.onDrained();
    }
    return true;
  }

  /** The peer's header section arrived; a body of `expectedBytes` follows where its length was promised. */
  receiveHeaders(expectedBytes: number | undefined): void {
    this.#receivedHeaders = true;
    this.#expectedBytes = expectedBytes;
  }

  /** DATA of `bytes` bytes begins. Returns the error code that answers it where it is not allowed. */
  receiveData(bytes: number): number {
    if (this.#receivedEnd) return ErrorCode.STREAM_CLOSED;
    if (!this.#receivedHeaders) return ErrorCode.PROTOCOL_ERROR;
    return this.#window!.receive(bytes) ? ErrorCode.NO_ERROR : ErrorCode.FLOW_CONTROL_ERROR;
  }

  /** A piece of the body arrived. */
  receiveChunk(chunk: Uint8Array): void {
    if (this.#expectedBytes !== undefined) this.#expectedBytes -= chunk.length;
    this.events.onData(chunk);
  }

  /** The peer's direction ended. `false` when the body does not have the length that was promised. */
  receiveEnd(trailers: HeaderList): boolean {
    if (this.#expectedBytes) return false;
    this.#receivedEnd = true;
    if (this.#sentEnd) this.#close();
    this.events.onEnd(trailers);
    return true;
  }

  /** The stream is gone, and its owner has to know. */
  fail(error: JumpstarterError): void {
    if (this.#closed) return;
    this.#close();
    this.events.onFailed(error);
  }

  #sendable(): number {
    return this.id === 0 ? 0 : Math.min(this.sendWindow, this.#connection.sendQueue.sendable);
  }

  #dequeue(place: Uint8Array): void {
    this.#queuedBytes -= place.length;
    let at = 0;
    let whole = 0;
    while (at < place.length) {
      const piece = this.#queue[whole];
      const left = place.length - at;
      if (piece.length <= left) {
        place.set(piece, at);
        at += piece.length;
        whole++;
      } else {
        place.set(piece.subarray(0, left), at);
        this.#queue[whole] = piece.subarray(left);
        at += left;
      }
    }
    this.#queue.splice(0, whole);
  }

  #sendEnd(trailers: HeaderList): void {
    if (trailers.length > 0) this.#connection.sendHeaders(this.id, trailers, true);
    else this.#connection.sendQueue.data(this, 0, true);
    this.#endSent();
  }

  #endSent(): void {
    this.#sentEnd = true;
    if (this.#receivedEnd) this.#close();
    else if (this.#receivesNoMore) this.reset(ErrorCode.NO_ERROR);
  }

  #close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#queuedEnd = undefined;
    this.#waitingHeaders = undefined;
    this.#window?.close();
    this.#connection.forget(this);
  }
}
