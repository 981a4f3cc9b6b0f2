/**
 * Who of many that connect is served, so that strangers who only connect cannot keep those out who want to call.
 *
 * A connection is silent until its first call. When all places are taken, the next one takes that of a silent one: of
 * the address that has most of them, the one that has been silent for longest. Whoever wants to call does so at once, and
 * nobody has to leave after that.
 *
 * @module
 */

/** A connection that is served. */
export interface Guest {
  readonly address: string;
  /** It has to leave. */
  drop(): void;
}

/** The places of one listener. */
export class Admission {
  readonly #places: number;
  /** By address, the oldest first. */
  readonly #silent = new Map<string, Set<Guest>>();
  readonly #speaking = new Set<Guest>();
  #silentCount = 0;

  /** `places` is how many connections may be there at once. */
  constructor(places: number) {
    this.#places = places;
  }

  /** Finds a place for one that has just connected; `false` when there is none. */
  admit(guest: Guest): boolean {
    if (this.#silentCount + this.#speaking.size >= this.#places && !this.#makeRoom()) return false;
    const neighbours = this.#silent.get(guest.address);
    if (neighbours) neighbours.add(guest);
    else this.#silent.set(guest.address, new Set([guest]));
    this.#silentCount++;
    return true;
  }

  /** It has made a call. */
  speaks(guest: Guest): void {
    if (this.#forgetSilent(guest)) this.#speaking.add(guest);
  }

  /** It is gone. */
  leaves(guest: Guest): void {
    this.#speaking.delete(guest);
    this.#forgetSilent(guest);
  }

  #makeRoom(): boolean {
    let most: Set<Guest> | undefined;
    for (const guests of this.#silent.values()) if (guests.size > (most?.size ?? 0)) most = guests;
    if (!most) return false;
    const [longest] = most;
    this.#forgetSilent(longest);
    longest.drop();
    return true;
  }

  #forgetSilent(guest: Guest): boolean {
    const neighbours = this.#silent.get(guest.address);
    if (!neighbours?.delete(guest)) return false;
    if (neighbours.size === 0) this.#silent.delete(guest.address);
    this.#silentCount--;
    return true;
  }
}
