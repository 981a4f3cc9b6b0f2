import type { Limits } from "./limits.ts";

/** Content of the PINGs that ask whether the peer is still there. */
export const keepalivePayload: Uint8Array = new Uint8Array(8);

/** Notices a peer that says nothing: at the beginning by waiting for it, later by asking it. */
export class SilenceWatch {
  readonly #keepaliveMs: number;
  readonly #ask: () => void;
  readonly #silent: (why: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heard = false;
  #asked = false;
  #keeps = true;

  /** `ask` sends something that must be answered, `silent` hears of a peer that does not. */
  constructor(limits: Limits, ask: () => void, silent: (why: string) => void) {
    const { handshakeMs } = limits;
    this.#keepaliveMs = limits.keepaliveMs;
    this.#ask = ask;
    this.#silent = silent;
    if (handshakeMs > 0) this.#timer = setTimeout(() => silent(`Nothing came within ${handshakeMs} ms`), handshakeMs);
  }

  /** The peer's greeting is complete. */
  greeted(): void {
    clearTimeout(this.#timer);
    if (this.#keepaliveMs > 0) this.#timer = setInterval(() => this.#look(), this.#keepaliveMs);
    this.keepProgram(this.#keeps);
  }

  /** Says whether the program should go on for this watch's sake alone, which it does at first. */
  keepProgram(goesOn: boolean): void {
    this.#keeps = goesOn;
    if (this.#timer === undefined) return;
    if (goesOn) Deno.refTimer(this.#timer);
    else Deno.unrefTimer(this.#timer);
  }

  /** Something came from the peer. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    if (this.#asked && !this.#heard) return this.#silent(`No answer to a PING within ${this.#keepaliveMs} ms`);
    this.#asked = !this.#heard;
    this.#heard = false;
    if (this.#asked) this.#ask();
  }
}
