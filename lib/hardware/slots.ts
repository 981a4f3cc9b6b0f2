/** Memory that threads share, in slots of one size, of which each holds what is on its way. @module */
import type { Piece } from "./medium_worker.ts";

/** Bytes of a slot. */
export const slotBytes = 1024 * 1024;

/** Slots that may be on their way at once. */
const slotCount = 16;

/** Past the page cache memory has to lie on a multiple of this; it is the largest that devices ask for. */
const alignment = 4096;

/** A fixed number of slots. Who finds none free waits for one. */
export class Slots {
  readonly shared = new SharedArrayBuffer(slotBytes * slotCount + alignment);
  /** The memory that pieces are of. */
  readonly memory = new Uint8Array(this.shared);
  readonly #free: number[] = [];
  readonly #waiting: PromiseWithResolvers<Piece>[] = [];
  #broken?: { error: unknown };
  #interrupt?: (error: unknown) => void;

  constructor() {
    const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.memory as unknown as BufferSource));
    const first = (alignment - Number(BigInt(address) % BigInt(alignment))) % alignment;
    for (let index = 0; index < slotCount; index++) this.#free.push(first + index * slotBytes);
  }

  /** A free slot. */
  take(): Promise<Piece> {
    if (this.#broken) return Promise.reject(this.#broken.error);
    const start = this.#free.pop();
    if (start !== undefined) return Promise.resolve({ start, length: slotBytes });
    const waiting = Promise.withResolvers<Piece>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Gives a slot back. */
  give({ start }: Piece): void {
    const next = this.#waiting.shift();
    if (next) next.resolve({ start, length: slotBytes });
    else this.#free.push(start);
  }

  /** From now on nobody gets one: those who wait, and those who come, fail with the first error. */
  break(error: unknown): void {
    this.#broken ??= { error };
    this.#interrupt?.(this.#broken.error);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#broken.error);
  }

  /** Waits for something else, as long as they are not broken. */
  unlessBroken<T>(work: Promise<T>): Promise<T> {
    this.check();
    return new Promise<T>((resolve, reject) => {
      this.#interrupt = reject;
      work.then(resolve, reject);
    });
  }

  /** @throws the error that has broken them. */
  check(): void {
    if (this.#broken) throw this.#broken.error;
  }
}
