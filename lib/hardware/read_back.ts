/** The proving half: what a medium gives back. @module */
import { JumpstarterError } from "../core/errors.ts";
import type { MediumThread, MediumThreads } from "./medium_thread.ts";
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
  /** The thread that hashes, and what the hash is called that all of it is added to. */
  readonly hasher: MediumThread;
  readonly hash: string;
  /** What that hash has to be at the end of each block of the only range, which begins at 0. */
  readonly digests?: readonly string[];
  readonly stage: "compare" | "verify";
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
 * Reads ranges past the page cache.
 *
 * @throws {Differs} at the first block that is another, or where the medium ends.
 */
export async function readBack(threads: MediumThreads, options: ReadBackOptions): Promise<void> {
  const { device, slots } = threads;
  const { path, ranges, hasher, hash, digests, stage, progress, signal } = options;
  await device.ask("dropCache");
  await device.ask("openToRead", path);
  const pending = new Set<Promise<void>>();
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  progress.total = total;
  let sent = 0;

  const readPiece = async (start: number, offset: number, length: number) => {
    const piece = { start, length };
    const end = offset + length;
    const count = await device.ask("read", piece, offset);
    if (count < length) throw new Differs(offset + count);
    const endsBlock = end % blockBytes === 0 || end === total;
    const index = Math.floor(offset / blockBytes);
    const [, digest] = await Promise.all([
      hasher.ask("hash", hash, piece),
      // Asked at once, so that it stands before the next piece.
      digests && endsBlock ? hasher.ask("hashed", hash) : undefined,
    ]);
    if (digest !== undefined && digest !== digests![index]) throw new Differs(index * blockBytes);
    sent += length;
    progress.at(stage, sent);
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
  progress.end(stage, total);
}

/** The error for a medium that gives back something else than it was given. */
export function differs(path: string, what: string): JumpstarterError {
  return new JumpstarterError("data_loss", `${path} gives back something else than was written to it: ${what}`, {
    phase: "driver",
    hint: "Write it again; if that fails as well, use another medium",
  });
}
