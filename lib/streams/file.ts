/** Files as sources and sinks. @module */
import { type ByteSource, chunkBytes, type OwnedSink, type OwnedSource } from "../core/byte_stream.ts";
import { type Codec, codecOf, signatureBytes } from "../core/codec.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { once } from "../core/once.ts";
import { writeAll } from "../core/pipe.ts";
import { readFifo, writeFifo } from "./fifo.ts";

/** A file that is open for reading, from where it stands; it is read one chunk ahead of who uses it. Closing closes it. */
export function sourceOfFile(file: Deno.FsFile): OwnedSource {
  let [memory, lent] = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
  let ahead: Promise<number | null> | undefined;
  const read = () => {
    const count = file.read(memory);
    // Who asks for it is told.
    count.catch(() => {});
    return count;
  };
  return {
    async next() {
      const count = await (ahead ?? read());
      if (count === null) return undefined;
      [memory, lent] = [lent, memory];
      ahead = read();
      return lent.subarray(0, count);
    },
    close: once(() => file.close()),
  };
}

/** A file that is open for writing, at where it stands. Ending flushes it to the disk; ending and aborting close it. */
export function sinkOfFile(file: Deno.FsFile): OwnedSink {
  const close = once(() => file.close());
  return {
    write: (chunk) => writeAll(file, chunk),
    async end() {
      try {
        await file.syncData();
      } finally {
        close();
      }
    },
    abort: close,
  };
}

/** A file to be read, as clients lend it. */
export interface FileSource {
  readonly bytes: ByteSource;
  /** Its bytes; what is no regular file, such as a pipe, does not tell. */
  readonly size?: number;
  /** How it is compressed, where it is to be taken for what it holds. */
  readonly contentEncoding?: Codec;
  close(): void | Promise<void>;
}

/** Opens a file as it is. */
export async function openFile(path: string): Promise<FileSource> {
  if ((await statOf(path))?.isFifo) {
    const bytes = readFifo(path);
    return { bytes, close: () => bytes.close() };
  }
  const file = await opened(path, Deno.open(path));
  const bytes = sourceOfFile(file);
  try {
    const { size, isFile, isDirectory } = await file.stat();
    if (isDirectory) throw localError(path, "It is a folder");
    return { bytes, size: isFile ? size : undefined, close: () => bytes.close() };
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/** Opens a file as an image: an archive, which is told by its first bytes, stands for what it holds. */
export async function openImage(path: string): Promise<FileSource> {
  const file = await openFile(path);
  const { head, source } = await withHead(file.bytes);
  return { ...file, bytes: source, contentEncoding: codecOf(head) };
}

/**
 * A file to be written. What is no regular file, such as a pipe, is written as it is. Any other is replaced at the end,
 * also one that a link leads to; until then what is written lies beside it as `.partial`, which is removed when it is given
 * up.
 */
export async function createFile(path: string): Promise<OwnedSink> {
  const before = await statOf(path);
  if (before?.isDirectory) throw localError(path, "It is a folder");
  if (before?.isFifo) {
    const { write, end, abort } = writeFifo(path);
    return { write: named(path, write), end, abort };
  }
  // What may not be written fails here.
  const there = before && sinkOfFile(await opened(path, Deno.open(path, { write: true })));
  if (there && !before.isFile) {
    return { write: named(path, there.write), end: () => Promise.resolve(there.abort(undefined)), abort: there.abort };
  }
  await there?.abort(undefined);
  const target = before ? await Deno.realPath(path) : path;
  const partial = `${target}.${crypto.randomUUID().slice(0, 8)}.partial`;
  const sink = sinkOfFile(
    await opened(path, Deno.open(partial, { write: true, createNew: true }), "Its folder is not there"),
  );
  return {
    write: named(path, sink.write),
    end: named(path, async () => {
      await sink.end();
      if (before?.mode) await Deno.chmod(partial, before.mode);
      await Deno.rename(partial, target);
    }),
    async abort(reason) {
      await sink.abort(reason);
      // It has got its name, or somebody else has removed it.
      await Deno.remove(partial).catch(() => {});
    },
  };
}

/** The codec that a file's name promises, or `undefined`. */
export function codecOfName(path: string): Codec | undefined {
  const [, ending] = /\.(gz|xz|bz2|zst|zstd)$/i.exec(path) ?? [];
  return ({ gz: "gzip", xz: "xz", bz2: "bz2", zst: "zstd", zstd: "zstd" } as const)[ending?.toLowerCase() as "gz"];
}

/** The first bytes of a source, that many at least where it has them, and the source with them again. */
export async function withHead(
  given: ByteSource,
  leastBytes = signatureBytes,
): Promise<{ head: Uint8Array<ArrayBuffer>; source: ByteSource }> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  while (length < leastBytes) {
    const chunk = await given.next();
    if (!chunk) break;
    pieces.push(chunk.slice());
    length += chunk.length;
  }
  const head = new Uint8Array(length);
  for (let at = 0; pieces.length > 0;) {
    const piece = pieces.shift()!;
    head.set(piece, at);
    at += piece.length;
  }
  return { head, source: head.length > 0 ? startingWith(head, given) : given };
}

/** A source with a chunk before its own. */
export function startingWith(chunk: Uint8Array, source: ByteSource): ByteSource {
  let first: Uint8Array | undefined = chunk;
  return {
    next() {
      const next = first;
      first = undefined;
      return next ? Promise.resolve(next) : source.next();
    },
  };
}

/** A source that tells how many bytes each chunk has that passes. */
export function counted(source: ByteSource, passed: (bytes: number) => void): ByteSource {
  return {
    async next() {
      const chunk = await source.next();
      if (chunk) passed(chunk.length);
      return chunk;
    },
  };
}

/** What is at a path, or `undefined`: whoever opens it says why nothing is. */
export function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  return Deno.stat(path).catch(() => undefined);
}

async function opened<T>(path: string, opening: Promise<T>, missing = "There is no such file"): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    throw localError(path, cause instanceof Deno.errors.NotFound ? missing : messageOf(cause), cause);
  }
}

/** The same work, whose failures say which file they are of: the system does not. */
function named<A extends unknown[]>(path: string, work: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      await work(...args);
    } catch (cause) {
      throw new JumpstarterError("internal", `${path}: ${messageOf(cause)}`, { cause });
    }
  };
}

function localError(path: string, why: string, cause?: unknown): JumpstarterError {
  return new JumpstarterError("invalid_argument", `${path}: ${why}`, { phase: "usage", cause });
}
