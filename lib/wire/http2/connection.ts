import { isJumpstarterError, JumpstarterError, messageOf } from "../../core/errors.ts";
import type { Pipe } from "../../core/pipe.ts";
import { ConnectionError, ErrorCode, errorCodeName, resetError } from "./error_code.ts";
import { FrameParser, type FrameSink } from "./frame_parser.ts";
import { defaultWindowBytes, maxWindowBytes } from "./frames.ts";
import { FrameWriter } from "./frame_writer.ts";
import { Greeting, NotHttp2 } from "./greeting.ts";
import { HpackDecoder } from "./hpack_decoder.ts";
import { HpackEncoder } from "./hpack_encoder.ts";
import type { HeaderList } from "./hpack_table.ts";
import { readAll } from "./input.ts";
import { type Limits, withDefaults } from "./limits.ts";
import { areTrailers } from "./message_head.ts";
import { RateLimit } from "./rate.ts";
import { Resets } from "./resets.ts";
import { SendQueue } from "./send_queue.ts";
import { initialPeerSettings, ownSettings, type PeerSettings, withSettings } from "./settings.ts";
import { keepalivePayload, SilenceWatch } from "./silence.ts";
import type { Stream } from "./stream.ts";
import { ConnectionWindow, windowOverflow } from "./window.ts";

/** What both sides of a connection need to know. */
export interface ConnectionOptions {
  /** Where the peer sits, for messages and logs. */
  peer: string;
  limits?: Partial<Limits>;
  /** Hears of a peer that breaks the rules. */
  onWarning?: (text: string, fields: Record<string, unknown>) => void;
}

/**
 * One HTTP/2 connection over a pipe (RFC 9113): what servers and clients have in common. What differs between the roles
 * is in `server_connection.ts` and `client_connection.ts`.
 */
export abstract class Connection implements FrameSink {
  readonly peer: string;
  readonly limits: Limits;
  readonly writer: FrameWriter;
  readonly sendQueue: SendQueue;

  protected readonly streams = new Map<number, Stream>();
  protected peerSettings: PeerSettings = initialPeerSettings;
  protected ended = false;
  /** Streams that the peer has begun in the input that is being taken. */
  protected begun = 0;
  protected readonly greeting: Greeting;
  protected readonly silence: SilenceWatch;

  readonly #role: "server" | "client";
  readonly #pipe: Pipe;
  protected readonly warn: (text: string, fields: Record<string, unknown>) => void;
  readonly #parser: FrameParser;
  readonly #decoder: HpackDecoder;
  readonly #encoder = new HpackEncoder();
  readonly #window: ConnectionWindow;
  readonly #controls: RateLimit;
  readonly #resets: Resets;
  readonly #input: Promise<void>;
  readonly #closing = Promise.withResolvers<JumpstarterError | undefined>();
  /** Resolves once the pipe is closed: with the reason, or with nothing when this side wanted it. Never rejects. */
  readonly closed: Promise<JumpstarterError | undefined> = this.#closing.promise;

  /** The stream of the DATA frame that is being received, and how many of its bytes were not handed on. */
  #dataStream: Stream | undefined;
  #dataOverhead = 0;
  #answered = false;
  #handedOver = false;
  #peerGoAway = "";

  constructor(role: "server" | "client", pipe: Pipe, options: ConnectionOptions) {
    const limits = withDefaults(options.limits);
    this.peer = options.peer;
    this.limits = limits;
    this.writer = new FrameWriter(pipe, {
      drained: () => this.sendQueue.pump(),
      broken: (cause) => this.#lost(cause),
    });
    this.sendQueue = new SendQueue(this.writer, initialPeerSettings.maxFrameBytes);
    this.#role = role;
    this.#pipe = pipe;
    this.warn = options.onWarning ?? (() => {});
    this.#parser = new FrameParser(this, limits);
    this.greeting = new Greeting(role === "server" ? "client" : "server");
    this.#decoder = new HpackDecoder(limits.maxHeaderListBytes);
    this.#window = new ConnectionWindow(limits.connectionWindowBytes);
    this.#controls = new RateLimit(limits.controlBurst, limits.controlsPerSecond);
    this.#resets = new Resets(limits);
    // Output is gathered here already; TCP holding back the rest of an answer would cost 40 ms.
    (pipe as Partial<Deno.TcpConn>).setNoDelay?.(true);
    const ask = () => this.writer.ping(keepalivePayload, false);
    this.silence = new SilenceWatch(limits, ask, (why) => this.#lost(new Error(why)));
    // A server waits for the client's preface: an HTTP/1.1 client must not be greeted in HTTP/2.
    if (role === "client") this.#introduce();
    const reading = readAll(pipe, (chunk) => this.#feed(chunk), () => this.greeting.complete);
    this.#input = reading.then(() => this.#lost(undefined), (e) => this.#lost(e));
  }

  // What streams ask for.

  sendHeaders(streamId: number, fields: HeaderList, end: boolean): void {
    this.writer.headers(streamId, this.#encoder.encode(fields), end, this.peerSettings.maxFrameBytes);
  }

  sendReset(stream: Stream, errorCode: number): void {
    if (stream.id !== 0) this.refuse(stream.id, errorCode);
  }

  /** A stream is over. */
  forget(stream: Stream): void {
    this.streams.delete(stream.id);
    this.sendQueue.remove(stream);
    this.streamGone(stream);
  }

  // What the roles add.

  /** HEADERS that belong to no open stream; the list is `undefined` where it is too long. */
  protected abstract unknownStream(streamId: number, list: HeaderList | undefined, endStream: boolean): void;
  /** A header section on an open stream that has had none. `false` when it is malformed. */
  protected abstract firstHeaders(stream: Stream, list: HeaderList): boolean;
  /** Whether a stream of that number was never opened. */
  protected abstract isIdle(streamId: number): boolean;
  /** A stream has been removed. */
  protected abstract streamGone(stream: Stream): void;
  /** The peer opens no more streams and takes none; of ours, it has not looked at those above `lastStreamId`. */
  protected abstract peerGoesAway(lastStreamId: number, why: string): void;
  /** The first bytes were not HTTP/2's. Returns the reason for which the connection ends, or nothing when it goes on. */
  protected abstract notHttp2(bytes: Uint8Array): JumpstarterError | undefined;
  /** The peer's settings have changed. */
  protected settingsChanged(): void {}
  /** The highest number of a stream of the peer that was looked at. */
  protected get lastPeerStream(): number {
    return 0;
  }

  // What the roles use.

  /** Tells the peer that no further stream will be looked at. */
  protected goAway(errorCode: number, message: string): void {
    this.writer.goAway(this.lastPeerStream, errorCode, message);
  }

  /** Resets a stream that has no owner (any more). */
  protected refuse(streamId: number, errorCode: number): void {
    this.#countReset();
    this.writer.reset(streamId, errorCode);
    this.#resets.remember(streamId);
  }

  /** Whether this side has reset the stream not long ago, which the peer may not have known. */
  protected wasReset(streamId: number): boolean {
    return this.#resets.remembers(streamId);
  }

  /** Answers a frame of a stream that was closed before, unless the peer could not know that yet. */
  protected streamWasClosed(streamId: number): void {
    if (!this.wasReset(streamId)) this.refuse(streamId, ErrorCode.STREAM_CLOSED);
  }

  /** An error that says the peer cannot be reached (any more). */
  protected unavailable(message: string, cause?: unknown): JumpstarterError {
    return new JumpstarterError("unavailable", message, { phase: "connect", cause });
  }

  /**
   * Ends the connection: streams that still run fail with `error`, and what has been written so far still goes out,
   * within a limit of time. `reason` is what {@linkcode closed} resolves to.
   */
  protected end(error: JumpstarterError, reason: JumpstarterError | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.silence.stop();
    for (const stream of [...this.streams.values()]) stream.fail(error);
    this.#linger().then(() => this.#closing.resolve(reason));
  }

  /** Lets the last bytes go out, since closing a socket that has unread input would take them away from the peer. */
  async #linger(): Promise<void> {
    const { promise: limit, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.limits.lingerMs);
    const lastBytes = async () => {
      await this.writer.flushed();
      await this.#pipe.closeWrite();
      await this.#input;
    };
    await Promise.race([lastBytes().catch(() => {}), limit]);
    clearTimeout(timer);
    try {
      this.#pipe.close();
    } catch {
      // A connection of Deno's throws when it is closed already.
    }
  }

  /** Gives the pipe away, and reads it no more. The connection is closed when whoever has it says so. */
  protected handOver(to: (pipe: Pipe) => Promise<void>): undefined {
    const done = to(this.#pipe);
    this.ended = true;
    this.#handedOver = true;
    this.silence.stop();
    done.then(() => this.#closing.resolve(undefined));
  }

  #introduce(): void {
    if (this.#role === "client") this.writer.preface();
    this.writer.settings(ownSettings(this.#role, this.limits));
    const extra = this.limits.connectionWindowBytes - defaultWindowBytes;
    if (extra > 0) this.writer.windowUpdate(0, extra);
  }

  /** `false` wants no more. */
  #feed(chunk: Uint8Array): number | undefined {
    this.begun = 0;
    if (!this.ended) this.#take(chunk);
    return this.#handedOver ? undefined : this.begun;
  }

  #take(chunk: Uint8Array): void {
    this.silence.heard();
    this.writer.cork();
    try {
      this.#parser.feed(this.greeting.complete ? chunk : this.#greet(chunk));
      if (this.writer.waiting > this.limits.maxQueuedBytes) {
        throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "The peer does not read what it asks for");
      }
      this.#resets.check();
    } catch (thrown) {
      this.#failed(thrown);
    } finally {
      this.writer.uncork();
    }
  }

  #greet(chunk: Uint8Array): Uint8Array {
    const frames = this.greeting.feed(chunk);
    if (this.greeting.complete && this.#role === "server") this.#introduce();
    return frames;
  }

  #failed(thrown: unknown): void {
    if (thrown instanceof NotHttp2) {
      const reason = this.notHttp2(thrown.bytes);
      return reason && this.end(reason, reason);
    }
    const errorCode = thrown instanceof ConnectionError ? thrown.errorCode : ErrorCode.INTERNAL_ERROR;
    const message = messageOf(thrown);
    this.warn("connection ended by an error", { peer: this.peer, code: errorCodeName(errorCode), reason: message });
    this.goAway(errorCode, message);
    const reason = this.unavailable(`The connection to ${this.peer} was ended: ${message}`, thrown);
    this.end(reason, reason);
  }

  #lost(cause: unknown): void {
    if (this.ended) return;
    const reason = isJumpstarterError(cause) ? cause : this.unavailable(this.#whyLost(cause), cause);
    this.end(reason, reason);
  }

  #whyLost(cause: unknown): string {
    if (this.#peerGoAway) return `The peer at ${this.peer} ended the connection: ${this.#peerGoAway}`;
    const why = cause === undefined ? "the peer closed it" : messageOf(cause);
    if (this.#answered) return `The connection to ${this.peer} was lost: ${why}`;
    if (cause === undefined) return `The peer at ${this.peer} closed the connection before answering`;
    return `The peer at ${this.peer} did not answer: ${why}`;
  }

  #streamError(stream: Stream, errorCode: number, message: string): void {
    this.sendReset(stream, errorCode);
    const code = errorCode === ErrorCode.ENHANCE_YOUR_CALM ? "resource_exhausted" : "internal";
    stream.fail(new JumpstarterError(code, `The peer at ${this.peer} broke the protocol: ${message}`));
  }

  #countControl(): void {
    if (this.#controls.take()) return;
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "The peer sends too many frames without content");
  }

  // A client resets what it likes.
  #countReset(): void {
    if (this.#role === "server") this.#resets.count();
  }

  #mustNotBeIdle(streamId: number, frame: string): void {
    if (!this.isIdle(streamId)) return;
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${frame} for stream ${streamId}, which was never opened`);
  }

  // What the parser finds.

  onHeaders(streamId: number, block: Uint8Array, endStream: boolean): void {
    // Whatever becomes of the stream, its block must be decoded: the table is the connection's.
    const list = this.#decoder.decode(block);
    const stream = this.streams.get(streamId);
    if (stream === undefined) return this.unknownStream(streamId, list, endStream);
    if (stream.receivedEnd) return this.#streamError(stream, ErrorCode.STREAM_CLOSED, "Headers after the end");
    if (list === undefined) return this.#streamError(stream, ErrorCode.ENHANCE_YOUR_CALM, "Too long a header list");
    if (!stream.receivedHeaders) {
      if (!this.firstHeaders(stream, list)) {
        return this.#streamError(stream, ErrorCode.PROTOCOL_ERROR, "Malformed headers");
      }
      if (endStream) this.#endStream(stream, []);
    } else if (endStream && areTrailers(list)) this.#endStream(stream, list);
    else this.#streamError(stream, ErrorCode.PROTOCOL_ERROR, "Malformed trailers");
  }

  onDataStart(streamId: number, bytes: number): void {
    if (bytes === 0) this.#countControl();
    const credit = this.#window.receive(bytes);
    if (credit > 0) this.writer.windowUpdate(0, credit);

    const stream = this.streams.get(streamId);
    this.#dataStream = stream;
    this.#dataOverhead = bytes;
    if (stream === undefined) {
      this.#mustNotBeIdle(streamId, "DATA");
      return this.streamWasClosed(streamId);
    }
    const errorCode = stream.receiveData(bytes);
    if (errorCode !== ErrorCode.NO_ERROR) this.#streamError(stream, errorCode, "Data that is not allowed");
  }

  onDataChunk(chunk: Uint8Array): void {
    this.#dataOverhead -= chunk.length;
    if (this.#dataStream?.closed === false) this.#dataStream.receiveChunk(chunk);
  }

  onDataEnd(endStream: boolean): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (stream === undefined || stream.closed) return;
    if (this.#dataOverhead > 0) stream.consumed(this.#dataOverhead);
    if (endStream) this.#endStream(stream, []);
  }

  #endStream(stream: Stream, trailers: HeaderList): void {
    if (stream.closed || stream.receiveEnd(trailers)) return;
    this.#streamError(stream, ErrorCode.PROTOCOL_ERROR, "A body of another length than was promised");
  }

  onReset(streamId: number, errorCode: number): void {
    this.#mustNotBeIdle(streamId, "RST_STREAM");
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    this.#countReset();
    stream.fail(resetError(errorCode, this.peer));
  }

  onSettings(payload: Uint8Array): void {
    if (this.#answered) this.#countControl();
    const before = this.peerSettings;
    // A peer that names no limit of streams has none (RFC 9113 section 6.5.2).
    this.peerSettings = withSettings(this.#answered ? before : { ...before, maxConcurrentStreams: Infinity }, payload);
    this.#encoder.setMaxTableBytes(this.peerSettings.headerTableBytes);
    this.sendQueue.maxFrameBytes = this.peerSettings.maxFrameBytes;
    const change = this.peerSettings.initialWindowBytes - before.initialWindowBytes;
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > maxWindowBytes) throw windowOverflow();
    }
    if (!this.#answered) this.silence.greeted();
    this.#answered = true;
    this.writer.settingsAck();
    this.settingsChanged();
    this.sendQueue.pump();
  }

  onSettingsAck(): void {}

  onPing(payload: Uint8Array, ack: boolean): void {
    this.#countControl();
    if (!ack) this.writer.ping(payload, true);
  }

  onGoAway(lastStreamId: number, errorCode: number, debug: Uint8Array): void {
    const text = new TextDecoder().decode(debug.subarray(0, 200));
    this.#peerGoAway = text === "" ? errorCodeName(errorCode) : `${errorCodeName(errorCode)} (${text})`;
    this.peerGoesAway(lastStreamId, this.#peerGoAway);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "A WINDOW_UPDATE of 0");
      if (!this.sendQueue.grow(increment)) throw windowOverflow();
    } else {
      this.#mustNotBeIdle(streamId, "WINDOW_UPDATE");
      const stream = this.streams.get(streamId);
      if (stream === undefined) return;
      if (increment === 0) return this.#streamError(stream, ErrorCode.PROTOCOL_ERROR, "A WINDOW_UPDATE of 0");
      stream.sendWindow += increment;
      if (stream.sendWindow > maxWindowBytes) {
        return this.#streamError(stream, ErrorCode.FLOW_CONTROL_ERROR, "Too large a window");
      }
    }
    this.sendQueue.pump();
  }

  onIgnored(): void {
    this.#countControl();
  }
}
