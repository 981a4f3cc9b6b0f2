/** Things that one at a time uses. @module */

/**
 * Lets one user work at a time. Others are refused meanwhile; when that work is being given up, they wait for its end, so
 * that nothing of it comes after what they do.
 */
export class Exclusive {
  readonly #refuse: () => Error;
  #work?: { readonly signal?: AbortSignal; readonly over: Promise<void> };

  /** `refuse` makes the error for those who come while it is in use. */
  constructor(refuse: () => Error) {
    this.#refuse = refuse;
  }

  /** Works on it. The signal aborts when the work is given up. */
  run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.whenFree(async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#work = { signal, over: promise };
      try {
        return await work();
      } finally {
        this.#work = undefined;
        resolve();
      }
    });
  }

  /** Does something that takes no time while nobody uses it. */
  async whenFree<T>(act: () => T | Promise<T>): Promise<T> {
    while (this.#work) {
      if (!this.#work.signal?.aborted) throw this.#refuse();
      await this.#work.over;
    }
    return await act();
  }
}
