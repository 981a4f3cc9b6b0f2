import type { Pipe } from "../../core/pipe.ts";
import { Turn } from "../../core/turn.ts";
import { largeBuffers, smallBuffers } from "./buffers.ts";

/**
 * Hands every byte of the pipe to `feed`, whose view is valid during the call only, and resolves at the end of the pipe, or
 * once `feed` returns `false` and wants no more.
 *
 * It reads into a small buffer, borrows a large one as soon as a read fills it, and returns that when a read would have
 * fitted into the small one again.
 */
export async function readAll(pipe: Pipe, feed: (chunk: Uint8Array) => boolean): Promise<void> {
  const small = new Uint8Array(smallBuffers.bytes);
  let large: Uint8Array<ArrayBuffer> | undefined;
  try {
    for (;;) {
      const buffer = large ?? small;
      const count = await pipe.read(buffer);
      if (count === null) return;
      const chunk = buffer.subarray(0, count);
      if (!(count > firstStretch ? await feedInTurns(chunk, feed) : feed(chunk))) return;
      if (large === undefined) {
        if (count === small.length) large = largeBuffers.borrow();
      } else if (count < small.length) {
        largeBuffers.giveBack(large);
        large = undefined;
      }
    }
  } finally {
    if (large !== undefined) largeBuffers.giveBack(large);
  }
}

/** Bytes after which it is looked at the clock first. They may hold a hundred requests. */
const firstStretch = 4 * 1024;

/** Hands bytes on so that other connections have their turn, however much there is to do for each byte. */
async function feedInTurns(bytes: Uint8Array, feed: (chunk: Uint8Array) => boolean): Promise<boolean> {
  const turn = new Turn();
  let stretch = firstStretch;
  let at = 0;
  while (bytes.length - at > stretch) {
    if (!feed(bytes.subarray(at, at + stretch))) return false;
    at += stretch;
    stretch *= 2;
    const over = turn.over();
    if (!over) continue;
    await over;
    stretch = firstStretch;
  }
  return feed(bytes.subarray(at));
}
