/**
 * Compressed bytes: sources and sinks that a codec stands in front of.
 *
 * Each codec is a coder, bytes in and bytes out. gzip is the runtime's. xz, bz2 and zstd are the system's libraries: their
 * work is done on other threads. Where there is no library, zstd is the runtime's, the others are the system's programs.
 *
 * @module
 */
import type { ByteSource, Halves, OwnedSink, OwnedSource } from "../../core/byte_stream.ts";
import type { Codec } from "../../core/codec.ts";
import { LibraryCodec, libraryLack } from "./library_codec.ts";
import { hasProgram, openProgram, type SystemCodec } from "./program.ts";
import { through } from "./through.ts";
import { gunzip, gzip, zstd } from "./zlib.ts";
import { unzstd } from "./zstd_frames.ts";

/** Whether this machine can use a codec. */
export async function canCode(codec: Codec): Promise<boolean> {
  return codec === "gzip" || codec === "zstd" || libraryLack(codec) === undefined || await hasProgram(codec);
}

/**
 * What a compressed source holds. An archive of several members, one behind the other, is read to its end. Closing does
 * not close the source.
 *
 * Reading fails with `data_loss` where the archive is damaged or ends early, and with `failed_precondition` where this
 * machine lacks the codec.
 */
export function decompress(codec: Codec, source: ByteSource): OwnedSource {
  switch (codec) {
    case "gzip":
      return through(source, gunzip);
    case "zstd":
      if (libraryLack(codec) === undefined) return through(source, () => new LibraryCodec(codec, "decompress"));
      return unzstd(source);
    case "xz":
    case "bz2":
      return through(source, () => openSystemCodec(codec, "decompress"));
  }
}

/** A source compressed. Closing does not close the source. */
export function compress(codec: Codec, source: ByteSource): OwnedSource {
  return through(source, () => openCompressor(codec));
}

/** A sink that compresses what it gets and hands it on. Ending it ends the other, and aborting aborts it. */
export function compressInto(codec: Codec, sink: OwnedSink): OwnedSink {
  const coder = openCompressor(codec);
  let failure: { error: unknown } | undefined;
  const drained = (async () => {
    try {
      for (let chunk = await coder.next(); chunk; chunk = await coder.next()) await sink.write(chunk);
    } catch (error) {
      failure = { error };
      await coder.close();
    }
  })();
  const orWhy = (error: unknown) => {
    throw failure ? failure.error : error;
  };
  return {
    write: (chunk) => coder.write(chunk).catch(orWhy),
    async end() {
      await coder.end().catch(orWhy);
      await drained;
      if (failure) throw failure.error;
      await sink.end();
    },
    async abort(reason) {
      failure ??= { error: reason };
      await coder.close();
      await drained;
      await sink.abort(reason);
    },
  };
}

function openCompressor(codec: Codec): Halves {
  if (codec === "gzip") return gzip();
  if (codec !== "zstd") return openSystemCodec(codec, "compress");
  return libraryLack(codec) === undefined ? new LibraryCodec(codec, "compress") : zstd();
}

function openSystemCodec(codec: SystemCodec, direction: "compress" | "decompress"): Halves {
  const lack = libraryLack(codec);
  return lack === undefined ? new LibraryCodec(codec, direction) : openProgram(codec, direction, lack);
}
