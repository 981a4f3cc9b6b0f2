/**
 * Flow control of what we receive (RFC 9113 section 5.2): windows that grow with measured need, within one budget.
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "./error_code.ts";
import { maxWindowBytes } from "./frames.ts";
import { windowBudgetBytes } from "./limits.ts";

/** Bytes that the windows of many streams may take together. */
export class WindowBudget {
  readonly #bytes: number;
  #used = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Bytes that are taken. Streams that merely exist may push it above the budget; then none grows. */
  get used(): number {
    return this.#used;
  }

  /** Takes `bytes` for a window that the peer already has. */
  take(bytes: number): void {
    this.#used += bytes;
  }

  /** Takes up to `bytes` more for a window that would like to grow, and returns how many it may. */
  grow(bytes: number): number {
    const granted = Math.max(0, Math.min(bytes, this.#bytes - this.#used));
    this.#used += granted;
    return granted;
  }

  /** Returns what a window had. */
  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The budget of this process. */
export const windowBudget = new WindowBudget(windowBudgetBytes);

/** A round trip of so many milliseconds must not slow a stream down. */
const roundTripMs = 200;

/**
 * What the peer may send on one stream. Bytes are counted off as they arrive and credited again when their reader has
 * consumed them, so a reader that pauses stops its own stream and no other.
 *
 * A window that is consumed within one long round trip could be what limits the peer, so it is doubled; a slow stream, or
 * a slow reader, keeps a small one.
 */
export class ReceiveWindow {
  readonly #most: number;
  readonly #budget: WindowBudget;
  readonly #now: () => number;
  #size: number;
  /** Bytes that the peer may still send. */
  #left: number;
  /** Bytes that were consumed and are not yet credited. */
  #consumed = 0;
  /** When growth was last decided on; not before the first credit, since most streams are too short for one. */
  #decided: number | undefined;
  /** Bytes that were credited since then. */
  #credited = 0;

  /** Begins with `size` bytes and grows to `most`; `now` tells the time in milliseconds. */
  constructor(size: number, most: number, budget: WindowBudget = windowBudget, now = () => performance.now()) {
    this.#size = size;
    this.#left = size;
    this.#most = most;
    this.#budget = budget;
    this.#now = now;
    budget.take(size);
  }

  /** Counts `bytes` off; `false` when the peer sent more than it may. */
  receive(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * Notes that `bytes` were consumed. Returns the increment to send, or 0: a credit goes out when a quarter of the window
   * has been consumed.
   */
  consume(bytes: number): number {
    this.#consumed += bytes;
    if (this.#consumed < this.#size / 4) return 0;
    const increment = this.#consumed + this.#grow(this.#consumed);
    this.#left += increment;
    this.#consumed = 0;
    return increment;
  }

  #grow(consumed: number): number {
    this.#credited += consumed;
    if (this.#decided !== undefined && this.#credited < this.#size) return 0;
    const now = this.#now();
    const quick = this.#decided !== undefined && now - this.#decided < roundTripMs;
    this.#decided = now;
    this.#credited = 0;
    if (!quick || this.#size >= this.#most) return 0;
    const growth = this.#budget.grow(Math.min(this.#size, this.#most - this.#size));
    this.#size += growth;
    return growth;
  }

  /** Returns its size to the budget. */
  close(): void {
    this.#budget.giveBack(this.#size);
    this.#size = 0;
  }
}

/**
 * What the peer may send on the connection. It is credited on receipt: a reader that pauses holds back its own stream's
 * window, and no other stream suffers.
 */
export class ConnectionWindow {
  readonly #size: number;
  #left: number;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /**
   * Counts `bytes` off and returns the increment to send, or 0.
   *
   * @throws {ConnectionError} FLOW_CONTROL_ERROR when the peer sent more than it may.
   */
  receive(bytes: number): number {
    this.#left -= bytes;
    if (this.#left < 0) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "The peer sent more than the connection's window allows");
    }
    const used = this.#size - this.#left;
    if (used < this.#size / 4) return 0;
    this.#left = this.#size;
    return used;
  }
}

/** The error of a window that was made larger than windows may be. */
export function windowOverflow(): ConnectionError {
  return new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `A window exceeds ${maxWindowBytes} bytes`);
}
