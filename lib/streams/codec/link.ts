/** Bytes that are compressed for their way over a link only. @module */
import { zstdCompress } from "node:zlib";
import type { ByteSource, OwnedSource } from "../../core/byte_stream.ts";
import { withHead } from "../file.ts";
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
  const { head, source } = await withHead(given, lookedAt.most);
  const looked = head.subarray(0, lookedAt.most);
  const shrinks = looked.length >= lookedAt.least && await compressedSize(looked) <= share * looked.length;
  return { source, shrinks };
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
