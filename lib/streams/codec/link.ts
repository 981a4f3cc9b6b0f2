/** Bytes that are compressed for their way over a link only. @module */
import { zstdCompress } from "node:zlib";
import type { ByteSource, OwnedSource } from "../../core/byte_stream.ts";
import { fastZstd, fastZstdParams } from "./zlib.ts";
import { through } from "./through.ts";

/** How much of a source is looked at, and how much there has to be for it to be worth a look, in bytes. */
const lookedAt = { most: 1024 * 1024, least: 64 * 1024 };

/** What has to be left of it, at most. */
const share = 0.8;

/** A source whose beginning was looked at. */
export interface Looked {
  /** The whole of it, from its beginning. */
  readonly source: ByteSource;
  /** Whether it becomes a fifth smaller at least, by its beginning. */
  readonly shrinks: boolean;
}

/** Looks at the beginning of a source. */
export async function lookAhead(given: ByteSource): Promise<Looked> {
  const head = new Uint8Array(lookedAt.most);
  let size = 0;
  let over: Uint8Array | undefined;
  while (size < head.length) {
    const chunk = await given.next();
    if (!chunk) break;
    const fits = chunk.subarray(0, head.length - size);
    head.set(fits, size);
    size += fits.length;
    if (fits.length < chunk.length) over = chunk.slice(fits.length);
  }
  const waiting = [head.subarray(0, size), over].filter((piece) => piece !== undefined && piece.length > 0);
  const source: ByteSource = {
    next: () => waiting.length > 0 ? Promise.resolve(waiting.shift()) : given.next(),
  };
  return { source, shrinks: size >= lookedAt.least && await compressedSize(head.subarray(0, size)) <= share * size };
}

/** A source compressed by zstd, as fast as it can. Closing does not close the source. */
export function compressForLink(source: ByteSource): OwnedSource {
  return through(source, fastZstd);
}

function compressedSize(bytes: Uint8Array): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  zstdCompress(bytes, { params: fastZstdParams }, (error, result) => error ? reject(error) : resolve(result.length));
  return promise;
}
