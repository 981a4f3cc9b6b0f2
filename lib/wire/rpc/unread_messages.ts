import { JumpstarterError } from "../../core/errors.ts";
import { unreadMessageBytes } from "../http2/limits.ts";

/** Whoever receives messages: a call. */
export interface Recipient {
  /** The memory of its messages is needed elsewhere; nothing more is held against it. */
  giveUp(error: JumpstarterError): void;
}

/** Bytes that the shortest piece is charged with, which is about what it needs besides its content. */
const pieceBytes = 512;

/**
 * Memory for messages that no handler has got yet, because a part is missing or nobody asks for them, for all connections
 * together. When it is used up, the recipient that has held some for longest has to go: honest ones are through before
 * long.
 */
export class UnreadMessages {
  readonly #most: number;
  /** Bytes of each recipient, the one that has held some for longest standing first. */
  readonly #held = new Map<Recipient, number>();
  #used = 0;

  /** `most` is in bytes. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that are taken. */
  get used(): number {
    return this.#used;
  }

  /** Takes `bytes` more. @throws {JumpstarterError} `resource_exhausted` when it is this recipient that has to go. */
  take(recipient: Recipient, bytes: number): void {
    this.#held.set(recipient, (this.#held.get(recipient) ?? 0) + bytes);
    this.#used += bytes;
    while (this.#used > this.#most) {
      const [longest] = this.#held.keys();
      this.forget(longest);
      const text = `Messages that wait for their rest or their reader take more than ${this.#most} bytes together`;
      const error = new JumpstarterError("resource_exhausted", text);
      if (longest === recipient) throw error;
      longest.giveUp(error);
    }
  }

  /** Takes a piece of a message. @throws as {@linkcode take} does. */
  takePiece(recipient: Recipient, piece: Uint8Array): void {
    this.take(recipient, Math.max(piece.length, pieceBytes));
  }

  /** Returns `bytes` of what a recipient has taken. */
  giveBack(recipient: Recipient, bytes: number): void {
    const held = this.#held.get(recipient);
    if (held === undefined) return;
    this.#used -= bytes;
    if (held > bytes) this.#held.set(recipient, held - bytes);
    else this.#held.delete(recipient);
  }

  /** Returns all that a recipient has taken. */
  forget(recipient: Recipient): void {
    if (this.#held.size > 0) this.giveBack(recipient, this.#held.get(recipient) ?? 0);
  }
}

/** Those of this process. */
export const unreadMessages = new UnreadMessages(unreadMessageBytes);
