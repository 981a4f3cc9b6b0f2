import type { Pipe } from "../../core/pipe.ts";
import { Turn } from "../../core/turn.ts";
import { largeBuffers, smallBuffers } from "./buffers.ts";

/** Bytes that are looked through at a stretch: they may hold dozens of requests. Where there are none it grows. */
const firstStretch = 1024;

/** How often whoever answers requests can go on before it is looked at the clock. */
const stepsOfAnswers = 8;

/** A read that takes so many milliseconds has waited for the peer, and others have had their turn. */
const waitedMs = 1;

/**
 * Hands every byte of the pipe to `feed`, whose view is valid during the call only, and resolves at the end of the pipe.
 * `feed` returns how many requests have begun in the bytes, or nothing when it wants no more: then the bytes of that read
 * must all have been its own, which they are as long as `isGreeted` says no.
 *
 * It reads into a small buffer, borrows a large one as soon as a read fills it, and returns that when a read would have
 * fitted into the small one again. However much there is to do for each byte, other connections have their turn.
 */
export async function readAll(
  pipe: Pipe,
  feed: (chunk: Uint8Array) => number | undefined,
  isGreeted: () => boolean,
): Promise<void> {
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
      for (let at = 0, stretch = isGreeted() ? firstStretch : count; at < count;) {
        const begun = feed(buffer.subarray(at, Math.min(at + stretch, count)));
        if (begun === undefined) return;
        at += stretch;
        stretch = begun === 0 ? 2 * stretch : firstStretch;
        // What they cost is known only when they were answered.
        if (begun > 0 && at < count) { for (let step = 0; step < stepsOfAnswers; step++) await undefined; }
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
