/** What an earlier write to a medium is good for: going on with it, or finding that nothing needs to be written. @module */
import { JumpstarterError, messageOf } from "../core/errors.ts";
import type { BlockMap } from "./block_map.ts";
import { identityOf, type Medium, openMedium, type WaitOptions } from "./medium.ts";
import { type MediumThreads, startThreads } from "./medium_thread.ts";
import { Differs, type Range, readBack, type ReadBackOptions } from "./read_back.ts";
import { ProgressReport, type WriteProgress } from "./write_progress.ts";
import { readWriteState, resumable, type WriteState } from "./write_record.ts";

/** How a write is recorded, and whether it goes on from an earlier one. */
export interface RecordOptions {
  /** The file. */
  readonly path: string;
  /** What the image is called; the same for the same image only. */
  readonly sourceId: string;
  /** Whether somebody may go on with it; else only that it was begun and finished is noted. @default true */
  readonly resumable?: boolean;
  /**
   * Goes on where the record ends: `rest` when the source begins there, `all` when it begins at the beginning, which is
   * then compared with the record and not written again.
   */
  readonly resume?: "rest" | "all";
  /** Where a source begins that is the `rest`: the record has to end there. Left out, it is taken to begin there. */
  readonly offset?: number;
}

/** How a medium is looked at. */
export interface LookOptions {
  /** Bytes of the image, where they are known. */
  size?: number;
  /** Limit for the medium to appear, in milliseconds. @default 10000 */
  storageTimeoutMs?: number;
  /** Makes a file where there is nothing, which then holds nothing. @default false */
  create?: boolean;
  onProgress?(progress: WriteProgress): void;
  signal?: AbortSignal;
}

/** An image that was found on a medium. */
export interface HeldImage {
  readonly bytes: number;
  /** SHA-256 of what the medium gave back, in hexadecimal digits. */
  readonly sha256: string;
}

/**
 * The image that a medium holds already, by what is known of it: the record of its last, finished write, or its size and
 * SHA-256. Nothing where neither is known, or where it holds another one.
 *
 * @throws {JumpstarterError} as `openMedium`.
 */
export async function heldImage(
  path: string,
  image: LookOptions & { sha256?: string; record?: Pick<RecordOptions, "path" | "sourceId"> },
): Promise<HeldImage | undefined> {
  const { record, size, sha256, signal, onProgress } = image;
  await using threads = await startThreads();
  const medium = await openMedium(threads.device, path, { waitMs: 10_000, ...waitOf(image) });
  const state = record && readWriteState(record.path);
  const isOfImage = state?.done && !state.mapped && state.medium === medium.identity &&
    state.sourceId === record?.sourceId &&
    state.target === path && (size ?? state.done.bytes) === state.done.bytes;
  const bytes = isOfImage ? state.done!.bytes : size;
  if (bytes === undefined || !isOfImage && sha256 === undefined || bytes > medium.size) return undefined;
  // A file has nothing behind its image.
  if (!medium.isDevice && bytes !== medium.size) return undefined;
  const progress = new ProgressReport(onProgress, bytes);
  const digests = isOfImage ? state.digests : undefined;
  const isHeld = await reads(threads, {
    path,
    ranges: [{ start: 0, end: bytes }],
    hasher: threads.hasher,
    hash: "held",
    digests,
    stage: "compare",
    progress,
    signal,
  });
  if (!isHeld) return undefined;
  const digest = await threads.hasher.ask("digest", "held");
  if (sha256 !== undefined && digest !== sha256.toLowerCase()) return undefined;
  return { bytes, sha256: digest };
}

/**
 * The write to a medium that was begun and not finished, as a record has it: what is on the medium is of no use. Where
 * there is no medium now, the last one counts.
 */
export function unfinishedWrite(path: string, recordPath: string): WriteState | undefined {
  const state = readWriteState(recordPath);
  if (!state || state.done || state.target !== path) return undefined;
  return (mediumAt(path) ?? state.medium) === state.medium ? state : undefined;
}

/** Where a write may go on, by its record alone. */
export interface ResumePlan {
  /** Bytes from the beginning of the image that need not come again. */
  readonly offset: number;
  /** SHA-256 that those bytes have to have, where all of them were to be written. */
  readonly sha256?: string;
  /** Whether a write to the medium was begun and not finished. */
  readonly unfinished: boolean;
  /** Why it cannot go on. */
  readonly refusal?: string;
}

/** Where a recorded write may go on, without a look at the medium, which may be elsewhere now. */
export function recordedPlan(
  path: string,
  recordPath: string,
  image: { sourceId?: string; size?: number },
): ResumePlan {
  const state = readWriteState(recordPath);
  const unfinished = unfinishedWrite(path, recordPath) !== undefined;
  const { sourceId = "", size } = image;
  try {
    const medium = mediumAt(path) ?? state?.medium ?? "";
    const { synced, digests, mapped } = resumable(state, { target: path, medium, sourceId, size });
    return { offset: synced, ...(!mapped && { sha256: digests.at(-1) }), unfinished };
  } catch (error) {
    return { offset: 0, unfinished, refusal: messageOf(error) };
  }
}

/** What is written now. */
export interface NextWrite {
  readonly size?: number;
  readonly blockMap?: BlockMap;
  onProgress?(progress: WriteProgress): void;
  readonly signal?: AbortSignal;
}

/**
 * An earlier write that can be gone on with: its record fits, and everything that it noted is still on the medium. The
 * hash `sent` of the device's thread has then what comes before the source: nothing where that has the whole image.
 *
 * @throws {JumpstarterError} `failed_precondition`, saying why it cannot.
 */
export async function earlierWrite(
  threads: MediumThreads,
  medium: Medium,
  { path: file, sourceId, resume, offset }: RecordOptions,
  { size, blockMap, onProgress, signal }: NextWrite,
): Promise<WriteState> {
  const { path, identity } = medium;
  const refusal = (message: string, hint = "Write it from the beginning, without resuming") =>
    new JumpstarterError("failed_precondition", message, { phase: "driver", hint });
  const state = resumable(readWriteState(file), { target: path, medium: identity, sourceId, size });
  if (resume === "rest" && offset !== undefined && offset !== state.synced) {
    throw refusal(`The image begins at ${offset}, expected ${state.synced}`, "Ask again where the write may go on");
  }
  if (blockMap !== undefined !== (state.mapped ?? false)) {
    const how = state.mapped ? "with a block map" : "without a block map";
    throw refusal(`The write to ${path} was begun ${how}, and goes on so only`);
  }
  if (state.digests.length === 0) return state;
  const noted = { start: 0, end: state.synced };
  const ranges = blockMap ? blockMap.ranges.flatMap((range) => overlap(range, noted)) : [noted];
  const [hasher, hash] = [threads.device, "sent"];
  const isThere = await reads(threads, {
    path,
    ranges,
    hasher,
    hash,
    stage: "compare",
    progress: new ProgressReport(onProgress),
    signal,
  });
  const digest = await hasher.ask(resume === "rest" ? "hashed" : "digest", hash);
  if (isThere && digest === state.digests.at(-1)) return state;
  throw refusal(`${path} no longer has what was written to it last`);
}

function overlap(one: Range, other: Range): Range[] {
  const [start, end] = [Math.max(one.start, other.start), Math.min(one.end, other.end)];
  return start < end ? [{ start, end }] : [];
}

/** Reads what a medium has. Resolves to whether it has everything, and nothing else. */
async function reads(threads: MediumThreads, options: ReadBackOptions): Promise<boolean> {
  try {
    await readBack(threads, options);
    return true;
  } catch (error) {
    if (error instanceof Differs) return false;
    throw error;
  }
}

function waitOf({ storageTimeoutMs, create, signal }: LookOptions): Partial<WaitOptions> {
  return { ...(storageTimeoutMs !== undefined && { waitMs: storageTimeoutMs }), create, signal };
}

/** Which medium is at a path, or nothing where none is now. */
function mediumAt(path: string): string | undefined {
  try {
    const identity = identityOf(path);
    // A reader without a card.
    return /(?:^| )0 bytes$/.test(identity) ? undefined : identity;
  } catch {
    return undefined;
  }
}
