import { defaultWindowBytes, maxWindowBytes } from "./frames.ts";
import type { FrameWriter } from "./frame_writer.ts";
import type { Stream } from "./stream.ts";

/** Bytes of one DATA frame that we send, so that streams take turns. */
const maxDataFrameBytes = 128 * 1024;

/** Flow control of what a connection sends (RFC 9113 section 5.2): its window, and the streams that wait for it. */
export class SendQueue {
  readonly #writer: FrameWriter;
  /** Streams with something to send, in the order of their turns. */
  readonly #streams = new Set<Stream>();
  #window = defaultWindowBytes;
  /** Bytes that the peer takes in one frame. */
  maxFrameBytes: number;

  constructor(writer: FrameWriter, maxFrameBytes: number) {
    this.#writer = writer;
    this.maxFrameBytes = maxFrameBytes;
  }

  /** Bytes that one DATA frame may have now, as far as the connection is concerned. */
  get sendable(): number {
    return Math.min(this.#window, this.maxFrameBytes, maxDataFrameBytes, this.#writer.room);
  }

  /** Begins a DATA frame of `bytes` bytes, which the windows must allow, and returns the place for its payload. */
  data(stream: Stream, bytes: number, end: boolean): Uint8Array {
    stream.sendWindow -= bytes;
    this.#window -= bytes;
    return this.#writer.data(stream.id, bytes, end);
  }

  /** Gives a stream its turns until it has nothing left to send. */
  add(stream: Stream): void {
    if (this.#streams.has(stream)) return;
    this.#streams.add(stream);
    this.pump();
  }

  /** Forgets a stream. */
  remove(stream: Stream): void {
    this.#streams.delete(stream);
  }

  /** The peer gave the connection `bytes` more; `false` when that is more than a window can hold. */
  grow(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= maxWindowBytes;
  }

  /** Sends what the windows and the output allow: one frame a stream and round, so that all advance alike. */
  pump(): void {
    for (let progress = true; progress && this.#streams.size > 0;) {
      progress = false;
      for (const stream of this.#streams) {
        if (stream.sendQueued()) progress = true;
        if (!stream.queued) this.#streams.delete(stream);
      }
    }
  }
}
