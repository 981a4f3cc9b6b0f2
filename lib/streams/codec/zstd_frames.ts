/**
 * zstd archives by their frames. The runtime's decoder reads one frame, ignores what follows, and takes a frame that ends
 * early for a whole one; so the frames are told apart here, and each is held to its end.
 *
 * The format is RFC 8878's.
 *
 * @module
 */
import type { ByteSource, OwnedSource } from "../../core/byte_stream.ts";
import { through } from "./through.ts";
import { damaged, unzstdFrame } from "./zlib.ts";

/** What a zstd archive holds. */
export function unzstd(source: ByteSource): OwnedSource {
  const frames = new Frames(source);
  let frame: OwnedSource | undefined;
  return {
    async next() {
      for (;;) {
        if (!frame && !await frames.begin()) return undefined;
        frame ??= through(frames, unzstdFrame);
        const chunk = await frame.next();
        if (chunk) return chunk;
        frame = undefined;
      }
    },
    close: () => frame?.close(),
  };
}

const magic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

/** A source cut into frames; of the current one it is the source, in the pieces that it came in. */
class Frames implements ByteSource {
  readonly #source: ByteSource;
  /** What of the current chunk has not been cut off yet. */
  #chunk: Uint8Array = new Uint8Array();
  /** What of the chunk belongs to the current piece already. */
  #at = 0;
  /** A piece that has ended with its chunk, ahead of what the next chunk brings. */
  readonly #ready: Uint8Array[] = [];
  #state: "between" | "header" | "blocks" | "done" = "between";
  #hasChecksum = false;
  #left = 0;
  #isLast = false;
  #started = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Whether another frame begins. Skippable ones are passed over. */
  async begin(): Promise<boolean> {
    for (;;) {
      const first = await this.#peek();
      if (first === undefined) {
        if (!this.#started) throw damaged("zstd", "it is empty");
        return false;
      }
      const word = await this.#number(4);
      if (word === magic) break;
      if ((word & 0xfffffff0) >>> 0 !== skippableMagic) throw damaged("zstd", "no frame begins where one should");
      this.#left = await this.#number(4);
      this.#ready.length = 0;
      while (this.#left > 0) {
        await this.#skipSome();
        this.#ready.length = 0;
      }
      this.#cut();
      this.#started = true;
    }
    this.#started = true;
    this.#state = "header";
    return true;
  }

  /** The next piece of the frame, or `undefined` at its end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#ready.length === 0 && this.#state !== "done") await this.#advance();
    const piece = this.#ready.shift() ?? this.#cut();
    if (piece.length > 0) return piece;
    this.#state = "between";
    return undefined;
  }

  /** Reads on by one part of the frame. */
  async #advance(): Promise<void> {
    if (this.#state === "header") {
      const descriptor = await this.#number(1);
      const single = (descriptor & 0x20) !== 0;
      const dictionary = [0, 1, 2, 4][descriptor & 3];
      const size = [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
      this.#hasChecksum = (descriptor & 4) !== 0;
      await this.#skip((single ? 0 : 1) + dictionary + size);
      this.#state = "blocks";
      return;
    }
    if (this.#left > 0) return await this.#skipSome();
    if (this.#isLast) {
      this.#isLast = false;
      this.#state = "done";
      return;
    }
    const block = await this.#number(3);
    const isRun = (block >> 1 & 3) === 1;
    this.#isLast = (block & 1) === 1;
    this.#left = (isRun ? 1 : block >> 3) + (this.#isLast && this.#hasChecksum ? 4 : 0);
  }

  /** As much as the chunk has of what is left of a block. */
  async #skipSome(): Promise<void> {
    await this.#byteHere();
    const count = Math.min(this.#left, this.#chunk.length - this.#at);
    this.#at += count;
    this.#left -= count;
    if (this.#at === this.#chunk.length) this.#finishChunk();
  }

  async #skip(count: number): Promise<void> {
    this.#left = count;
    while (this.#left > 0) await this.#skipSome();
  }

  /** A little-endian number of that many bytes. */
  async #number(bytes: number): Promise<number> {
    let value = 0;
    for (let index = 0; index < bytes; index++) {
      await this.#byteHere();
      value += this.#chunk[this.#at++] * 2 ** (8 * index);
    }
    return value;
  }

  async #byteHere(): Promise<void> {
    if (await this.#peek() === undefined) throw damaged("zstd", "it ends early");
  }

  async #peek(): Promise<number | undefined> {
    while (this.#at === this.#chunk.length) {
      this.#finishChunk();
      // What is ready was not taken yet, and the memory of its chunk is used again now.
      for (const [index, piece] of this.#ready.entries()) this.#ready[index] = piece.slice();
      const chunk = await this.#source.next();
      if (!chunk) return undefined;
      this.#chunk = chunk;
    }
    return this.#chunk[this.#at];
  }

  /** The frame goes on in the next chunk. */
  #finishChunk(): void {
    const piece = this.#cut();
    if (piece.length > 0) this.#ready.push(piece);
  }

  /** What of the chunk belongs to the frame so far. */
  #cut(): Uint8Array {
    const piece = this.#chunk.subarray(0, this.#at);
    this.#chunk = this.#chunk.subarray(this.#at);
    this.#at = 0;
    return piece;
  }
}
