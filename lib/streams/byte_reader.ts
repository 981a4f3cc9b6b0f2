/** A source read byte by byte, as protocols of single characters need it. @module */
import type { ByteSource } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { pause } from "../core/limit.ts";

/** Reads one byte after another. A limit that passes loses nothing: the next call goes on waiting for the same bytes. */
export class ByteReader {
  readonly #source: ByteSource;
  #heard: Uint8Array = new Uint8Array();
  #pending?: Promise<Uint8Array | undefined>;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Whether there is a byte that has come and was not taken. */
  get hasMore(): boolean {
    return this.#heard.length > 0;
  }

  /**
   * The next byte, or `undefined` when none comes within `limitMs` milliseconds.
   *
   * @throws {JumpstarterError} `unavailable` at the end of the source; the signal's reason when it aborts.
   */
  async next(limitMs = Infinity, signal?: AbortSignal): Promise<number | undefined> {
    while (!this.hasMore) {
      if (!await this.#hear(limitMs, signal)) return undefined;
    }
    const [byte] = this.#heard;
    this.#heard = this.#heard.subarray(1);
    return byte;
  }

  /** All that has come, once there is something. */
  async some(): Promise<Uint8Array> {
    while (!this.hasMore) await this.#hear(Infinity);
    return this.rest();
  }

  /** Gives bytes back, to be the next ones. */
  putBack(bytes: Uint8Array): void {
    this.#heard = bytes.length === 0 ? this.#heard : Uint8Array.of(...bytes, ...this.#heard);
  }

  /** All that has come and was not taken. */
  rest(): Uint8Array {
    const rest = this.#heard;
    this.#heard = new Uint8Array();
    return rest;
  }

  async #hear(limitMs: number, signal?: AbortSignal): Promise<boolean> {
    this.#pending ??= this.#source.next();
    const bytes = limitMs === Infinity && !signal ? await this.#pending : await this.#within(limitMs, signal);
    if (bytes === "late") return false;
    this.#pending = undefined;
    if (!bytes) throw new JumpstarterError("unavailable", "The other end is gone", { phase: "driver" });
    // Others hold it when the source is read again.
    this.#heard = bytes.slice();
    return true;
  }

  async #within(limitMs: number, signal?: AbortSignal): Promise<Uint8Array | undefined | "late"> {
    const end = new AbortController();
    const limit = pause(limitMs, signal ? AbortSignal.any([signal, end.signal]) : end.signal);
    limit.catch(() => {});
    try {
      return await Promise.race([this.#pending!, limit.then(() => "late" as const)]);
    } finally {
      end.abort();
    }
  }
}
