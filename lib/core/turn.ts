/** Fairness of loops that never wait for anything. @module */
import { setImmediate } from "node:timers";

/** How long a loop may go on at a stretch, in milliseconds. */
const turnMs = 5;

/** Makes a loop whose awaits all resolve at once give way now and then: else no timer fires and no socket is read. */
export class Turn {
  #endsMs = performance.now() + turnMs;

  /** What to wait for when the turn is over; nothing while it lasts. */
  over(): Promise<void> | undefined {
    if (performance.now() < this.#endsMs) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#endsMs = performance.now() + turnMs;
        resolve();
      })
    );
  }
}
