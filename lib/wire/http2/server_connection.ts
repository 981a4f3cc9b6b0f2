import { type JumpstarterError, messageOf } from "../../core/errors.ts";
import type { Pipe } from "../../core/pipe.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { looksLikeHttp1, whatItIs } from "./greeting.ts";
import type { HeaderList } from "./hpack_table.ts";
import { contentLength, parseRequest, type RequestHead } from "./message_head.ts";
import { Stream, type StreamEvents } from "./stream.ts";

/**
 * Takes a request. Returns who hears what happens on its stream from now on, or `undefined` to refuse it unprocessed; the
 * response may begin at once.
 */
export type Acceptor = (stream: Stream, request: RequestHead) => StreamEvents | undefined;

/** What a server's connection needs to know. */
export interface ServerConnectionOptions extends ConnectionOptions {
  accept: Acceptor;
  /** Takes the pipe of a peer that speaks HTTP/1.1, with what has been read of it; without it, the peer is turned away. */
  http1?: (pipe: Pipe, first: Uint8Array) => OtherConnection;
}

/** A connection that speaks another protocol. */
export interface OtherConnection {
  /** Resolves when it is gone. Never rejects. */
  readonly closed: Promise<void>;
  shutdown(graceMs: number): Promise<void>;
}

const unavailable1 = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const http1Text = "This is a Jumpstarter exporter. It speaks gRPC, which needs HTTP/2.\n";

/** The server's side of a connection: the peer opens streams, and `accept` answers them. */
export class ServerConnection extends Connection {
  readonly #accept: Acceptor;
  readonly #http1: ServerConnectionOptions["http1"];
  /** Whoever has the pipe now. */
  #successor?: OtherConnection;
  #lastStream = 0;
  /** The last numbers that the client left out; they are not to be used any more. */
  #lastGap = [0, 0];
  /** The number that GOAWAY named; it must not rise any more (RFC 9113 section 6.8). */
  #announcedLast: number | undefined;
  #draining = false;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(pipe: Pipe, options: ServerConnectionOptions) {
    super("server", pipe, options);
    this.#accept = options.accept;
    this.#http1 = options.http1;
  }

  /**
   * Takes no more requests, lets those that run finish within `graceMs` milliseconds, and closes the connection.
   * Resolves when it is closed. `why` is what the client is told.
   */
  async shutdown(graceMs: number, why: string = "The exporter is shutting down"): Promise<void> {
    if (this.#successor) return await this.#successor.shutdown(graceMs);
    if (!this.#draining && !this.ended) {
      this.#draining = true;
      // Whoever has not greeted yet may speak anything; bytes of HTTP/2 would only puzzle it.
      if (this.greeting.complete) this.goAway(ErrorCode.NO_ERROR, why);
      this.#announcedLast = this.#lastStream;
      if (this.streams.size === 0) this.#drained();
      else this.#drainTimer = setTimeout(() => this.#drained(), graceMs);
    }
    await this.closed;
  }

  protected override end(error: JumpstarterError, reason: JumpstarterError | undefined): void {
    clearTimeout(this.#drainTimer);
    super.end(error, reason);
  }

  protected override get lastPeerStream(): number {
    return this.#announcedLast ?? this.#lastStream;
  }

  protected override isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId > this.#lastStream;
  }

  protected override unknownStream(streamId: number, list: HeaderList | undefined, endStream: boolean): void {
    if (streamId % 2 === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `A client opened stream ${streamId}`);
    if (streamId <= this.#lastStream) return this.#oldStream(streamId);
    if (streamId > this.#lastStream + 2) this.#lastGap = [this.#lastStream + 2, streamId - 2];
    this.#lastStream = streamId;
    this.begun++;
    if (this.#draining || this.streams.size >= this.limits.maxConcurrentStreams) {
      return this.refuse(streamId, ErrorCode.REFUSED_STREAM);
    }
    if (list === undefined) {
      this.sendHeaders(streamId, [[":status", "431"]], true);
      return this.refuse(streamId, ErrorCode.NO_ERROR);
    }
    const request = parseRequest(list);
    const length = request && contentLength(request.fields);
    if (request === undefined || endStream && length) return this.refuse(streamId, ErrorCode.PROTOCOL_ERROR);

    const stream = new Stream(this);
    stream.open(streamId, this.peerSettings.initialWindowBytes);
    stream.receiveHeaders(length);
    this.streams.set(streamId, stream);
    let events;
    try {
      events = this.#accept(stream, request);
    } catch (thrown) {
      // Nobody would hear of its end.
      stream.reset(ErrorCode.INTERNAL_ERROR);
      throw thrown;
    }
    if (events === undefined) return stream.reset(ErrorCode.REFUSED_STREAM);
    stream.events = events;
    if (endStream && !stream.closed) stream.receiveEnd([]);
  }

  /** HEADERS for a number that cannot be opened any more (RFC 9113 section 5.1.1). */
  #oldStream(streamId: number): void {
    if (this.wasReset(streamId)) return;
    const [from, to] = this.#lastGap;
    if (from <= streamId && streamId <= to) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `Stream ${streamId} was left out before`);
    }
    throw new ConnectionError(ErrorCode.STREAM_CLOSED, `HEADERS for stream ${streamId}, which is closed`);
  }

  protected override firstHeaders(): boolean {
    return false;
  }

  protected override streamGone(): void {
    if (this.#draining && this.streams.size === 0) this.#drained();
  }

  protected override peerGoesAway(): void {
    this.#draining = true;
    if (this.streams.size === 0) this.#drained();
  }

  protected override notHttp2(bytes: Uint8Array): JumpstarterError | undefined {
    if (looksLikeHttp1(bytes)) {
      const http1 = this.#http1;
      try {
        if (http1) return this.handOver((pipe) => (this.#successor = http1(pipe, bytes)).closed);
      } catch (error) {
        this.writer.raw(new TextEncoder().encode(unavailable1));
        return this.unavailable(`HTTP/1.1 of ${this.peer} cannot be answered: ${messageOf(error)}`, error);
      }
      const head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
        `Content-Length: ${http1Text.length}\r\nConnection: close\r\n\r\n`;
      this.writer.raw(new TextEncoder().encode(head + http1Text));
    } else {
      this.warn("client turned away", { peer: this.peer, reason: `Expected HTTP/2, got ${whatItIs(bytes)}` });
      this.writer.settings([]);
      this.goAway(ErrorCode.PROTOCOL_ERROR, "Expected the preface of HTTP/2");
    }
    return this.unavailable(`The peer at ${this.peer} does not speak HTTP/2: it sent ${whatItIs(bytes)}`);
  }

  #drained(): void {
    this.end(this.unavailable("The exporter is shutting down"), undefined);
  }
}
