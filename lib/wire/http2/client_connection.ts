import { JumpstarterError } from "../../core/errors.ts";
import type { Pipe } from "../../core/pipe.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { maxStreamId } from "./frames.ts";
import { whatItIs } from "./greeting.ts";
import type { HeaderList } from "./hpack_table.ts";
import { contentLength, parseResponse } from "./message_head.ts";
import { Stream, type StreamEvents } from "./stream.ts";

/** The client's side of a connection: it opens streams, as many at once as the peer allows. */
export class ClientConnection extends Connection {
  #nextStream = 1;
  /** Streams that wait until the peer allows one more. */
  readonly #waiting = new Set<Stream>();
  /** Only connections of the system keep a program going; a pipe in memory has nobody beyond it. */
  readonly #keeper: Partial<Deno.Conn>;
  #keepsProgram = true;
  /** Why no more streams can be opened. */
  #refusal: JumpstarterError | undefined;

  constructor(pipe: Pipe, options: ConnectionOptions) {
    super("client", pipe, options);
    this.#keeper = pipe as Partial<Deno.Conn>;
    this.#keepProgram(false);
  }

  /**
   * Opens a stream, which waits for its turn when the peer's limit is reached. Its owner sends the headers next.
   *
   * @throws {JumpstarterError} `unavailable` when the connection is gone or going.
   */
  open(events: StreamEvents): Stream {
    if (this.#refusal !== undefined) throw this.#refusal;
    const stream = new Stream(this);
    stream.events = events;
    // A program that is done with its calls should end, whether it closes the connection or not.
    this.#keepProgram(true);
    if (this.#waiting.size === 0 && this.streams.size < this.peerSettings.maxConcurrentStreams) this.#start(stream);
    else this.#waiting.add(stream);
    return stream;
  }

  /** Gives all calls up, which fail with `canceled`, and closes the connection. Resolves when it is closed. */
  async close(): Promise<void> {
    if (!this.ended) {
      this.goAway(ErrorCode.NO_ERROR, "");
      this.end(new JumpstarterError("canceled", `The connection to ${this.peer} was closed`), undefined);
    }
    await this.closed;
  }

  protected override end(error: JumpstarterError, reason: JumpstarterError | undefined): void {
    if (this.ended) return;
    this.#refusal = reason ?? this.unavailable(`The connection to ${this.peer} is closed`);
    super.end(error, reason);
    this.#refuseWaiting(error);
  }

  protected override isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId >= this.#nextStream;
  }

  protected override unknownStream(streamId: number): void {
    if (this.isIdle(streamId)) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `HEADERS for stream ${streamId}, which was never opened`);
    }
    this.streamWasClosed(streamId);
  }

  protected override firstHeaders(stream: Stream, list: HeaderList): boolean {
    const response = parseResponse(list);
    if (response === undefined || response.status === 101) return false;
    // RFC 9113 section 8.1: any number of interim responses may come first.
    if (response.status < 200) return true;
    stream.receiveHeaders(contentLength(response.fields));
    stream.events.onHeaders(response.fields, response.status);
    return true;
  }

  protected override streamGone(stream: Stream): void {
    if (stream.id === 0) this.#waiting.delete(stream);
    else if (!this.ended) this.#startWaiting();
    if (this.streams.size === 0 && this.#waiting.size === 0) this.#keepProgram(false);
  }

  protected override settingsChanged(): void {
    this.#startWaiting();
  }

  protected override peerGoesAway(lastStreamId: number, why: string): void {
    const error = this.unavailable(`The call was never processed: the peer at ${this.peer} is going away: ${why}`);
    this.#refusal = error;
    this.#refuseWaiting(error);
    for (const stream of [...this.streams.values()]) {
      if (stream.id > lastStreamId) stream.fail(error);
    }
    this.#endWhenIdle();
  }

  protected override notHttp2(bytes: Uint8Array): JumpstarterError {
    return this.unavailable(`The peer at ${this.peer} does not speak gRPC: it answered ${whatItIs(bytes)}`);
  }

  /** Says whether the program should go on for this connection's sake alone, which it does at first. */
  #keepProgram(goesOn: boolean): void {
    if (goesOn === this.#keepsProgram) return;
    this.#keepsProgram = goesOn;
    if (goesOn) this.#keeper.ref?.();
    else this.#keeper.unref?.();
    this.silence.keepProgram(goesOn);
  }

  #start(stream: Stream): void {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.streams.set(id, stream);
    stream.open(id, this.peerSettings.initialWindowBytes);
    if (this.#nextStream > maxStreamId) {
      this.#refusal = this.unavailable(`All stream numbers of the connection to ${this.peer} are used up`);
      this.#refuseWaiting(this.#refusal);
    }
  }

  #startWaiting(): void {
    for (const stream of this.#waiting) {
      if (this.streams.size >= this.peerSettings.maxConcurrentStreams) return;
      this.#waiting.delete(stream);
      this.#start(stream);
    }
    this.#endWhenIdle();
  }

  #refuseWaiting(error: JumpstarterError): void {
    for (const stream of this.#waiting) stream.fail(error);
  }

  #endWhenIdle(): void {
    if (this.#refusal !== undefined && this.streams.size === 0) this.end(this.#refusal, this.#refusal);
  }
}
