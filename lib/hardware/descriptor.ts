/** A descriptor of the operating system as a pipe. @module */
import type { Pipe } from "../core/pipe.ts";
import {
  checked,
  cString,
  EAGAIN,
  EINTR,
  ENOTTY,
  errno,
  isSystemError,
  libc,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  systemError,
} from "./libc.ts";
import { Watch } from "./reactor.ts";

/**
 * Bytes that one read takes at most, and that are written at a stretch. Every read waits for the reactor first, so that
 * each open device gets as much in turn, and the rest of the program gets a turn as well.
 */
const turnBytes = 64 * 1024;

/** An open, non-blocking descriptor, which belongs to this. */
export class Descriptor implements Pipe {
  /** The kernel's number, for calls that are about it. */
  readonly number: number;
  readonly #name: string;
  readonly #watch: Watch;
  #open = true;

  /**
   * `name` says in errors what it is: `/dev/ttyUSB0`.
   *
   * @throws {SystemError} `ENOTTY` when it is nothing that can be waited for, such as a plain file.
   */
  constructor(number: number, name: string) {
    this.number = number;
    this.#name = name;
    try {
      this.#watch = new Watch(number);
    } catch (error) {
      libc().close(number);
      // The kernel says EPERM, which it also says where opening is forbidden.
      throw isSystemError(error, "EPERM") ? systemError(`open ${name}`, ENOTTY) : error;
    }
  }

  /**
   * Reads what is there, at most 64 KiB.
   *
   * @throws {SystemError} for example `EIO` when a terminal's other end is gone.
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    const most = Math.min(buffer.length, turnBytes);
    if (most === 0) return 0;
    for (;;) {
      await this.#watch.readable();
      this.#checkOpen();
      let count = 0;
      while (count < most) {
        const part = this.#call("read", buffer.subarray(count, most));
        // What went wrong after some bytes is told by the next read.
        if (typeof part !== "number") {
          if (count === 0 && part) throw part.error;
          break;
        }
        if (part === 0) return count || null;
        count += part;
      }
      if (count > 0) return count;
    }
  }

  /**
   * Writes some bytes, and waits while the device takes none.
   *
   * @throws {SystemError} when it never will.
   */
  async write(bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0) return 0;
    for (;;) {
      this.#checkOpen();
      const part = this.#call("write", bytes.subarray(0, turnBytes));
      if (typeof part === "number" && part > 0) return part;
      if (typeof part === "object") throw part.error;
      await this.#watch.writable();
    }
  }

  /** A device has one end for both directions. */
  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    if (this.#release()) libc().close(this.number);
  }

  /** Closes it, and resolves once that is done: a serial port sends what it still holds, which may take seconds. */
  async closeSent(): Promise<void> {
    if (this.#release()) await libc().close_waiting(this.number);
  }

  /** Nobody uses the number from then on. */
  #release(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    this.#watch[Symbol.dispose]();
    return true;
  }

  // The kernel may have given the number to somebody else meanwhile.
  #checkOpen(): void {
    if (!this.#open) throw new Deno.errors.BadResource(`${this.#name} is closed`);
  }

  /** How many bytes went; nothing when it would have to wait; or why none ever will. */
  #call(name: "read" | "write", bytes: Uint8Array): number | undefined | { error: Error } {
    for (;;) {
      const count = libc()[name](this.number, bytes as Uint8Array<ArrayBuffer>, BigInt(bytes.length));
      if (count >= 0) return Number(count);
      const number = errno();
      if (number === EAGAIN) return undefined;
      if (number !== EINTR) return { error: systemError(`${name} ${this.#name}`, number) };
    }
  }
}

/**
 * Opens a device by its path.
 *
 * @throws {SystemError} when it cannot be opened.
 */
export function openDescriptor(path: string, flags: number): Descriptor {
  const all = flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  return new Descriptor(checked(`open ${path}`, libc().open(cString(path), all)), path);
}
