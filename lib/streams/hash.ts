/** Hashes of bytes on their way. @module */
import { createHash } from "node:crypto";
import type { ByteSource, OwnedSink } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { startingWith } from "./file.ts";

/** What has passed a source or a sink. */
export interface Passed {
  /** Bytes so far. */
  readonly bytes: number;
  /** SHA-256 of all bytes, in hexadecimal digits. It can be asked for once, at the end. */
  sha256(): string;
}

/** Counts and hashes what a source gives. */
export function hashed(source: ByteSource): ByteSource & Passed {
  const meter = new Meter();
  return meter.on({
    async next() {
      const chunk = await source.next();
      if (chunk) meter.add(chunk);
      return chunk;
    },
  });
}

/** Counts and hashes what a sink takes. */
export function hashedInto(sink: OwnedSink): OwnedSink & Passed {
  const meter = new Meter();
  return meter.on({
    write(chunk) {
      meter.add(chunk);
      return sink.write(chunk);
    },
    end: () => sink.end(),
    abort: (reason) => sink.abort(reason),
  });
}

/** Reads the beginning of a source. Resolves to its SHA-256, in hexadecimal digits, and to what is behind it. */
export async function hashedBeginning(
  source: ByteSource,
  bytes: number,
  signal: AbortSignal,
): Promise<{ sha256: string; rest: ByteSource }> {
  const hash = createHash("sha256");
  let left = bytes;
  while (left > 0) {
    signal.throwIfAborted();
    const chunk = await source.next();
    if (!chunk) throw new JumpstarterError("data_loss", `The image ended after ${bytes - left} of ${bytes} bytes`);
    const count = Math.min(left, chunk.length);
    hash.update(chunk.subarray(0, count));
    left -= count;
    if (count < chunk.length) source = startingWith(chunk.subarray(count), source);
  }
  return { sha256: hash.digest("hex"), rest: source };
}

class Meter {
  readonly #hash = createHash("sha256");
  #bytes = 0;

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  /** Lets something tell what has passed it. */
  on<T extends object>(target: T): T & Passed {
    return Object.defineProperties(target, {
      bytes: { get: () => this.#bytes },
      sha256: { value: () => this.#hash.digest("hex") },
    }) as T & Passed;
  }
}

/** A source whose SHA-256 has to be a certain one. Its last chunk comes only when it is. */
export class CheckedSource implements ByteSource {
  readonly #source: ByteSource & Passed;
  readonly #expected: string;
  /** The chunk that goes out next, and the memory of the one before: chunks of the source do not stay. */
  #held?: Uint8Array;
  #memory = new Uint8Array();
  #spare = new Uint8Array();
  #isWhole = false;

  /** `expected` is in hexadecimal digits. */
  constructor(source: ByteSource, expected: string) {
    this.#source = hashed(source);
    this.#expected = expected.toLowerCase();
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#isWhole) return undefined;
    const chunk = this.#held ?? this.#kept(await this.#source.next());
    this.#held = chunk && this.#kept(await this.#source.next());
    if (this.#held) return chunk;
    const got = this.#source.sha256();
    if (got !== this.#expected) {
      throw new JumpstarterError("data_loss", `The file has the SHA-256 ${got}, expected ${this.#expected}`);
    }
    this.#isWhole = true;
    return chunk;
  }

  /** @throws {JumpstarterError} `data_loss` where only some of it was read, and is not proven therefore. */
  assertWhole(): void {
    if (!this.#isWhole && this.#source.bytes > 0) {
      throw new JumpstarterError("data_loss", "The file was not read to its end, so its SHA-256 is not proven");
    }
  }

  /** A copy of a chunk, which is good until the one after the next. */
  #kept(chunk: Uint8Array | undefined): Uint8Array | undefined {
    if (!chunk) return undefined;
    [this.#memory, this.#spare] = [this.#spare, this.#memory];
    if (this.#memory.length < chunk.length) this.#memory = new Uint8Array(chunk.length);
    this.#memory.set(chunk);
    return this.#memory.subarray(0, chunk.length);
  }
}
