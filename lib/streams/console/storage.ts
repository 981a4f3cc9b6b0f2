/** Where a ring keeps its bytes: in memory, or in a file when they are many. @module */

/** A fixed number of bytes that can be written and read anywhere. */
export interface Storage extends Disposable {
  write(position: number, bytes: Uint8Array): void;
  read(position: number, length: number): Uint8Array;
}

/** Rings up to this size, in bytes, stay in memory. */
const memoryBytes = 4 * 1024 * 1024;

/** A place for `bytes` bytes. */
export function storageOf(bytes: number): Storage {
  return bytes <= memoryBytes ? new Memory(bytes) : new Spilled();
}

class Memory implements Storage {
  readonly #bytes: Uint8Array;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  write(position: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, position);
  }

  // A copy: the ring goes on while the reader still holds what it got.
  read(position: number, length: number): Uint8Array {
    return this.#bytes.slice(position, position + length);
  }

  [Symbol.dispose](): void {}
}

/** A file that nobody else sees, and that goes with the process however it ends. */
class Spilled implements Storage {
  readonly #path = Deno.makeTempFileSync({ prefix: "jumpstarter-console-" });
  readonly #file = Deno.openSync(this.#path, { read: true, write: true });
  #named = true;

  constructor() {
    // Where an open file cannot be removed it goes when it is closed.
    this.#remove();
  }

  write(position: number, bytes: Uint8Array): void {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }

  read(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#file.seekSync(position, Deno.SeekMode.Start);
    for (let done = 0; done < length;) {
      const count = this.#file.readSync(bytes.subarray(done));
      if (count === null) throw new Deno.errors.UnexpectedEof("The console's file is shorter than it was");
      done += count;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#named) this.#remove();
  }

  #remove(): void {
    try {
      Deno.removeSync(this.#path);
      this.#named = false;
    } catch { /* it is tried again at the end */ }
  }
}
