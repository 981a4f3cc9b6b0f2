/** The codecs of the system's libraries, each archive on a thread of its own: they take longer than others can wait. @module */
import type { Halves } from "../../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import { libbz2 } from "./libbz2.ts";
import { liblzma } from "./liblzma.ts";
import type { Said, Told } from "./library_worker.ts";
import type { SystemCodec } from "./program.ts";
import { damaged } from "./zlib.ts";

/** Pieces of output that are asked for ahead of the reader. */
const ahead = 4;

/** Bytes of input that may be on their way. */
const mostInputBytes = 1024 * 1024;

/** Used memory that is kept for the inputs that follow, in pieces. */
const mostSpare = 16;

const opened = new Map<SystemCodec, string | undefined>();

/** Why a codec's library cannot be used, or nothing when it can. */
export function libraryLack(codec: SystemCodec): string | undefined {
  if (!opened.has(codec)) {
    try {
      (codec === "xz" ? liblzma : libbz2)();
      opened.set(codec, undefined);
    } catch (error) {
      opened.set(codec, messageOf(error));
    }
  }
  return opened.get(codec);
}

function errorOf(codec: SystemCodec, { failure, kind }: Extract<Said, { failure: string }>): JumpstarterError {
  if (kind === "damage") return damaged(codec, failure);
  if (kind === "excess") return new JumpstarterError("resource_exhausted", `The ${codec} archive ${failure}`);
  return new JumpstarterError("internal", failure);
}

/** An archive on a thread, with a codec's library, which has to be there. */
export class LibraryCodec implements Halves {
  readonly #codec: SystemCodec;
  readonly #worker = new Worker(new URL("./library_worker.ts", import.meta.url), { type: "module" });
  readonly #outputs: Uint8Array<ArrayBuffer>[] = [];
  /** What the reader has now; with its next call the memory may be used again. */
  #lent?: Uint8Array<ArrayBuffer>;
  /** Memory of inputs that were used up. */
  readonly #spare: ArrayBuffer[] = [];
  /** Sizes of the inputs that are on their way. */
  readonly #inputs: number[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #inputBytes = 0;
  #ended = false;
  #failure?: { error: unknown };
  #readable?: () => void;
  #writable?: () => void;

  constructor(codec: SystemCodec, direction: "compress" | "decompress") {
    this.#codec = codec;
    this.#worker.onmessage = ({ data }: MessageEvent<Said>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new JumpstarterError("internal", `The thread of the ${codec} codec has failed: ${event.message}`));
    };
    this.#tell({ open: codec, direction });
    for (let count = 0; count < ahead; count++) this.#tell({ next: true });
  }

  async next(): Promise<Uint8Array | undefined> {
    const memory = this.#lent?.buffer;
    this.#lent = undefined;
    if (memory && !this.#ended) this.#tell({ next: true, memory }, [memory]);
    while (this.#outputs.length === 0 && !this.#ended) await new Promise<void>((resolve) => this.#readable = resolve);
    this.#lent = this.#outputs.shift();
    if (this.#lent) return this.#lent;
    if (this.#failure) throw this.#failure.error;
    return undefined;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#ended && chunk.length > 0) {
      // Whoever writes may use the memory again.
      const input = this.#copyOf(chunk);
      this.#inputs.push(input.length);
      this.#inputBytes += input.length;
      this.#tell({ input }, [input.buffer]);
    }
    while (this.#inputBytes > mostInputBytes && !this.#ended) {
      await new Promise<void>((resolve) => this.#writable = resolve);
    }
    if (this.#failure) throw this.#failure.error;
  }

  end(): Promise<void> {
    if (!this.#ended) this.#tell({ end: true });
    return Promise.resolve();
  }

  /** Resolves when the library has freed what it had. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#failure ??= { error: new JumpstarterError("canceled", "The archive was given up") };
    this.#tell({ close: true });
    await this.#closed.promise;
  }

  #hear(said: Said): void {
    if ("used" in said) {
      this.#inputBytes -= this.#inputs.shift()!;
      if (this.#spare.length < mostSpare) this.#spare.push(said.used);
    } else if ("output" in said) this.#outputs.push(said.output);
    else if ("failure" in said) {
      this.#end(errorOf(this.#codec, said));
    } else this.#end();
    this.#wake();
  }

  #end(error?: unknown): void {
    if (error !== undefined) this.#failure ??= { error };
    this.#ended = true;
    this.#worker.terminate();
    this.#closed.resolve();
    this.#wake();
  }

  #wake(): void {
    this.#readable?.();
    this.#writable?.();
  }

  #copyOf(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const memory = this.#spare.pop();
    const fits = memory && memory.byteLength >= chunk.length;
    const copy = new Uint8Array(fits ? memory : new ArrayBuffer(chunk.length), 0, chunk.length);
    copy.set(chunk);
    return copy;
  }

  #tell(told: Told, transfer: Transferable[] = []): void {
    this.#worker.postMessage(told, transfer);
  }
}
