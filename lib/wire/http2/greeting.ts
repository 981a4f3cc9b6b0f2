/**
 * The first bytes of a peer, which tell whether it speaks HTTP/2 at all (RFC 9113 section 3.4).
 *
 * @module
 */

import { preface } from "./frames.ts";

/** The header of a SETTINGS frame: its length may be anything below 64 KiB. */
const settingsHeader = [0, undefined, undefined, 4, 0, 0, 0, 0, 0];

/** The peer's first bytes are not HTTP/2's. */
export class NotHttp2 extends Error {
  override readonly name = "NotHttp2";
  /** What came instead, as far as it is there. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super("The peer does not speak HTTP/2");
    this.bytes = bytes;
  }
}

/** Compares what a peer sends with what an HTTP/2 peer sends first: a client its preface, and both a SETTINGS frame. */
export class Greeting {
  readonly #expected: readonly (number | undefined)[];
  readonly #prefaceLength: number;
  #at = 0;

  /** `from` is the role of the peer. */
  constructor(from: "client" | "server") {
    this.#prefaceLength = from === "client" ? preface.length : 0;
    this.#expected = from === "client" ? [...preface, ...settingsHeader] : settingsHeader;
  }

  /** Whether enough has been seen. */
  get complete(): boolean {
    return this.#at === this.#expected.length;
  }

  /**
   * Checks the next bytes and returns those of them that are frames.
   *
   * @throws {NotHttp2} with the peer's bytes when they are none of HTTP/2.
   */
  feed(chunk: Uint8Array): Uint8Array {
    const begun = this.#at;
    for (let i = 0; i < chunk.length && !this.complete; i++, this.#at++) {
      const expected = this.#expected[this.#at];
      if (expected === undefined || expected === chunk[i]) continue;
      throw new NotHttp2(new Uint8Array([...preface.subarray(0, Math.min(begun, this.#prefaceLength)), ...chunk]));
    }
    return chunk.subarray(Math.max(0, Math.min(this.#prefaceLength - begun, chunk.length)));
  }
}

/** Whether bytes begin like a request of HTTP/1.x: a method and a target. `PRI *`, which HTTP/2 begins with, is none. */
export function looksLikeHttp1(bytes: Uint8Array): boolean {
  return /^[A-Z]{3,16} (?:\/|https?:|\* HTTP\/1)/.test(latin1(bytes.subarray(0, 32)));
}

/** What a peer sent, in short and fit to be printed. */
export function whatItIs(bytes: Uint8Array): string {
  if (tlsRecords.has(bytes[0]) && bytes[1] === 3) return "TLS";
  const line = latin1(bytes.subarray(0, 60)).split(/\r?\n/, 1)[0];
  return JSON.stringify(line.slice(0, 40).replace(/[^\x20-\x7e]/g, "?"));
}

/** Types of the records that the peers of TLS begin with, an alert and a handshake (RFC 8446 section 5.1). */
const tlsRecords = new Set([21, 22]);

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
