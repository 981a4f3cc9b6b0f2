import type { Pipe } from "../../core/pipe.ts";
import { Turn } from "../../core/turn.ts";
import { largeBuffers, smallBuffers } from "./buffers.ts";

/** Bytes after which it is looked at the clock first, then twice as many, and so on. They may hold a hundred requests. */
const firstStretch = 4 * 1024;

/** A read that takes so many milliseconds has waited for the peer, and others have had their turn. */
const waitedMs = 1;

/**
 * Hands every byte of the pipe to `feed`, whose view is valid during the call only, and resolves at the end of the pipe, or
 * once `feed` returns `false` and wants no more.
 *
 * It reads into a small buffer, borrows a large one as soon as a read fills it, and returns that when a read would have
 * fitted into the small one again. However much there is to do for each byte, other connections have their turn.
 */
export async function readAll(pipe: Pipe, feed: (chunk: Uint8Array) => boolean): Promise<void> {
  const small = new Uint8Array(smallBuffers.bytes);
  let large: Uint8Array<ArrayBuffer> | undefined;
  const turn = new Turn();
  try {
    for (;;) {
      const buffer = large ?? small;
      const asked = performance.now();
      const count = await pipe.read(buffer);
      if (count === null) return;
      if (performance.now() - asked > waitedMs) turn.restart();
      for (let at = 0, stretch = firstStretch; at < count; at += stretch, stretch *= 2) {
        if (!feed(buffer.subarray(at, Math.min(at + stretch, count)))) return;
        const over = turn.over();
        if (over) await over;
      }
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
