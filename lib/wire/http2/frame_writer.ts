import { setImmediate } from "node:timers";
import type { Pipe } from "../../core/pipe.ts";
import { largeBuffers, smallBuffers } from "./buffers.ts";
import { Flag, frameHeaderBytes, FrameType, preface, writeUint32 } from "./frames.ts";

/** Writes that may follow one another without the event loop turning; see `#schedule`. */
const writesPerTurn = 2;

/** The part of a buffer that is left to frames of control: one that is full would have to be copied for each of them. */
const controlShare = 64;

/** What a writer tells its connection. */
export interface WriterEvents {
  /** A write is done: there is room for DATA again. */
  drained(): void;
  /** The pipe takes no more bytes. Nothing else follows. */
  broken(cause: unknown): void;
}

/**
 * Gathers frames and writes them, one write in flight at a time: what gathers meanwhile goes out with the next.
 *
 * Frames of control and headers always find a place; DATA has to ask for {@linkcode room}.
 */
export class FrameWriter {
  readonly #pipe: Pipe;
  readonly #events: WriterEvents;

  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  #writing = false;
  #scheduled = false;
  #corked = false;
  #writesThisTurn = 0;
  #broken = false;
  #whenFlushed: (() => void)[] = [];

  constructor(pipe: Pipe, events: WriterEvents) {
    this.#pipe = pipe;
    this.#events = events;
  }

  /** Payload bytes that one DATA frame may have now. */
  get room(): number {
    if (this.#broken) return 0;
    const capacity = largeBuffers.exhausted ? this.#buffer?.length ?? smallBuffers.bytes : largeBuffers.bytes;
    const left = capacity - capacity / controlShare - this.#length - frameHeaderBytes;
    // A frame that only fills up the rest would cut a message for nothing.
    return left >= capacity / 8 ? left : 0;
  }

  /** Bytes that wait for the write in flight. */
  get waiting(): number {
    return this.#writing ? this.#length : 0;
  }

  /** Holds all output back while input is parsed, since more of it is about to come. */
  cork(): void {
    this.#corked = true;
  }

  /** Writes what has gathered since {@linkcode cork}. */
  uncork(): void {
    this.#corked = false;
    this.#writesThisTurn = 0;
    this.#flush();
  }

  /** Resolves when every byte so far has been written, or will never be. */
  flushed(): Promise<void> {
    if (this.#broken || !this.#writing && this.#length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenFlushed.push(resolve);
      this.#flush();
    });
  }

  preface(): void {
    const at = this.#reserve(preface.length);
    this.#buffer!.set(preface, at);
  }

  settings(values: readonly (readonly [id: number, value: number])[]): void {
    let at = this.#frame(FrameType.SETTINGS, 0, 0, 6 * values.length);
    for (const [id, value] of values) {
      this.#buffer![at] = id >> 8;
      this.#buffer![at + 1] = id;
      writeUint32(this.#buffer!, at + 2, value);
      at += 6;
    }
  }

  settingsAck(): void {
    this.#frame(FrameType.SETTINGS, Flag.ACK, 0, 0);
  }

  ping(payload: Uint8Array, ack: boolean): void {
    const at = this.#frame(FrameType.PING, ack ? Flag.ACK : 0, 0, payload.length);
    this.#buffer!.set(payload, at);
  }

  reset(streamId: number, errorCode: number): void {
    const at = this.#frame(FrameType.RST_STREAM, 0, streamId, 4);
    writeUint32(this.#buffer!, at, errorCode);
  }

  windowUpdate(streamId: number, increment: number): void {
    const at = this.#frame(FrameType.WINDOW_UPDATE, 0, streamId, 4);
    writeUint32(this.#buffer!, at, increment);
  }

  goAway(lastStreamId: number, errorCode: number, message: string): void {
    const debug = new TextEncoder().encode(message);
    const at = this.#frame(FrameType.GOAWAY, 0, 0, 8 + debug.length);
    writeUint32(this.#buffer!, at, lastStreamId);
    writeUint32(this.#buffer!, at + 4, errorCode);
    this.#buffer!.set(debug, at + 8);
  }

  /** A header block as HEADERS and as many CONTINUATION frames as the peer's frame size asks for. */
  headers(streamId: number, block: Uint8Array, endStream: boolean, maxFrameBytes: number): void {
    let type: number = FrameType.HEADERS;
    let flags: number = endStream ? Flag.END_STREAM : 0;
    let start = 0;
    do {
      const end = Math.min(start + maxFrameBytes, block.length);
      if (end === block.length) flags |= Flag.END_HEADERS;
      const at = this.#frame(type, flags, streamId, end - start);
      this.#buffer!.set(block.subarray(start, end), at);
      type = FrameType.CONTINUATION;
      flags = 0;
      start = end;
    } while (start < block.length);
  }

  /** A DATA frame of `length` bytes, which must not exceed {@linkcode room}. Returns the place for its payload. */
  data(streamId: number, length: number, endStream: boolean): Uint8Array {
    const at = this.#frame(FrameType.DATA, endStream ? Flag.END_STREAM : 0, streamId, length);
    return this.#buffer!.subarray(at, at + length);
  }

  /** Appends bytes that are no frame. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#buffer!.set(bytes, at);
  }

  #frame(type: number, flags: number, streamId: number, length: number): number {
    const at = this.#reserve(frameHeaderBytes + length);
    const buffer = this.#buffer!;
    buffer[at] = length >>> 16;
    buffer[at + 1] = length >>> 8;
    buffer[at + 2] = length;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    writeUint32(buffer, at + 5, streamId);
    return at + frameHeaderBytes;
  }

  /** Makes place for `bytes` bytes and returns their offset in the buffer. */
  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#buffer === undefined || this.#length > this.#buffer.length) this.#grow(at);
    if (!this.#corked && !this.#scheduled && !this.#writing) this.#schedule();
    return at;
  }

  #grow(used: number): void {
    const old = this.#buffer;
    const pool = this.#length <= smallBuffers.bytes ? smallBuffers : largeBuffers;
    this.#buffer = this.#length <= pool.bytes ? pool.borrow() : undefined;
    this.#buffer ??= new Uint8Array(2 * this.#length);
    if (old === undefined) return;
    this.#buffer.set(old.subarray(0, used));
    release(old);
  }

  /**
   * Flushes soon. The end of the current job is early enough for what is written within it, but a write often completes
   * at once, so a busy sender would end up with one write per message: after a few writes the rest of the event loop's
   * turn is gathered.
   */
  #schedule(): void {
    this.#scheduled = true;
    if (this.#writesThisTurn < writesPerTurn) {
      this.#writesThisTurn++;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#flush();
      });
    } else {
      setImmediate(() => {
        this.#scheduled = false;
        this.#writesThisTurn = 0;
        this.#flush();
      });
    }
  }

  #flush(): void {
    if (this.#writing || this.#corked || this.#length === 0 || this.#broken) return;
    const buffer = this.#buffer!;
    const length = this.#length;
    this.#buffer = undefined;
    this.#length = 0;
    this.#writing = true;
    this.#write(buffer, length);
  }

  async #write(buffer: Uint8Array<ArrayBuffer>, length: number): Promise<void> {
    try {
      for (let at = 0; at < length;) at += await this.#pipe.write(buffer.subarray(at, length));
    } catch (cause) {
      this.#broken = true;
      if (this.#buffer !== undefined) release(this.#buffer);
      this.#buffer = undefined;
      this.#length = 0;
      this.#settle();
      this.#events.broken(cause);
      return;
    } finally {
      this.#writing = false;
      release(buffer);
    }
    this.#events.drained();
    if (this.#length === 0) this.#settle();
    else if (this.room === 0 || this.#whenFlushed.length > 0) this.#flush();
    else if (!this.#corked && !this.#scheduled) this.#schedule();
  }

  #settle(): void {
    for (const resolve of this.#whenFlushed.splice(0)) resolve();
  }
}

function release(buffer: Uint8Array<ArrayBuffer>): void {
  smallBuffers.giveBack(buffer);
  largeBuffers.giveBack(buffer);
}
