import type { Pipe } from "../../core/pipe.ts";
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
      if (!feed(buffer.subarray(0, count))) return;
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
