/** What an earlier write to a medium is good for: going on with it, or finding that nothing needs to be written. @module */
import { JumpstarterError } from "../core/errors.ts";
import { identityOf, type Medium, openMedium } from "./medium.ts";
import { type MediumThreads, startThreads } from "./medium_thread.ts";
import { Differs, type Range, readBack } from "./read_back.ts";
import { ProgressReport, type WriteProgress } from "./write_progress.ts";
import { blockBytes, readWriteState, resumable, type WriteState } from "./write_record.ts";

/** How a write is recorded, and whether it goes on from an earlier one. */
export interface RecordOptions {
  /** The file. */
  readonly path: string;
  /** What the image is called; the same for the same image only. */
  readonly sourceId: string;
  /**
   * Goes on where the record ends: `rest` when the source begins there, `all` when it begins at the beginning, which is
   * then compared with the record and not written again.
   */
  readonly resume?: "rest" | "all";
}

/** How a medium is looked at. */
export interface LookOptions {
  /** Bytes of the image, where they are known. */
  size?: number;
  /** Limit for the medium to appear, in milliseconds. @default 10000 */
  storageTimeoutMs?: number;
  onProgress?(progress: WriteProgress): void;
  signal?: AbortSignal;
}

/**
 * Where a recorded write to a medium may be continued, in bytes from the beginning of the image. The medium has to be
 * there, with what was recorded last on it.
 *
 * @throws {JumpstarterError} `failed_precondition`, saying why it cannot, and as `openMedium`.
 */
export async function planResume(path: string, record: RecordOptions, options: LookOptions = {}): Promise<number> {
  await using threads = await startThreads();
  const medium = await openMedium(threads.device, path, { waitMs: 10_000, ...waitOf(options) });
  return (await earlierWrite(threads, medium, record, options.size, options)).synced;
}

/**
 * Whether a medium holds an image already, by what is known of the image: the record of its last, finished write, or its
 * size and SHA-256. Where neither is known it does not.
 *
 * @throws {JumpstarterError} as `openMedium`.
 */
export async function holdsImage(
  path: string,
  image: LookOptions & { sha256?: string; record?: Omit<RecordOptions, "resume"> },
): Promise<boolean> {
  const { record, size, sha256, signal, onProgress } = image;
  await using threads = await startThreads();
  const medium = await openMedium(threads.device, path, { waitMs: 10_000, ...waitOf(image) });
  const state = record && readWriteState(record.path);
  const isOfImage = state?.done && state.medium === medium.identity && state.sourceId === record?.sourceId &&
    state.target === path && (size ?? state.done.bytes) === state.done.bytes;
  const bytes = isOfImage ? state.done!.bytes : size;
  if (bytes === undefined || !isOfImage && sha256 === undefined || bytes > medium.size) return false;
  // A file has nothing behind its image.
  if (!medium.isDevice && bytes !== medium.size) return false;
  const progress = new ProgressReport(onProgress, bytes);
  const blocks = isOfImage ? state.blocks : [];
  const digest = await digestOf(threads, medium, { start: 0, end: bytes }, blocks, progress, signal);
  return digest !== undefined && (sha256 === undefined || digest === sha256.toLowerCase());
}

/**
 * The write to a medium that was begun and not finished, as a record has it: what is on the medium is of no use. Where
 * there is no medium now, the last one counts.
 */
export function unfinishedWrite(path: string, recordPath: string): WriteState | undefined {
  const state = readWriteState(recordPath);
  if (!state || state.done || state.target !== path) return undefined;
  try {
    return identityOf(path) === state.medium ? state : undefined;
  } catch {
    return state;
  }
}

/**
 * An earlier write that can be gone on with: its record fits, and its last block is still on the medium.
 *
 * @throws {JumpstarterError} `failed_precondition`, saying why it cannot.
 */
export async function earlierWrite(
  threads: MediumThreads,
  medium: Medium,
  { path: file, sourceId }: RecordOptions,
  size: number | undefined,
  { signal }: { signal?: AbortSignal },
): Promise<WriteState> {
  const { path, identity } = medium;
  const state = resumable(readWriteState(file), { target: path, medium: identity, sourceId, size });
  const last = state.blocks.length - 1;
  if (last < 0) return state;
  const range = { start: last * blockBytes, end: state.synced };
  if (await digestOf(threads, medium, range, [], new ProgressReport(), signal) === state.blocks[last]) return state;
  throw new JumpstarterError("failed_precondition", `${path} no longer has what was written to it last`, {
    phase: "driver",
    hint: "Write it from the beginning, without resuming",
  });
}

/** SHA-256 of what a medium has in a range, or nothing where it ends before or one of the blocks is another. */
async function digestOf(
  threads: MediumThreads,
  { path }: Medium,
  range: Range,
  blocks: readonly string[],
  progress: ProgressReport,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    await threads.device.ask("dropCache");
    return await readBack(threads, { path, ranges: [range], blocks, progress, signal });
  } catch (error) {
    if (error instanceof Differs) return undefined;
    throw error;
  }
}

function waitOf({ storageTimeoutMs, signal }: LookOptions): { waitMs?: number; signal?: AbortSignal } {
  return { ...(storageTimeoutMs !== undefined && { waitMs: storageTimeoutMs }), signal };
}
