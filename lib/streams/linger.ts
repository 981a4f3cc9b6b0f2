/** The end of streams without a half-close. @module */

/** How long the other end may be silent once nothing more comes from here, in milliseconds. */
const silenceMs = 10_000;

/**
 * A stream whose other end cannot be told that nothing more comes, and may still answer: it is given up when that has
 * been silent for a while. Otherwise whoever has ended their direction would hold it for ever.
 */
export class Linger {
  readonly #giveUp: () => void;
  readonly #silenceMs: number;
  #timer?: ReturnType<typeof setTimeout>;
  #isOver = false;

  constructor(giveUp: () => void, limitMs = silenceMs) {
    this.#giveUp = giveUp;
    this.#silenceMs = limitMs;
  }

  /** Nothing more comes from here. */
  begin(): void {
    if (!this.#isOver) this.#timer = setTimeout(this.#giveUp, this.#silenceMs);
  }

  /** The other end has said something. */
  heard(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.begin();
  }

  /** The stream is over. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
