/** A file in blocks, as it is or as text of a network terminal. @module */
import type { FoundFile } from "../../lib/streams/folder.ts";

const [CR, LF, NUL] = [13, 10, 0];

/** The next block of a file, which is shorter than the others only at the end. */
export interface Blocks {
  next(): Promise<Uint8Array>;
}

/**
 * Bytes as they are.
 *
 * `next` throws where the file has become shorter since it was opened: a short block would tell the client that it has all.
 */
export function octetBlocks({ file, info }: Pick<FoundFile, "file" | "info">, size: number): Blocks {
  let passed = 0;
  return {
    async next() {
      const block = new Uint8Array(size);
      let filled = 0;
      while (filled < size) {
        const count = await file.read(block.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      passed += filled;
      if (filled < size && passed < info.size) {
        throw new Error(`The file ended after ${passed} of ${info.size} bytes`);
      }
      return block.subarray(0, filled);
    },
  };
}

/** Ends of lines as CR LF, and a lone CR as CR NUL (RFC 1350, 2; RFC 764). */
export function netasciiBlocks(found: Pick<FoundFile, "file" | "info">, size: number): Blocks {
  const pieces = octetBlocks(found, 32 * 1024);
  let waiting = new Uint8Array();
  let ended = false;
  return {
    async next() {
      while (waiting.length < size && !ended) {
        const piece = await pieces.next();
        ended = piece.length === 0;
        waiting = new Uint8Array([...waiting, ...translated(piece)]);
      }
      const block = waiting.subarray(0, size);
      waiting = waiting.slice(size);
      return block;
    },
  };
}

function* translated(bytes: Uint8Array): Generator<number, void, undefined> {
  for (const byte of bytes) {
    if (byte === LF) yield CR;
    yield byte;
    if (byte === CR) yield NUL;
  }
}
