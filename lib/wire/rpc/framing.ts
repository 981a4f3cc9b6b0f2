/**
 * gRPC's message framing: a byte that says whether the message is compressed, its length in 32 bits, and the message.
 *
 * @module
 */

import { JumpstarterError } from "../../core/errors.ts";
import { memoryOf, recycle } from "./recycling.ts";
import type { Recipient, UnreadMessages } from "./unread_messages.ts";

/** Bytes in front of each message. */
export const prefixBytes = 5;

/** Bytes of a message that are provided for before they arrive. */
const startBytes = 4 * 1024;

/** A message, which may come in two parts, as what a stream writes: its prefix with what is short, and the rest. */
export function inParts(message: Uint8Array, rest?: Uint8Array): [head: Uint8Array, body: Uint8Array] {
  if (rest === undefined) return [prefixOf(message.length), message];
  const head = new Uint8Array(prefixBytes + message.length);
  head.set(prefixOf(message.length + rest.length));
  head.set(message, prefixBytes);
  return [head, rest];
}

/** The prefix of a message of `length` bytes. The array is reused by the next call. */
export function prefixOf(length: number): Uint8Array {
  prefix[1] = length >>> 24;
  prefix[2] = length >>> 16;
  prefix[3] = length >>> 8;
  prefix[4] = length;
  return prefix;
}

const prefix = new Uint8Array(prefixBytes);

/** In whose name memory is taken, and from where. */
export interface Account {
  readonly recipient: Recipient;
  readonly unread: UnreadMessages;
}

/** Finds the messages in a body that comes in pieces. Each message is a copy of its own, until it is recycled. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #deliver: (message: Uint8Array) => void;
  readonly #account: Account | undefined;
  /** Bytes of the current prefix that have arrived; all of them while its message is being received. */
  #prefixLength = 0;
  #declared = 0;
  /** The message that is being received: its buffer may be shorter than what was declared. */
  #message: Uint8Array<ArrayBuffer> | undefined;
  #received = 0;

  /**
   * Messages longer than `maxBytes` are refused; the others go to `deliver`. With an account, a message is charged to it
   * as long as a part is missing.
   */
  constructor(maxBytes: number, deliver: (message: Uint8Array) => void, account?: Account) {
    this.#maxBytes = maxBytes;
    this.#deliver = deliver;
    this.#account = account;
  }

  /** Whether a message has begun that is not complete. */
  get partial(): boolean {
    return this.#prefixLength > 0;
  }

  /**
   * Takes the next piece, of which nothing is kept.
   *
   * @throws {JumpstarterError} `unimplemented` for a compressed message, `resource_exhausted` for one that is too long or
   * that the account cannot take.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#prefixLength < prefixBytes) this.#prefix(chunk[at++]);
      // A message may be empty, so it is looked at as soon as its prefix is complete.
      if (this.#prefixLength === prefixBytes) at = this.#fill(chunk, at);
    }
  }

  #prefix(byte: number): void {
    if (this.#prefixLength++ === 0) {
      if (byte === 1) throw new JumpstarterError("unimplemented", "Compressed messages are not supported");
      if (byte !== 0) throw new JumpstarterError("internal", `Expected a gRPC message, got a prefix of ${byte}`);
      this.#declared = 0;
      this.#received = 0;
      return;
    }
    this.#declared = this.#declared * 256 + byte;
    if (this.#prefixLength < prefixBytes) return;
    if (this.#declared > this.#maxBytes) {
      throw new JumpstarterError(
        "resource_exhausted",
        `A message of ${this.#declared} bytes exceeds the limit of ${this.#maxBytes}`,
      );
    }
  }

  #fill(chunk: Uint8Array, at: number): number {
    const end = Math.min(at + this.#declared - this.#received, chunk.length);
    const message = this.#place(end - at);
    message.set(chunk.subarray(at, end), this.#received);
    this.#received += end - at;
    if (this.#received === this.#declared) {
      this.#prefixLength = 0;
      if (this.#message !== undefined) this.#charge(-message.length);
      this.#message = undefined;
      this.#deliver(message);
    }
    return end;
  }

  /** The message's buffer with room for `bytes` more: a length that is only claimed costs no memory. */
  #place(bytes: number): Uint8Array<ArrayBuffer> {
    const needed = this.#received + bytes;
    const old = this.#message;
    if (old !== undefined && needed <= old.length) return old;
    // Most messages come in one piece.
    if (needed === this.#declared && old === undefined) return memoryOf(needed);
    const length = Math.min(this.#declared, Math.max(startBytes, 4 * needed));
    this.#charge(length - (old?.length ?? 0));
    const message = memoryOf(length);
    if (old !== undefined) {
      message.set(old.subarray(0, this.#received));
      recycle(old);
    }
    this.#message = message;
    return message;
  }

  #charge(bytes: number): void {
    if (this.#account === undefined) return;
    const { recipient, unread } = this.#account;
    if (bytes > 0) unread.take(recipient, bytes);
    else unread.giveBack(recipient, -bytes);
  }
}
