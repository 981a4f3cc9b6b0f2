/**
 * A two-way pipe of bytes: what lies below the wire. `Deno.Conn` already has this shape; TLS connections, unix sockets,
 * a child's standard streams and the pair in memory below have it as well.
 *
 * @module
 */

import { Turn } from "./turn.ts";

/** A two-way pipe of bytes whose directions end separately. */
export interface Pipe {
  /** Reads at least one byte into `buffer`. Resolves to the number of bytes, or `null` at the end of that direction. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes` and resolves to how many were taken, at least one. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the direction away from here; the other one stays open. */
  closeWrite(): Promise<void>;
  /**
   * Gives the pipe up at once, both directions. A pending read or write fails; what was written still reaches the other
   * end. Safe to call twice.
   */
  close(): void;
}

/** Writes all of `bytes`. */
export async function writeAll(pipe: Pick<Pipe, "write">, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await pipe.write(bytes.subarray(offset));
}

/** A pipe of two Web Streams, such as a child's standard streams. Closing it gives both up. */
export function pipeOfStreams(readable: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>): Pipe {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  let rest: Uint8Array = new Uint8Array();
  return {
    async read(buffer) {
      while (rest.length === 0) {
        const { value, done } = await reader.read();
        if (done) return null;
        rest = value;
      }
      const count = Math.min(rest.length, buffer.length);
      buffer.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return count;
    },
    async write(bytes) {
      await writer.write(bytes);
      return bytes.length;
    },
    closeWrite: () => writer.close(),
    close() {
      // Either may have ended or failed already, which is what is wanted.
      reader.cancel().catch(() => {});
      writer.abort().catch(() => {});
    },
  };
}

/**
 * Two pipes that are joined in memory: what is written into one is read from the other. Each direction holds at most
 * `capacity` bytes, after which a writer waits for the reader.
 */
export function memoryPipe(capacity = 256 * 1024): [Pipe, Pipe] {
  const there = new Direction(capacity);
  const back = new Direction(capacity);
  return [new MemoryPipe(back, there), new MemoryPipe(there, back)];
}

class MemoryPipe implements Pipe {
  readonly #incoming: Direction;
  readonly #outgoing: Direction;

  constructor(incoming: Direction, outgoing: Direction) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#incoming.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#outgoing.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  close(): void {
    this.#outgoing.end();
    this.#incoming.break();
  }
}

/** One direction: a queue of chunks between one reader and one writer. */
class Direction {
  readonly #capacity: number;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #state: "open" | "ended" | "broken" = "open";
  #wake: (() => void)[] = [];
  readonly #turn = new Turn();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    // Two ends in one process could keep each other busy for ever.
    const over = this.#turn.over();
    if (over) await over;
    while (this.#chunks.length === 0) {
      if (this.#state === "ended") return null;
      if (this.#state === "broken") throw new Deno.errors.BadResource("The pipe is closed");
      await this.#change();
    }
    const chunk = this.#chunks[0];
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(count);
    this.#held -= count;
    this.#changed();
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#state === "open" && this.#held >= this.#capacity) await this.#change();
    if (this.#state !== "open") throw new Deno.errors.BrokenPipe("The pipe is closed for writing");
    if (bytes.length === 0) return 0;
    const taken = bytes.slice(0, this.#capacity - this.#held);
    this.#chunks.push(taken);
    this.#held += taken.length;
    this.#changed();
    return taken.length;
  }

  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#changed();
  }

  break(): void {
    this.#state = "broken";
    this.#chunks = [];
    this.#held = 0;
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
