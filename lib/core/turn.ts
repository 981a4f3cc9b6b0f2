/** Fairness of loops that never wait for anything. @module */

/** How long a loop may go on at a stretch, in milliseconds. */
const turnMs = 5;

/** Makes a loop whose awaits all resolve at once give way now and then: else no timer fires and no socket is read. */
export class Turn {
  #endsMs = performance.now() + turnMs;

  /** Others have just had their turn. */
  restart(): void {
    this.#endsMs = performance.now() + turnMs;
  }

  /** What to wait for when the turn is over; nothing while it lasts. */
  over(): Promise<void> | undefined {
    if (performance.now() < this.#endsMs) return undefined;
    // A timer: where setImmediate keeps it going, the runtime looks after its sockets every 61st time only.
    return new Promise((resolve) =>
      setTimeout(() => {
        this.restart();
        resolve();
      }, 0)
    );
  }
}
