/** The codecs that the runtime has. @module */
import type { Buffer } from "node:buffer";
import type { Transform } from "node:stream";
import { constants, createGzip, createUnzip, createZstdCompress, createZstdDecompress } from "node:zlib";
import type { ByteSource, Halves } from "../../core/byte_stream.ts";
import type { Codec } from "../../core/codec.ts";
import { isJumpstarterError, JumpstarterError, messageOf } from "../../core/errors.ts";

/** Bytes that leave at once. Larger chunks win no time, and are noticed as garbage too late. */
const chunkSize = 64 * 1024;

/** Takes gzip, and zlib's own format as well, as Python's side does. */
export const gunzip = (): Halves => coderOf("gzip", createUnzip({ chunkSize }));
export const gzip = (): Halves => coderOf("gzip", createGzip({ chunkSize }));
/** Of one frame; what follows it would be dropped without a word. */
export const unzstdFrame = (): Halves => coderOf("zstd", createZstdDecompress({ chunkSize }));
export const zstd = (): Halves =>
  coderOf("zstd", createZstdCompress({ chunkSize, params: { [constants.ZSTD_c_checksumFlag]: 1 } }));

/** For bytes that are on their way only: fast links are not to wait for it. */
export const fastZstdParams = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };
export const fastZstd = (): Halves => coderOf("zstd", createZstdCompress({ chunkSize, params: fastZstdParams }));

/** The failure to read an archive. */
export function damaged(codec: Codec, why: string, cause?: unknown): JumpstarterError {
  return new JumpstarterError("data_loss", `The ${codec} archive is damaged: ${why}`, { cause });
}

function coderOf(codec: Codec, transform: Transform): Halves {
  const pieces = piecesOf(transform);
  const fail = (error: unknown): never => {
    throw isJumpstarterError(error) ? error : damaged(codec, messageOf(error), error);
  };
  // The runtime may leave a write without an answer when the stream is destroyed.
  const waiting = new Set<(reason: unknown) => void>();
  const taken = (act: (done: (error?: Error | null) => void) => void) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.add(reject);
    act((error) => error ? reject(error) : resolve());
    return promise.catch(fail).finally(() => waiting.delete(reject));
  };
  return {
    async next() {
      return await pieces.next().catch(fail);
    },
    write: (chunk) => taken((done) => transform.write(chunk, done)),
    end: () => taken((done) => transform.end(done)),
    close() {
      const reason = new JumpstarterError("canceled", "The archive was given up");
      for (const reject of waiting) reject(reason);
      transform.destroy(reason);
    },
  };
}

/**
 * What comes out of a stream, piece by piece as it was made: the stream's own iterator would copy pieces that wait into one.
 * The memory of a piece is freed with the next call. It would be garbage that V8 notices too late.
 */
function piecesOf(transform: Transform): ByteSource {
  let lent: Uint8Array<ArrayBuffer> | undefined;
  let waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  let over: { error?: unknown } | undefined;
  const end = (error?: unknown) => {
    over ??= { error };
    if (over.error === undefined) waiting?.resolve(undefined);
    else waiting?.reject(over.error);
  };
  transform.on("data", ({ buffer, byteOffset, length }: Buffer<ArrayBuffer>) => {
    transform.pause();
    waiting?.resolve(lent = new Uint8Array(buffer, byteOffset, length));
  });
  transform.on("error", end);
  transform.on("end", () => end());
  transform.pause();
  return {
    next() {
      // The stream fills a buffer to its end, with one piece or with several.
      const { buffer, byteOffset = 0, length = 0 } = lent ?? {};
      if (buffer?.byteLength === chunkSize && byteOffset + length === chunkSize) buffer.transfer(0);
      lent = undefined;
      waiting = Promise.withResolvers();
      if (over) end();
      else transform.resume();
      return waiting.promise;
    },
  };
}
