/** What drivers do with an image and a medium. @module */
import type { ByteSource } from "../core/byte_stream.ts";
import { writeMedium } from "../streams/medium.ts";

/** What has been proven of a flash, as clients are told. */
export interface Flashed {
  readonly bytes: number;
  readonly sha256: string;
  readonly verified: "read-back" | "mapped" | "none";
}

/**
 * Writes an image into a file and reads it back. On a system whose library is not known here the file is written, and
 * nothing is proven.
 *
 * @throws {JumpstarterError} as `writeImage`.
 */
export async function flashFile(path: string, source: ByteSource, signal?: AbortSignal): Promise<Flashed> {
  if (Deno.build.os !== "linux") return await writeMedium(path, source);
  const { writeImage } = await import("./image_writer.ts");
  const { bytes, verified, sha256Sent } = await writeImage(source, path, { create: true, signal });
  return { bytes, sha256: sha256Sent!, verified };
}
