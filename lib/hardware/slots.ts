/**
 * Memory that threads share, in slots of one size, of which each holds what is on its way. It is the operating system's
 * own, which lies on whole pages, as devices need it, and is given back when it is no longer used, not some time later.
 *
 * @module
 */
import { libc, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE, systemError } from "./libc.ts";

/** Bytes of a slot. */
export const slotBytes = 1024 * 1024;

/** Slots that may be on their way at once. */
const slotCount = 8;

/** Part of the memory that threads share. */
export interface Piece {
  readonly start: number;
  readonly length: number;
}

/** Where that memory lies in this process. */
export interface SharedMemory {
  readonly address: bigint;
  readonly length: number;
}

/** The bytes of shared memory, in the thread that asks. */
export function bytesOf({ address, length }: SharedMemory): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, length));
}

/** A fixed number of slots. Who finds none free waits for one. */
export class Slots implements Disposable {
  readonly shared: SharedMemory;
  /** The memory that pieces are of. */
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly #free: number[] = [];
  readonly #waiting: PromiseWithResolvers<Piece>[] = [];
  #broken?: { error: unknown };
  #interrupt?: (error: unknown) => void;

  constructor() {
    const length = slotBytes * slotCount;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const pointer = libc().mmap(null, BigInt(length), PROT_READ | PROT_WRITE, flags, -1, 0n);
    // What says that it has failed is (void *) -1.
    const address = Deno.UnsafePointer.value(pointer);
    if (BigInt.asIntN(64, BigInt(address)) === -1n) throw systemError(`map ${length} bytes`);
    this.shared = { address: BigInt(address), length };
    this.memory = bytesOf(this.shared);
    for (let index = 0; index < slotCount; index++) this.#free.push(index * slotBytes);
  }

  /** Gives the memory back. Nobody may touch it from then on. */
  [Symbol.dispose](): void {
    libc().munmap(Deno.UnsafePointer.create(this.shared.address), BigInt(this.shared.length));
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
    // It has begun already: a failure of it that nobody waits for would end the process.
    work.catch(() => {});
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
