/** A file of the exporter in the place of a medium. @module */
import type { ByteSink, ByteSource } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { sinkOfFile, sourceOfFile, statOf } from "./file.ts";
import { hashed } from "./hash.ts";
import { copy } from "./pump.ts";

/** Writes a file anew. Resolves to what was written, none of which was read back. */
export async function writeMedium(
  path: string,
  source: ByteSource,
): Promise<{ bytes: number; sha256: string; verified: "none" }> {
  const before = await statOf(path);
  if (before) refuseOther(path, before);
  const sink = sinkOfFile(await Deno.open(path, { write: true, create: true, truncate: true }));
  const image = hashed(source);
  try {
    await copy(image, sink);
  } catch (error) {
    await sink.abort(error);
    throw error;
  }
  return { bytes: image.bytes, sha256: image.sha256(), verified: "none" };
}

/** Reads a file to its end. */
export async function readMedium(path: string, sink: ByteSink): Promise<void> {
  refuseOther(path, await Deno.stat(path));
  const image = sourceOfFile(await Deno.open(path));
  try {
    await copy(image, sink);
  } finally {
    await image.close();
  }
}

/**
 * Refuses what is no medium before it is opened: opening a pipe would wait for somebody at its other end.
 *
 * @throws {JumpstarterError} `invalid_argument`, saying what is there.
 */
export function refuseOther(path: string, info: Deno.FileInfo): void {
  if (!info.isFile && !info.isBlockDevice) throw noMedium(path, kindOf(info));
}

/** The error for something that is in the place of a medium. */
export function noMedium(path: string, kind: string): JumpstarterError {
  return new JumpstarterError("invalid_argument", `Expected a block device or a file at ${path}, got ${kind}`, {
    phase: "driver",
  });
}

function kindOf({ isDirectory, isCharDevice, isFifo }: Deno.FileInfo): string {
  if (isDirectory) return "a folder";
  if (isFifo) return "a named pipe";
  return isCharDevice ? "a character device" : "something else";
}
