/** Limits in time. @module */
import { JumpstarterError } from "./errors.ts";

/** The longest delay a timer takes, in milliseconds; longer ones would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Waits for `work` no longer than `limitMs` milliseconds.
 *
 * @throws {JumpstarterError} `deadline_exceeded`, naming `what`, when the limit passes first. The work itself goes on.
 */
export async function withLimit<T>(work: PromiseLike<T>, limitMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new JumpstarterError("deadline_exceeded", `${what} took longer than ${limitMs} ms`)),
      Math.min(limitMs, longestTimerMs),
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for `delayMs` milliseconds, or rejects with the signal's reason as soon as it aborts. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, Math.min(delayMs, longestTimerMs));
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Waits for `work` until the signal aborts, whose reason it then rejects with. The work itself goes on. */
export async function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return await work;
  const { promise: given, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  if (signal.aborted) giveUp();
  else signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([work, given]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Resolves when the signal aborts, at once if it has already. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
