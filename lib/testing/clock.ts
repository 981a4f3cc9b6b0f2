/** A clock that a test moves by hand. @module */

/** Time that stands still until it is told to go on. It fits wherever a driver takes a clock to wait by. */
export class ManualClock {
  #nowMs = 0;
  #waiting: { dueMs: number; wake(): void }[] = [];

  /** Waits until the clock has been moved on by `delayMs` milliseconds, or rejects when the signal aborts. */
  pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const waiter = {
        dueMs: this.#nowMs + delayMs,
        wake: () => {
          signal.removeEventListener("abort", stop);
          resolve();
        },
      };
      this.#waiting.push(waiter);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  /**
   * Moves the clock on by `durationMs` milliseconds. Whoever waits wakes in turn, at its own time, and may wait again on
   * the way: code that pauses ten times for 50 ms is done after 500.
   */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await turn();
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#nowMs = next.dueMs;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      next.wake();
      await turn();
    }
    this.#nowMs = untilMs;
  }

  /** How many wait on the clock. */
  get waiting(): number {
    return this.#waiting.length;
  }

  #next(untilMs: number) {
    const due = this.#waiting.filter(({ dueMs }) => dueMs <= untilMs);
    return due.sort((a, b) => a.dueMs - b.dueMs).at(0);
  }
}

/** Lets everything run that waits for promises only. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
