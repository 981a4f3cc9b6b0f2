/** A file of the exporter in the place of a medium. @module */
import type { ByteSink, ByteSource } from "../core/byte_stream.ts";
import { sinkOfFile, sourceOfFile } from "./file.ts";
import { hashed } from "./hash.ts";
import { copy } from "./pump.ts";

/** Writes a file anew. Resolves to what was written, none of which was read back. */
export async function writeMedium(
  path: string,
  source: ByteSource,
): Promise<{ bytes: number; sha256: string; verified: "none" }> {
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
  const image = sourceOfFile(await Deno.open(path));
  try {
    await copy(image, sink);
  } finally {
    await image.close();
  }
}
