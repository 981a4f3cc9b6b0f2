/** The board's time. @module */
import { pause } from "../../lib/core/limit.ts";

/** A clock that the board waits by; tests hand in one of their own. */
export interface Clock {
  /** Waits for `delayMs` milliseconds, or rejects when the signal aborts. */
  pause(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** The wall clock. */
export const wallClock: Clock = { pause };
