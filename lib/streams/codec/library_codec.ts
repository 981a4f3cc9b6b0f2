/** The codecs of the system's libraries. Their calls are made on threads of the runtime's: others cannot wait as long. @module */
import type { Halves } from "../../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import { Queue } from "../../core/queue.ts";
import { libbz2, openBz2 } from "./libbz2.ts";
import { liblzma, openLzma } from "./liblzma.ts";
import { libzstd, openZstd } from "./libzstd.ts";
import { type Coder, Damage, Excess } from "./system_library.ts";
import { damaged } from "./zlib.ts";

/** Bytes of a piece of output at most, and of the input that a library is given at once. */
const pieceBytes = 512 * 1024;
const inputBytes = 256 * 1024;

/** Pieces that there may be: one that the reader has, and those ahead of it. */
const pieces = 3;

const libraries = {
  xz: { load: liblzma, open: openLzma },
  bz2: { load: libbz2, open: openBz2 },
  zstd: { load: libzstd, open: openZstd },
};

/** A codec that the system may have a library of. */
export type LibraryName = keyof typeof libraries;

const opened = new Map<LibraryName, string | undefined>();

/** Why a codec's library cannot be used, or nothing when it can. */
export function libraryLack(codec: LibraryName): string | undefined {
  if (!opened.has(codec)) {
    try {
      libraries[codec].load();
      opened.set(codec, undefined);
    } catch (error) {
      opened.set(codec, messageOf(error));
    }
  }
  return opened.get(codec);
}

/**
 * An archive and a codec's library, which has to be there. A little input is kept for the library, and a few pieces of output
 * are made ahead of the reader, so that it always has something to do.
 */
export class LibraryCodec implements Halves {
  readonly #codec: LibraryName;
  readonly #coder: Coder;
  /** Memory of the piece that the reader has, and of those that are made. */
  readonly #memory = Array.from({ length: pieces }, () => newMemory(pieceBytes));
  readonly #ahead: Promise<Uint8Array | undefined>[] = [];
  readonly #pieces = new Queue();
  #asked = 0;
  /** What is left of the input that the library has, and what comes next. */
  #input = newMemory(inputBytes).subarray(0, 0);
  #waiting = newMemory(inputBytes).subarray(0, 0);
  #isLast = false;
  #isOver = false;
  #failure?: { error: unknown };
  /** Who waits for input, and who waits for room for it. */
  #given?: () => void;
  #taken?: () => void;

  constructor(codec: LibraryName, direction: "compress" | "decompress") {
    this.#codec = codec;
    this.#coder = libraries[codec].open(direction);
  }

  async next(): Promise<Uint8Array | undefined> {
    while (this.#ahead.length < pieces) this.#ahead.push(this.#make(this.#memory[this.#asked++ % pieces]));
    const piece = await this.#ahead[0];
    this.#ahead.shift();
    return piece;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length && !this.#isOver;) {
      const { buffer, length } = this.#waiting;
      const count = Math.min(inputBytes - length, chunk.length - at);
      this.#waiting = new Uint8Array(buffer, 0, length + count);
      this.#waiting.set(chunk.subarray(at, at + count), length);
      at += count;
      this.#given?.();
      if (at < chunk.length) await new Promise<void>((resolve) => this.#taken = resolve);
    }
    if (this.#failure) throw this.#failure.error;
  }

  end(): Promise<void> {
    this.#isLast = true;
    this.#given?.();
    return Promise.resolve();
  }

  /** Resolves when the library has freed what it had. */
  async close(): Promise<void> {
    this.#end(new JumpstarterError("canceled", "The archive was given up"));
    await this.#pieces.over;
    this.#coder.close();
  }

  /** The next piece of output, made when those before it are, or nothing behind the last. */
  #make(memory: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
    return this.#pieces.run(() => this.#fill(memory));
  }

  async #fill(memory: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
    let made = 0;
    try {
      while (made < memory.length && !this.#isOver) {
        if (this.#input.length === 0) this.#turn();
        if (this.#input.length === 0 && !this.#isLast) {
          await new Promise<void>((resolve) => this.#given = resolve);
          continue;
        }
        const isLast = this.#isLast && this.#waiting.length === 0;
        const coded = await this.#coder.code(this.#input, memory.subarray(made), isLast);
        made += coded.made;
        this.#input = this.#input.subarray(coded.taken);
        if (coded.ended) this.#end();
      }
    } catch (error) {
      this.#end(this.#errorOf(error));
    }
    if (this.#isOver) this.#coder.close();
    if (this.#failure) throw this.#failure.error;
    return made > 0 ? memory.subarray(0, made) : undefined;
  }

  /** Gives the library what waits for it. */
  #turn(): void {
    const { buffer } = this.#input;
    this.#input = this.#waiting;
    this.#waiting = new Uint8Array(buffer, 0, 0);
    this.#taken?.();
  }

  #end(error?: JumpstarterError): void {
    if (!this.#isOver && error) this.#failure = { error };
    this.#isOver = true;
    this.#given?.();
    this.#taken?.();
  }

  #errorOf(error: unknown): JumpstarterError {
    if (error instanceof Damage) return damaged(this.#codec, error.message);
    const what = error instanceof Excess ? `The ${this.#codec} archive ${error.message}` : messageOf(error);
    return new JumpstarterError(error instanceof Excess ? "resource_exhausted" : "internal", what, { cause: error });
  }
}

function newMemory(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}
