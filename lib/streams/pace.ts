/** Sending slowly, for devices that lose what comes too fast. @module */
import { type ByteStream, byteStreamOf, sinkOf, sourceOf } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { pause } from "../core/limit.ts";

/** A timer does not wait for less, in milliseconds. */
const shortestPauseMs = 4;

/**
 * A number of characters per second, held over everything that is sent with it. It never hurries to make up for lost
 * time: boards drop such bursts.
 */
export class Pace {
  readonly #charsPerSecond: number;
  readonly #pieceBytes: number;
  /** When the next piece may follow. */
  #freeMs = 0;

  /** `Infinity` is no limit. No piece has more than `mostBytes`. */
  constructor(charsPerSecond = Infinity, mostBytes = Infinity) {
    this.#charsPerSecond = charsPerSecond;
    this.#pieceBytes = Math.min(mostBytes, Math.max(1, Math.floor(charsPerSecond * shortestPauseMs / 1000)));
  }

  /** Bytes in the pieces that they are to be sent in. */
  *cut(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let at = 0; at < bytes.length; at += this.#pieceBytes) yield bytes.subarray(at, at + this.#pieceBytes);
  }

  /** Resolves when the next piece may go. */
  async ready(signal?: AbortSignal): Promise<void> {
    const waitMs = this.#freeMs - performance.now();
    if (waitMs > 0) await pause(waitMs, signal);
  }

  /** A piece has gone just now. */
  sent(piece: Uint8Array): void {
    this.#freeMs = performance.now() + piece.length * 1000 / this.#charsPerSecond;
  }

  /** Bytes in pieces, each when its time has come; asking for the next one says that the last one has gone. */
  async *pieces(bytes: Uint8Array, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    for (const piece of this.cut(bytes)) {
      await this.ready(signal);
      yield piece;
      this.sent(piece);
    }
  }
}

/** A stream that takes no more than `charsPerSecond`. */
export function pacedStream(stream: ByteStream, charsPerSecond: number): ByteStream {
  if (charsPerSecond === Infinity) return stream;
  const [source, sink] = [sourceOf(stream), sinkOf(stream)];
  const pace = new Pace(charsPerSecond);
  const closed = new AbortController();
  return byteStreamOf({
    next: () => source.next(),
    async write(chunk) {
      for await (const piece of pace.pieces(chunk, closed.signal)) await sink.write(piece);
    },
    end: () => sink.end(),
    async close() {
      closed.abort(new JumpstarterError("canceled", "The port was closed"));
      await stream[Symbol.asyncDispose]();
    },
  });
}
