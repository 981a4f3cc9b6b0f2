/**
 * Writes an image to a block device or into a file, and proves that it is there by reading it back.
 *
 * @module
 */
import type { ByteSource } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { pause } from "../core/limit.ts";
import type { BlockMap, MappedRange } from "./block_map.ts";
import { ImageSink, tooLarge } from "./image_sink.ts";
import { failure, type Medium, openMedium } from "./medium.ts";
import { type MediumThreads, startThreads } from "./medium_thread.ts";
import { Differs, differs, readBack, type ReadBackOptions } from "./read_back.ts";
import { ProgressReport, type WriteProgress } from "./write_progress.ts";
import { earlierWrite, type RecordOptions } from "./earlier_write.ts";
import { WriteRecord } from "./write_record.ts";

/** How an image is written. */
export interface WriteOptions {
  /** Bytes of the image, where they are known: then it is known to fit, and to be whole. */
  size?: number;
  /** What the SHA-256 of the whole image has to be, in hexadecimal digits. */
  sha256?: string;
  /** Writes the mapped ranges only, and leaves what lies between them alone. */
  blockMap?: BlockMap;
  /** Reads everything back past the page cache and compares. @default true */
  verify?: boolean;
  /** Makes a file where there is nothing. @default false */
  create?: boolean;
  /** Limit for the medium to appear, in milliseconds. @default 10000 */
  storageTimeoutMs?: number;
  /** Limit for the medium to take everything while it reports I/O errors, in milliseconds. @default 900000 */
  syncTimeoutMs?: number;
  /** Least time between the medium's taking everything and the end, in milliseconds. @default 0 */
  leewayMs?: number;
  /** Where it is noted how far the write got. */
  record?: RecordOptions;
  /** Called at most ten times a second for each stage, and at its end. */
  onProgress?(progress: WriteProgress): void;
  signal?: AbortSignal;
}

/** What was written, and what was proven. */
export interface WriteResult {
  /** Bytes of the image. */
  readonly bytes: number;
  /** Bytes of it that were written. */
  readonly written: number;
  /** Zeros of it that the medium made itself. */
  readonly zeroed: number;
  /** Bytes of it that were there from an earlier write, or that the block map leaves out. */
  readonly skipped: number;
  /** How much of the image was there from the earlier write that this one went on with. */
  readonly resumedFrom?: number;
  /** What was read back and compared: everything, the ranges that the block map names, or nothing. */
  readonly verified: "read-back" | "mapped" | "none";
  readonly ranges?: readonly MappedRange[];
  /** SHA-256 of what the proof covers as it was sent. */
  readonly sha256Sent: string;
  /** The same as the medium gave it back. */
  readonly sha256ReadBack?: string;
  /** Which medium it was. */
  readonly medium: string;
}

/**
 * Writes an image. The medium is waited for, refused when anything uses it, and nobody else's meanwhile. Without a block
 * map runs of zeros are made by the medium where it can; the proof covers them as well.
 *
 * @throws {JumpstarterError} `data_loss` when the image is not what it should be or the medium gives back something else,
 * `out_of_range` when it does not fit, and as `openMedium`. The record then says how far it got.
 */
export async function writeImage(source: ByteSource, path: string, options: WriteOptions = {}): Promise<WriteResult> {
  const { storageTimeoutMs = 10_000, create, signal } = options;
  await using threads = await startThreads();
  const medium = await openMedium(threads.device, path, { waitMs: storageTimeoutMs, create, signal });
  try {
    return await write(source, threads, medium, options);
  } catch (error) {
    signal?.throwIfAborted();
    // What the source has failed with is the source's to say.
    throw error instanceof Error && "errno" in error ? failure(path, error) : error;
  }
}

async function write(
  source: ByteSource,
  threads: MediumThreads,
  medium: Medium,
  options: WriteOptions,
): Promise<WriteResult> {
  const { blockMap, record: recording, verify = true, syncTimeoutMs = 900_000, leewayMs = 0, signal } = options;
  const { path, identity } = medium;
  const size = options.size ?? blockMap?.imageSize;
  if (blockMap && size !== blockMap.imageSize) {
    throw broken(`It has ${size} bytes, and its block map is of one of ${blockMap.imageSize}`);
  }
  const progress = new ProgressReport(options.onProgress, size);
  if (medium.isDevice && size !== undefined && size > medium.size) throw tooLarge(medium, size);
  const restOnly = recording?.resume === "rest";
  if (restOnly && blockMap) {
    throw new JumpstarterError("invalid_argument", "A write with a block map is resumed with the whole image only");
  }
  const state = recording?.resume && await earlierWrite(threads, medium, recording, { ...options, size });
  const fresh = state === undefined;
  const mapped = blockMap !== undefined;
  const subject = recording && { target: path, medium: identity, sourceId: recording.sourceId, size, mapped };
  // From here on the medium counts as unfinished.
  using record = subject && new WriteRecord(recording.path, subject, { resume: !fresh });
  // What was in a file is no part of the image. With a block map it is left alone, as it is on a device.
  if (fresh && !medium.isDevice && !blockMap) await threads.device.ask("truncate", 0);

  const earlier = state && { state, restOnly };
  const notes = recording?.resumable === false ? undefined : record;
  const sink = new ImageSink({
    threads,
    medium,
    progress,
    blockMap,
    record: notes,
    earlier,
    syncTimeoutMs,
    signal,
  });
  const bytes = await sink.take(source);
  if (size !== undefined && bytes < size) throw broken(`It ended after ${bytes} of ${size} bytes`);
  if (size !== undefined && bytes > size) throw broken(`It has ${bytes} bytes, expected ${size}`);
  if (bytes === 0) throw broken("It is empty");
  const { image, sent: sha256Sent } = await sink.digest();
  expectDigest(image, options.sha256);
  if (!medium.isDevice) await threads.device.ask("truncate", blockMap ? Math.max(bytes, medium.size) : bytes);
  await sink.sync();
  progress.end("sync", bytes);
  const syncedAt = performance.now();

  let sha256ReadBack: string | undefined;
  const ranges = blockMap?.ranges ?? [{ start: 0, end: bytes }];
  if (verify) {
    const digests = blockMap ? undefined : sink.digests;
    sha256ReadBack = await read(threads, { path, ranges, digests, progress, signal });
    if (sha256ReadBack !== sha256Sent) {
      throw differs(path, `Sent SHA-256 ${sha256Sent}, read back ${sha256ReadBack}`);
    }
  } else if (sink.syncErrors > 0) {
    throw new JumpstarterError("data_loss", `${path} reported I/O errors, and nothing was read back`, {
      phase: "driver",
      hint: "Write it again, with verification",
    });
  }
  const covers = blockMap ? "mapped" : "read-back";
  const verified = verify ? covers : "none";
  record?.done({ bytes, verified });
  await pause(Math.max(syncedAt + leewayMs - performance.now(), 0), signal);
  const { written, zeroed, skipped } = sink;
  const proof = { verified, ...(blockMap && { ranges: blockMap.ranges }), sha256Sent, sha256ReadBack } as const;
  const resumed = state && { resumedFrom: state.synced };
  return { bytes, written, zeroed, skipped, ...resumed, ...proof, medium: identity };
}

/** SHA-256 of what the medium gives back. */
async function read(
  threads: MediumThreads,
  options: Pick<ReadBackOptions, "path" | "ranges" | "digests" | "progress" | "signal">,
): Promise<string> {
  const { hasher } = threads;
  const hash = "back";
  try {
    await readBack(threads, { ...options, hasher, hash, stage: "verify" });
    return await hasher.ask("digest", hash);
  } catch (error) {
    throw error instanceof Differs ? differs(options.path, error.message) : error;
  }
}

function expectDigest(digest: string, expected: string | undefined): void {
  if (expected === undefined || expected.toLowerCase() === digest) return;
  throw broken(`Expected SHA-256 ${expected.toLowerCase()}, got ${digest}`);
}

function broken(why: string): JumpstarterError {
  return new JumpstarterError("data_loss", `The image is not whole: ${why}`, { phase: "driver" });
}
