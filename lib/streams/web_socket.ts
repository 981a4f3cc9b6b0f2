/** A WebSocket as a byte stream: one chunk is one message. @module */
import { type ByteStream, byteStreamOf } from "../core/byte_stream.ts";
import { JumpstarterError } from "../core/errors.ts";
import { pause } from "../core/limit.ts";
import { Linger } from "./linger.ts";

/** Bytes that may wait on their way out, and those that may wait for a reader: WebSockets cannot be held back. */
const waitingOutBytes = 1024 * 1024;
const waitingInBytes = 64 * 1024 * 1024;
/** What a message that waits costs besides its content, in bytes. */
const messageBytes = 1024;
/** How often a socket that has much to send is looked at, in milliseconds; it has no event for it. */
const lookMs = 2;

/**
 * Waits until a socket that is new is open. `failureOf` makes the error of what goes wrong, then and later. The signal
 * gives the opening up.
 */
export async function openWebSocket(
  socket: WebSocket,
  failureOf: (why: string) => JumpstarterError,
  signal: AbortSignal,
): Promise<ByteStream> {
  socket.binaryType = "arraybuffer";
  const incoming = new Incoming();
  const close = () => {
    linger.stop();
    incoming.end();
    socket.close();
  };
  const linger = new Linger(close);
  socket.onmessage = ({ data }) => {
    linger.heard();
    // Text is bytes as well here; Python's exporter breaks the stream on it.
    const fits = incoming.push(typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data));
    if (!fits) close();
  };
  const open = Promise.withResolvers<void>();
  const giveUp = () => socket.close();
  signal.addEventListener("abort", giveUp, { once: true });
  socket.onopen = () => open.resolve();
  socket.onerror = (event) => {
    const failure = failureOf((event as ErrorEvent).message || "The connection broke");
    open.reject(failure);
    incoming.end(failure);
  };
  socket.onclose = ({ code, reason }) => {
    linger.stop();
    const ended = [1000, 1001, 1005].includes(code);
    const failure = failureOf(`It was closed with ${code}${reason && ` (${reason})`}`);
    open.reject(failure);
    incoming.end(ended ? undefined : failure);
  };
  await open.promise.finally(() => signal.removeEventListener("abort", giveUp));
  return byteStreamOf({
    next: () => incoming.next(),
    async write(chunk) {
      if (socket.readyState !== WebSocket.OPEN) throw failureOf("It is closed");
      socket.send(chunk as Uint8Array<ArrayBuffer>);
      while (socket.bufferedAmount > waitingOutBytes && socket.readyState === WebSocket.OPEN) await pause(lookMs);
    },
    // A WebSocket has no half-close: the other side may still answer.
    end: () => Promise.resolve(linger.begin()),
    close() {
      close();
      incoming.forget();
    },
  });
}

/** Messages that wait for a reader. */
class Incoming {
  #bytes = 0;
  readonly #chunks: Uint8Array[] = [];
  #failure?: JumpstarterError;
  #ended = false;
  #wake?: () => void;

  /** Keeps a message. `false` when no more are taken: the reader is too slow, or has what it wanted. */
  push(chunk: Uint8Array<ArrayBuffer>): boolean {
    if (this.#ended) {
      // Who does not answer the closing of a WebSocket is heard for ever. It would be garbage that V8 notices too late.
      chunk.buffer.transfer(0);
      return false;
    }
    this.#bytes += chunk.length + messageBytes;
    this.#chunks.push(chunk);
    if (this.#bytes > waitingInBytes) {
      const message = `More than ${waitingInBytes} bytes wait for the reader`;
      this.end(new JumpstarterError("resource_exhausted", message, { phase: "driver" }));
    }
    this.#wake?.();
    return !this.#ended;
  }

  /** The first word counts. */
  end(failure?: JumpstarterError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  /** Nobody reads any more. */
  forget(): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
  }

  async next(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#failure) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks.shift()!;
    this.#bytes -= chunk.length + messageBytes;
    return chunk;
  }
}
