/** The proving half: what a medium gives back. @module */
import { JumpstarterError } from "../core/errors.ts";
import type { MediumThreads } from "./medium_thread.ts";
import { slotBytes } from "./slots.ts";
import type { ProgressReport } from "./write_progress.ts";
import { blockBytes } from "./write_record.ts";

/** A part of a medium: its first byte, and the one behind its last. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What is read, and what it is held to. */
export interface ReadBackOptions {
  readonly path: string;
  readonly ranges: readonly Range[];
  /** SHA-256 of each block from the beginning of the only range. */
  readonly blocks?: readonly string[];
  readonly progress: ProgressReport;
  readonly signal?: AbortSignal;
}

/** Thrown by {@linkcode readBack}: a block is not what it should be, or the medium ends. */
export class Differs extends Error {
  /** Where the difference is in, in bytes. */
  readonly offset: number;

  constructor(offset: number) {
    super(`It differs in the ${blockBytes / 1024 ** 2} MiB at ${offset}`);
    this.offset = offset;
  }
}

/**
 * Reads ranges past the page cache. Resolves to the SHA-256 of them all.
 *
 * @throws {Differs} at the first block that is another, or where the medium ends.
 */
export async function readBack(threads: MediumThreads, options: ReadBackOptions): Promise<string> {
  const { device, hasher, slots } = threads;
  const { path, ranges, blocks = [], progress, signal } = options;
  await device.ask("openToRead", path);
  const pending = new Set<Promise<void>>();
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  progress.total = total;
  let sent = 0;

  const readPiece = async (start: number, offset: number, length: number) => {
    const piece = { start, length };
    const read = device.ask("read", piece, offset);
    // Asked at once, so that it stands behind its own read and before the next.
    const hashed = blocks.length > 0 ? device.ask("hash", "block", piece) : undefined;
    const end = offset + length;
    const digest = hashed && (end % blockBytes === 0 || end === ranges[0].end)
      ? device.ask("digest", "block")
      : undefined;
    const index = Math.floor(offset / blockBytes);
    const back = read.then((count) => {
      if (count < length) throw new Differs(offset + count);
      return hasher.ask("hash", "back", piece);
    });
    // Whoever fails first is told of; the others must not be left without a listener.
    const [, , block] = await Promise.all([back, hashed, digest]);
    if (block !== undefined && block !== blocks[index]) throw new Differs(index * blockBytes);
    sent += length;
    progress.at("verify", sent);
  };

  try {
    for (const range of ranges) {
      for (let offset = range.start; offset < range.end; offset += slotBytes) {
        signal?.throwIfAborted();
        const slot = await slots.take();
        const length = Math.min(slotBytes, range.end - offset);
        const work = readPiece(slot.start, offset, length).then(() => slots.give(slot), (error) => slots.break(error))
          .finally(() => pending.delete(work));
        pending.add(work);
      }
    }
  } catch (error) {
    slots.break(error);
  }
  await Promise.all(pending);
  slots.check();
  progress.end("verify", total);
  return await hasher.ask("digest", "back");
}

/** The error for a medium that gives back something else than it was given. */
export function differs(path: string, what: string): JumpstarterError {
  return new JumpstarterError("data_loss", `${path} gives back something else than was written to it: ${what}`, {
    phase: "driver",
    hint: "Write it again; if that fails as well, use another medium",
  });
}
