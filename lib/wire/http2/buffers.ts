/**
 * Buffers are lent to connections, not owned by them: an idle connection has next to none, and all connections of the
 * process together have no more than a fixed number of large ones.
 *
 * @module
 */

/** Lends buffers of one size. */
export class BufferPool {
  /** Bytes of each buffer. */
  readonly bytes: number;
  readonly #most: number;
  readonly #spares: number;
  readonly #lent = new Set<Uint8Array<ArrayBuffer>>();
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** At most `most` buffers of `bytes` bytes are lent at once, and `spares` are kept for the next borrower. */
  constructor(bytes: number, most: number, spares: number) {
    this.bytes = bytes;
    this.#most = most;
    this.#spares = spares;
  }

  /** Whether {@linkcode borrow} has nothing to lend. */
  get exhausted(): boolean {
    return this.#lent.size >= this.#most;
  }

  /** A buffer with arbitrary content, or `undefined` when all are lent. */
  borrow(): Uint8Array<ArrayBuffer> | undefined {
    if (this.exhausted) return undefined;
    const buffer = this.#spare.pop() ?? new Uint8Array(this.bytes);
    this.#lent.add(buffer);
    return buffer;
  }

  /** Takes back a buffer of this pool; does nothing with any other. */
  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    if (!this.#lent.delete(buffer)) return;
    if (this.#spare.length < this.#spares) this.#spare.push(buffer);
    else buffer.buffer.transfer(0); // It would be garbage that V8 notices too late.
  }
}

/** Buffers for idle connections and small calls. */
export const smallBuffers = new BufferPool(4 * 1024, Infinity, 256);

/** Buffers for busy connections: 32 MiB at most. */
export const largeBuffers = new BufferPool(512 * 1024, 64, 4);
