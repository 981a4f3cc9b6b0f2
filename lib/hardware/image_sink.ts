/** The writing half: an image on its way from a source to a medium. @module */
import type { ByteSource } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import type { BlockMap, MappedRange } from "./block_map.ts";
import { libc } from "./libc.ts";
import type { Medium } from "./medium.ts";
import type { MediumThreads } from "./medium_thread.ts";
import { type Piece, slotBytes } from "./slots.ts";
import { syncMedium } from "./sync.ts";
import type { ProgressReport } from "./write_progress.ts";
import { blockBytes, type WriteRecord, type WriteState } from "./write_record.ts";

/** Bytes after which the medium is made to take what it was given. */
const syncEveryBytes = 64 * 1024 * 1024;

/** Runs of zeros are looked for in pieces of this size; smaller ones are written like anything else. */
const grainBytes = 64 * 1024;

const zeros = new Uint8Array(grainBytes);

/** What an image goes by. */
export interface SinkOptions {
  readonly threads: MediumThreads;
  readonly medium: Medium;
  readonly progress: ProgressReport;
  readonly blockMap?: BlockMap;
  readonly record?: WriteRecord;
  /** An earlier write that is gone on with, and whether the source begins where it ended. */
  readonly earlier?: { readonly state: WriteState; readonly restOnly: boolean };
  readonly syncTimeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Where an image is put. */
export class ImageSink {
  /** Bytes that were written, that the medium made zeros of, and that were there or left alone. */
  written = 0;
  zeroed = 0;
  skipped = 0;
  /** How often the medium reported an I/O error when it was to take everything. */
  syncErrors = 0;
  /** SHA-256 of everything before the end of each block of the image, or of what of it is mapped. */
  readonly digests: string[] = [];

  readonly #options: SinkOptions;
  readonly #pending = new Set<Promise<void>>();
  #slot?: Piece;
  #filled = 0;
  /** Bytes of the image before what is in the slot. */
  #offset = 0;
  #synced = 0;
  #noted = 0;
  #range = 0;
  #canZero = true;

  constructor(options: SinkOptions) {
    this.#options = options;
    const { earlier } = options;
    if (!earlier?.restOnly) return;
    this.digests.push(...earlier.state.digests);
    this.#noted = this.digests.length;
    this.#offset = this.#synced = this.skipped = earlier.state.synced;
  }

  /** Takes all that a source has. Resolves to the size of the image. */
  async take(source: ByteSource): Promise<number> {
    const { threads: { slots }, progress, signal } = this.#options;
    const stop = () => slots.break(signal!.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      for (;;) {
        const chunk = await slots.unlessBroken(source.next());
        if (!chunk) break;
        await this.#fill(chunk);
        progress.at("transfer", this.#offset + this.#filled);
      }
      if (this.#slot) this.#dispatch(this.#filled);
      if (this.#offset % blockBytes !== 0) this.#track(this.#endBlock());
      await this.#drain();
    } catch (error) {
      slots.break(error);
      await Promise.all(this.#pending);
      slots.check();
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    progress.end("transfer", this.#offset);
    progress.end("write", this.#offset);
    return this.#offset;
  }

  /** SHA-256 of the whole image, and of what of it was to be written, as they came. */
  async digest(): Promise<{ image: string; sent: string }> {
    const { blockMap, threads: { device, hasher } } = this.#options;
    const sent = await device.ask("digest", "sent");
    return { sent, image: blockMap ? await hasher.ask("digest", "image") : sent };
  }

  /** Makes sure that the medium has everything that came so far, and notes it. */
  async sync(): Promise<void> {
    const { threads: { device }, medium, progress, record, syncTimeoutMs, signal } = this.#options;
    await this.#drain();
    progress.at("sync", this.#offset);
    this.syncErrors += await syncMedium(device, medium.path, { limitMs: syncTimeoutMs, signal });
    this.#synced = this.#offset;
    const fresh = this.digests.slice(this.#noted);
    this.#noted = this.digests.length;
    if (fresh.length > 0 && this.#offset > (this.#options.earlier?.state.synced ?? 0)) {
      record?.synced(this.#offset, fresh);
    }
  }

  async #fill(chunk: Uint8Array): Promise<void> {
    const { slots } = this.#options.threads;
    for (let at = 0; at < chunk.length;) {
      this.#slot ??= await slots.take();
      const count = Math.min(slotBytes - this.#filled, chunk.length - at);
      slots.memory.set(chunk.subarray(at, at + count), this.#slot.start + this.#filled);
      at += count;
      this.#filled += count;
      if (this.#filled < slotBytes) continue;
      this.#dispatch(slotBytes);
      if (this.#offset - this.#synced >= syncEveryBytes) await this.sync();
    }
  }

  /** Sends a filled slot on its way. */
  #dispatch(length: number): void {
    const { threads: { hasher, slots }, medium, blockMap, earlier, progress } = this.#options;
    const [slot, offset] = [this.#slot!, this.#offset];
    const piece = { start: slot.start, length };
    this.#slot = undefined;
    this.#filled = 0;
    this.#offset += length;
    if (medium.isDevice && this.#offset > medium.size) throw tooLarge(medium, progress.total);
    const work = this.#place(piece, offset, offset < (earlier?.state.synced ?? 0));
    if (blockMap) work.push(hasher.ask("hash", "image", piece));
    if (this.#offset % blockBytes === 0) work.push(this.#endBlock());
    this.#track(
      Promise.all(work).then(() => {
        slots.give(slot);
        progress.at("write", offset + length);
      }),
    );
  }

  async #endBlock(): Promise<void> {
    const digest = await this.#options.threads.device.ask("hashed", "sent");
    const index = this.digests.push(digest) - 1;
    const before = this.#options.earlier?.state.digests[index];
    if (before === undefined || before === digest) return;
    const message = `The image is not the one whose writing was begun: It differs in the 4 MiB at ${
      index * blockBytes
    }`;
    throw new JumpstarterError("failed_precondition", message, {
      phase: "driver",
      hint: "Write it from the beginning, without resuming",
    });
  }

  /** Puts what of a piece is mapped in its place, or all of it. */
  #place(piece: Piece, offset: number, isThere: boolean): Promise<unknown>[] {
    const { blockMap } = this.#options;
    if (!blockMap) return this.#put(piece, offset, isThere);
    const work: Promise<unknown>[] = [];
    let left = piece.length;
    for (; this.#range < blockMap.ranges.length; this.#range++) {
      const range = blockMap.ranges[this.#range];
      const start = Math.max(range.start, offset);
      const end = Math.min(range.end, offset + piece.length);
      if (start < end) {
        const part = { start: piece.start + start - offset, length: end - start };
        left -= part.length;
        work.push(...this.#check(part, range, end, blockMap.algorithm), ...this.#put(part, start, isThere));
      }
      if (range.end > offset + piece.length) break;
    }
    this.skipped += left;
    return work;
  }

  /** Writes a piece that is not there from an earlier write. The thread that writes it has it near, and hashes it. */
  #put(piece: Piece, offset: number, isThere: boolean): Promise<unknown>[] {
    const hashed = this.#options.threads.device.ask("hash", "sent", piece);
    if (!isThere) return [hashed, ...this.#writeAll(piece, offset)];
    this.skipped += piece.length;
    return [hashed];
  }

  /** Holds a mapped range to the checksum that the block map has of it. */
  #check(part: Piece, range: MappedRange, end: number, algorithm: string): Promise<unknown>[] {
    const { hasher } = this.#options.threads;
    if (range.checksum === undefined) return [];
    const hashed = hasher.ask("hash", "range", part, algorithm);
    if (end < range.end) return [hashed];
    const compared = hasher.ask("digest", "range").then((digest) => {
      if (digest === range.checksum!.toLowerCase()) return;
      const where = `in the bytes ${range.start} to ${range.end - 1}`;
      throw new JumpstarterError("data_loss", `The image is not the one of the block map: It differs ${where}`);
    });
    return [hashed, compared];
  }

  /** Writes a piece; the zeros of it are the medium's to make. */
  #writeAll({ start, length }: Piece, offset: number): Promise<unknown>[] {
    const work: Promise<unknown>[] = [];
    let [from, wasZero] = [0, false];
    const flush = (to: number) => {
      if (to === from) return;
      const run = { start: start + from, length: to - from };
      work.push(wasZero ? this.#zero(run, offset + from) : this.#writeData(run, offset + from));
      from = to;
    };
    for (let at = 0; at < length;) {
      const count = Math.min(grainBytes - (offset + at) % grainBytes, length - at);
      const isZero = this.#canZero && count % 4096 === 0 && this.#isZero(start + at, count);
      if (isZero !== wasZero) flush(at);
      wasZero = isZero;
      at += count;
    }
    flush(length);
    return work;
  }

  async #writeData(piece: Piece, offset: number): Promise<void> {
    await this.#options.threads.device.ask("write", piece, offset);
    this.written += piece.length;
  }

  async #zero(piece: Piece, offset: number): Promise<void> {
    if (this.#canZero && await this.#options.threads.device.ask("zero", offset, piece.length)) {
      this.zeroed += piece.length;
      return;
    }
    this.#canZero = false;
    await this.#writeData(piece, offset);
  }

  #isZero(start: number, length: number): boolean {
    const bytes = this.#options.threads.slots.memory.subarray(start, start + length);
    return libc().memcmp(bytes, zeros, BigInt(length)) === 0;
  }

  #track(work: Promise<void>): void {
    const { slots } = this.#options.threads;
    const settled = work.catch((error) => slots.break(error)).finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#pending);
    this.#options.threads.slots.check();
  }
}

/** The error for an image that the medium cannot hold. */
export function tooLarge({ path, size }: Medium, imageSize: number | undefined): JumpstarterError {
  const image = imageSize === undefined ? "more" : `${imageSize} bytes`;
  return new JumpstarterError("out_of_range", `${path} holds ${size} bytes, the image has ${image}`, {
    phase: "driver",
  });
}
