/**
 * Flow control of what we receive (RFC 9113 section 5.2): windows that grow with measured need, within one budget.
 *
 * @module
 */

import { ConnectionError, ErrorCode } from "./error_code.ts";
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

/**
 * What the peer may send on one stream. Bytes are counted off as they arrive and credited again when their reader has
 * consumed them, so a reader that pauses stops its own stream and no other.
 */
export class ReceiveWindow {
  readonly #budget: WindowBudget;
  #size: number;
  /** Bytes that the peer may still send. */
  #left: number;
  /** Bytes that were consumed and are not yet credited. */
  #consumed = 0;

  constructor(size: number, budget: WindowBudget = windowBudget) {
    this.#size = size;
    this.#left = size;
    this.#budget = budget;
    budget.take(size);
  }

  /** Counts `bytes` off; `false` when the peer sent more than it may. */
  receive(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * Notes that `bytes` were consumed. Returns the increment to send, or 0: a credit goes out when a quarter of the window
   * has been consumed. `wanted` is the size that the connection's bandwidth calls for.
   */
  consume(bytes: number, wanted: number): number {
    this.#consumed += bytes;
    if (this.#consumed < this.#size / 4) return 0;
    const growth = wanted > this.#size ? this.#budget.grow(wanted - this.#size) : 0;
    const increment = this.#consumed + growth;
    this.#size += growth;
    this.#left += increment;
    this.#consumed = 0;
    return increment;
  }

  /** Returns its size to the budget. */
  close(): void {
    this.#budget.giveBack(this.#size);
    this.#size = 0;
  }
}

/**
 * Measures how many bytes are under way between the peer's sending and our answer: the bandwidth-delay product. A PING
 * goes out when a whole window has arrived; if most of a window arrives again before its answer, the window is what
 * limits the peer, and it is doubled.
 *
 * The PINGs only ever follow data of the peer, which gRPC's servers do not count as abuse.
 */
export class BandwidthProbe {
  readonly #most: number;
  #window: number;
  #received = 0;
  #probing = false;

  /** Begins with windows of `initial` bytes and never asks for more than `most`. */
  constructor(initial: number, most: number) {
    this.#window = initial;
    this.#most = most;
  }

  /** Bytes that a stream's window should have. */
  get window(): number {
    return this.#window;
  }

  /** Counts what arrived; `true` when a PING should be sent now. */
  receive(bytes: number): boolean {
    this.#received += bytes;
    if (this.#probing || this.#received < this.#window || this.#window >= this.#most) return false;
    this.#received = 0;
    this.#probing = true;
    return true;
  }

  /** The PING was answered. */
  answered(): void {
    if (this.#received >= this.#window * 2 / 3) this.#window = Math.min(2 * this.#received, this.#most);
    this.#received = 0;
    this.#probing = false;
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
