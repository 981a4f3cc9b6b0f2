/** Servers that are started and stopped by calls. @module */
import { JumpstarterError } from "../core/errors.ts";
import { Queue } from "../core/queue.ts";

/** One server: its starts and stops come one after the other, and none comes after the session's end. */
export class ServerSwitch<T extends AsyncDisposable> implements AsyncDisposable {
  #running?: T;
  readonly #turns = new Queue();
  #isOver = false;

  /** The server while it runs. */
  get running(): T | undefined {
    return this.#running;
  }

  /** Starts it. `start` is given the one that runs, which is its to end or to leave as it is. */
  start(start: (running: T | undefined) => Promise<T>): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#isOver) throw new JumpstarterError("canceled", "The session has ended");
      const before = this.#running;
      this.#running = undefined;
      this.#running = await start(before);
    });
  }

  /** Stops it. Resolves to whether it ran. */
  stop(): Promise<boolean> {
    return this.#turns.run(async () => {
      const before = this.#running;
      this.#running = undefined;
      await before?.[Symbol.asyncDispose]();
      return before !== undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.stop();
  }
}
