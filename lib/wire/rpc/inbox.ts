import { JumpstarterError } from "../../core/errors.ts";
import { recycle } from "./recycling.ts";
import { type Account, MessageReader, prefixBytes } from "./framing.ts";

type Waiting = PromiseWithResolvers<Uint8Array | undefined>;

/**
 * Bytes that a message is charged with beside its content, which is about what V8 needs and gives back late. One stream
 * whose reader pauses still has its whole window.
 */
const messageBytes = 1024;

/**
 * The received messages of one streaming call. What nobody has received yet is not credited to the peer, so a reader
 * that pauses makes the sender pause.
 */
export class Inbox {
  readonly #consumed: (bytes: number) => void;
  readonly #reader: MessageReader;
  readonly #account: Account | undefined;
  #messages: Uint8Array[] = [];
  /** Place of the first message that was not received yet; taking it off the array would move all others. */
  #next = 0;
  #waiting: Waiting | undefined;
  /** Received bytes for which the peer has got no credit. */
  #uncredited = 0;
  #ended = false;
  #error: JumpstarterError | undefined;

  /**
   * `consumed` tells the stream how many bytes the peer may send more. With an account, messages are charged to it until
   * they are received.
   */
  constructor(consumed: (bytes: number) => void, maxMessageBytes: number, account?: Account) {
    this.#consumed = consumed;
    this.#account = account;
    this.#reader = new MessageReader(maxMessageBytes, (message) => this.#deliver(message), account);
  }

  /** Takes a piece of the body. @throws {JumpstarterError} as {@linkcode MessageReader.push} does. */
  push(chunk: Uint8Array): void {
    this.#uncredited += chunk.length;
    this.#reader.push(chunk);
    // Whoever waits needs the rest of a message, however long it is.
    if (this.#waiting !== undefined) this.#credit(this.#uncredited);
  }

  /** Whether the body may end here. */
  get complete(): boolean {
    return !this.#reader.partial;
  }

  /** Whether the body has come to its end. */
  get ended(): boolean {
    return this.#ended && this.#error === undefined;
  }

  /** No message follows: `receive` yields those that are there, and then the end or the error. */
  end(error?: JumpstarterError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error === undefined) waiting?.resolve(undefined);
    else waiting?.reject(error);
  }

  /** Forgets the messages that are there: `receive` yields the error at once, unless the end has been reached. */
  abort(error: JumpstarterError): void {
    if (this.#ended && this.#messages.length === 0) return;
    this.#messages.slice(this.#next).forEach(recycle);
    this.#clear();
    this.end(error);
    this.#error = error;
  }

  /** The next message, or `undefined` at the end. Rejects with the call's error. */
  receive(): Promise<Uint8Array | undefined> {
    if (this.#next < this.#messages.length) {
      const message = this.#messages[this.#next++];
      this.#account?.unread.giveBack(this.#account.recipient, message.length + messageBytes);
      if (this.#next === this.#messages.length) this.#clear();
      this.#credit(Math.min(message.length + prefixBytes, this.#uncredited));
      return Promise.resolve(message);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    if (this.#waiting !== undefined) {
      return Promise.reject(new JumpstarterError("failed_precondition", "Another receive() is already waiting"));
    }
    this.#waiting = Promise.withResolvers();
    // A handler may be gone when its call breaks; that must not end the process.
    this.#waiting.promise.catch(ignore);
    this.#credit(this.#uncredited);
    return this.#waiting.promise;
  }

  #clear(): void {
    this.#messages = [];
    this.#next = 0;
  }

  #deliver(message: Uint8Array): void {
    if (this.#waiting === undefined) {
      this.#account?.unread.take(this.#account.recipient, message.length + messageBytes);
      this.#messages.push(message);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#credit(Math.min(message.length + prefixBytes, this.#uncredited));
    waiting.resolve(message);
  }

  #credit(bytes: number): void {
    this.#uncredited -= bytes;
    this.#consumed(bytes);
  }
}

function ignore(): void {}
