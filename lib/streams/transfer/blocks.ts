/**
 * What XMODEM and YMODEM share: numbered blocks, each of which the receiver takes or asks for again.
 *
 * The rules are those of Chuck Forsberg's "XMODEM/YMODEM Protocol Reference" (1988).
 *
 * @module
 */
import type { ByteSink, ByteSource } from "../../core/byte_stream.ts";
import { JumpstarterError } from "../../core/errors.ts";
import { pause } from "../../core/limit.ts";
import { ByteReader } from "../byte_reader.ts";
import { crc16 } from "./crc16.ts";

const soh = 0x01;
const stx = 0x02;
const eot = 0x04;
const ack = 0x06;
const backspace = 0x08;
const nak = 0x15;
const can = 0x18;
const wantsCrc = 0x43;

/** Settings of a transfer. */
export interface TransferOptions {
  /** Cancels the transfer; the receiver is told. */
  signal?: AbortSignal;
  /** Told how many bytes of all files the receiver has. */
  onProgress?(bytes: number): void;
  /** How long the receiver may take to ask for a file, in milliseconds. @default 60000 */
  startMs?: number;
  /** How long it may take to answer a block, in milliseconds. @default 10000 */
  answerMs?: number;
  /** How often one block is sent before the transfer fails. @default 10 */
  tries?: number;
}

/** The bytes of a file. */
export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** The two directions to the receiver. */
export interface Receiver {
  readonly source: ByteSource;
  readonly sink: ByteSink;
}

/**
 * A pause before each block, in milliseconds. Receivers drop what comes while they are still busy with their answer
 * (lrzsz flushes its line behind it), and on a line without a speed of its own the next block would be there by then.
 */
const turnaroundMs = 2;

/** Sends blocks to a receiver. */
export class BlockSender {
  readonly #reader: ByteReader;
  readonly #sink: ByteSink;
  readonly #options: TransferOptions & { startMs: number; answerMs: number; tries: number };
  #crc = false;
  #cancels = 0;
  #taken = 0;

  constructor({ source, sink }: Receiver, options: TransferOptions) {
    this.#reader = new ByteReader(source);
    this.#sink = sink;
    this.#options = { startMs: 60_000, answerMs: 10_000, tries: 10, ...options };
  }

  /**
   * Does a transfer. Whatever fails it, the receiver is told to give up. Resolves to what the other end said behind it.
   *
   * @throws {JumpstarterError} `deadline_exceeded` when the receiver does not answer in time, `aborted` when it cancels.
   */
  async run(transfer: () => Promise<void>): Promise<Uint8Array> {
    try {
      await transfer();
      return this.#reader.rest();
    } catch (error) {
      await this.#sink.write(new Uint8Array([...Array(8).fill(can), ...Array(8).fill(backspace)])).catch(() => {});
      throw error;
    }
  }

  /** Waits until the receiver asks for the first block, and learns from how it asks which checksum it wants. */
  async start(): Promise<void> {
    const { startMs } = this.#options;
    const until = performance.now() + startMs;
    for (;;) {
      const byte = await this.#next(until - performance.now());
      if (byte === undefined) {
        throw new JumpstarterError("deadline_exceeded", `Nobody asked for the file within ${startMs / 1000} s`, {
          hint: "Start the receiver first: rx or rb in a shell, loadx or loady at U-Boot's prompt",
          phase: "driver",
        });
      }
      // What stands in the middle of a text is a letter and no request.
      if (this.#reader.hasMore || byte !== wantsCrc && byte !== nak) continue;
      this.#crc = byte === wantsCrc;
      return;
    }
  }

  /** Sends content in blocks from number 1 on, large ones where `largest` is 1024, and the sign of its end. */
  async content(content: Content, largest: 128 | 1024): Promise<void> {
    let number = 1;
    for await (const piece of pieces(content, largest === 1024 && this.#crc ? 1024 : 128)) {
      await this.block(number++, piece, 0x1a);
      this.#options.onProgress?.(this.#taken += piece.length);
    }
    await this.#deliver(Uint8Array.of(eot), "The end of the file");
  }

  /** Sends one block, filled up to 128 or 1024 bytes, until the receiver has taken it. */
  async block(number: number, payload: Uint8Array, filler: number): Promise<void> {
    const size = payload.length > 128 ? 1024 : 128;
    const block = new Uint8Array(3 + size + (this.#crc ? 2 : 1)).fill(filler, 3);
    block.set([size === 128 ? soh : stx, number & 0xff, ~number & 0xff]);
    block.set(payload, 3);
    const data = block.subarray(3, 3 + size);
    if (this.#crc) new DataView(block.buffer).setUint16(3 + size, crc16(data));
    else block[3 + size] = data.reduce((sum, byte) => sum + byte, 0);
    await this.#deliver(block, `Block ${number}`);
  }

  async #deliver(bytes: Uint8Array, what: string): Promise<void> {
    const { tries, signal } = this.#options;
    await pause(turnaroundMs, signal);
    // Requests that came while nothing was on the way are answered by what goes now.
    this.#reader.rest();
    for (let count = 0; count < tries; count++) {
      await this.#sink.write(bytes);
      if (await this.#isTaken()) return;
    }
    throw new JumpstarterError("deadline_exceeded", `${what} was sent ${tries} times and not taken`, {
      phase: "driver",
    });
  }

  /** Whether the receiver has taken what was sent; not, when it says so or nothing. */
  async #isTaken(): Promise<boolean> {
    const until = performance.now() + this.#options.answerMs;
    for (;;) {
      const byte = await this.#next(until - performance.now());
      if (byte === ack) return true;
      if (byte === nak || byte === undefined) return false;
    }
  }

  async #next(limitMs: number): Promise<number | undefined> {
    const byte = await this.#reader.next(Math.max(0, limitMs), this.#options.signal);
    this.#cancels = byte === can ? this.#cancels + 1 : 0;
    // One may be noise.
    if (this.#cancels === 2) {
      throw new JumpstarterError("aborted", "The receiver has cancelled the transfer", { phase: "driver" });
    }
    return byte;
  }
}

/** Content in pieces of one size; the last one may be shorter. */
async function* pieces(content: Content, size: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(size);
  let length = 0;
  for await (let chunk of content) {
    while (chunk.length > 0) {
      const part = chunk.subarray(0, size - length);
      piece.set(part, length);
      length += part.length;
      chunk = chunk.subarray(part.length);
      if (length < size) continue;
      yield piece;
      piece = new Uint8Array(size);
      length = 0;
    }
  }
  // Filled up to a large block, the last bytes would take longer than in small ones.
  for (let at = 0, most = length > 896 ? size : 128; at < length; at += most) {
    yield piece.subarray(at, Math.min(length, at + most));
  }
}
