/** Work that is done one piece at a time. @module */

/** Does what it is given one after the other, in the order it was given, whatever becomes of what came before. */
export class Queue {
  #last: Promise<void> = Promise.resolve();

  /** Does something when its turn has come, and resolves to what came of it. */
  run<T>(act: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.then(() => {}, () => {});
    return turn;
  }

  /** Resolves when everything that it was given so far is over. Never rejects. */
  get over(): Promise<void> {
    return this.#last;
  }
}
