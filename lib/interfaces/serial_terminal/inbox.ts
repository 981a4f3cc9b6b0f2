/** Where the device's words wait while they are not for the screen. @module */
import type { ByteSource } from "../../core/byte_stream.ts";

/** Holds one piece until somebody takes it; whoever puts it in waits. */
export class Inbox implements ByteSource {
  #piece?: Uint8Array;
  #came = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();

  /** Resolves when the piece was taken, or left behind by {@linkcode close}. */
  put(piece: Uint8Array): Promise<void> {
    // Whoever takes it has it still when the console is read again.
    this.#piece = piece.slice();
    this.#taken = Promise.withResolvers();
    this.#came.resolve();
    return this.#taken.promise;
  }

  async next(): Promise<Uint8Array> {
    for (;;) {
      const piece = this.close();
      if (piece) return piece;
      this.#came = Promise.withResolvers();
      await this.#came.promise;
    }
  }

  /** The piece that nobody has taken. */
  close(): Uint8Array | undefined {
    const piece = this.#piece;
    this.#piece = undefined;
    this.#taken.resolve();
    return piece;
  }
}
