/** Serial ports of Linux: real ones, USB adapters, and the pseudo-terminals of QEMU, Renode and socat. @module */
import { type ByteStream, byteStreamOfPipe } from "../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { pause } from "../core/limit.ts";
import { type Descriptor, openDescriptor } from "./descriptor.ts";
import { holdersOf } from "./holders.ts";
import { checked, isSystemError, libc, LOCK_EX, LOCK_NB, O_RDWR } from "./libc.ts";
import { noSuchPort } from "./port_name.ts";
import { setLine } from "./terminal.ts";

// include/uapi/asm-generic/ioctls.h, alike for x86-64 and aarch64
const TCFLSH = 0x540b;
const TCIFLUSH = 0;
const TIOCEXCL = 0x540c;
const TIOCNXCL = 0x540d;
const TIOCMBIS = 0x5416;
const TIOCMBIC = 0x5417;
const TIOCSBRK = 0x5427;
const TIOCCBRK = 0x5428;

/** Modem lines of include/uapi/asm-generic/termios.h. */
const modemLines = { DTR: 0x002, RTS: 0x004 } as const;

/** How a port is opened. */
export interface SerialPortOptions {
  /** Bits per second. */
  baudRate: number;
  /** Keeps DTR and RTS as they are when the port is closed; else the kernel's setting holds. */
  keepLines?: boolean;
}

/** An open port, which is nobody else's meanwhile. */
export interface SerialPort extends AsyncDisposable {
  /** The bytes. Reading fails once the device is gone. */
  readonly bytes: ByteStream;
  /** What the device did not accept of the settings, for people. */
  readonly differences: readonly string[];
  /** Holds the line in its break state for `durationMs` milliseconds. */
  sendBreak(durationMs: number): Promise<void>;
  /** @throws {JumpstarterError} `unimplemented` when the port has no such line, as pseudo-terminals have none. */
  setDtr(on: boolean): void;
  /** @throws {JumpstarterError} as {@linkcode setDtr}. */
  setRts(on: boolean): void;
  /** Resolves when the port is free, after what was written has been sent. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a port with 8 data bits, no parity, 1 stop bit and no flow control, for this process alone. What it received
 * before is dropped. The kernel asserts DTR and RTS with the opening, if it is the first.
 *
 * @throws {JumpstarterError} `not_found`, `permission_denied`, `failed_precondition` when somebody else has it open, by
 * name where that can be known, `invalid_argument` when it is no serial port.
 */
export async function openSerialPort(path: string, options: SerialPortOptions): Promise<SerialPort> {
  let descriptor: Descriptor | undefined;
  try {
    descriptor = openDescriptor(path, O_RDWR);
    checked("flock", libc().flock(descriptor.number, LOCK_EX | LOCK_NB));
    checked("TIOCEXCL", libc().ioctl_number(descriptor.number, TIOCEXCL, 0));
    const hangUpOnClose = options.keepLines ? false : undefined;
    const differences = setLine(descriptor.number, { baudRate: options.baudRate, hangUpOnClose });
    checked("TCFLSH", libc().ioctl_number(descriptor.number, TCFLSH, TCIFLUSH));
    return new Port(path, descriptor, differences);
  } catch (error) {
    descriptor?.close();
    throw await openFailure(path, error);
  }
}

class Port implements SerialPort {
  readonly bytes: ByteStream;
  readonly differences: readonly string[];
  readonly #path: string;
  readonly #descriptor: Descriptor;
  readonly #closing = new AbortController();
  #closed?: Promise<void>;

  constructor(path: string, descriptor: Descriptor, differences: readonly string[]) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.differences = differences;
    this.bytes = byteStreamOfPipe({
      read: (buffer) => this.#read(buffer),
      write: (bytes) => descriptor.write(bytes).catch((error) => Promise.reject(this.#failure(error))),
      closeWrite: () => descriptor.closeWrite(),
      close: () => void this[Symbol.asyncDispose](),
    });
  }

  async sendBreak(durationMs: number): Promise<void> {
    this.#control("TIOCSBRK", TIOCSBRK);
    try {
      await pause(durationMs, this.#closing.signal);
    } finally {
      if (!this.#closed) this.#control("TIOCCBRK", TIOCCBRK);
    }
  }

  setDtr(on: boolean): void {
    this.#setModemLine("DTR", on);
  }

  setRts(on: boolean): void {
    this.#setModemLine("RTS", on);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    const { number } = this.#descriptor;
    // Whether they work is of no interest any more: the device may be gone.
    libc().ioctl_number(number, TIOCCBRK, 0);
    libc().ioctl_number(number, TIOCNXCL, 0);
    this.#closing.abort(new JumpstarterError("canceled", `The port ${this.#path} was closed`));
    await this.#descriptor.closeSent();
  }

  async #read(buffer: Uint8Array): Promise<number> {
    const count = await this.#descriptor.read(buffer).catch((error) => Promise.reject(this.#failure(error)));
    // A terminal that hung up is at its end, which for a port means that the device was pulled.
    if (count === null) throw this.#gone();
    return count;
  }

  #setModemLine(name: "DTR" | "RTS", on: boolean): void {
    const { number } = this.#descriptor;
    try {
      const bits = new Uint8Array(new Int32Array([modemLines[name]]).buffer);
      checked(`set ${name} of ${this.#path}`, libc().ioctl(number, on ? TIOCMBIS : TIOCMBIC, bits));
    } catch (error) {
      if (!isSystemError(error, "ENOTTY", "EINVAL")) throw this.#failure(error);
      throw new JumpstarterError("unimplemented", `The port ${this.#path} has no line ${name}`, { cause: error });
    }
  }

  #control(name: string, operation: number): void {
    try {
      checked(`${name} of ${this.#path}`, libc().ioctl_number(this.#descriptor.number, operation, 0));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    return isSystemError(error, "EIO", "ENXIO", "ENODEV") ? this.#gone(error) : error;
  }

  #gone(cause?: unknown): JumpstarterError {
    return new JumpstarterError("unavailable", `The port ${this.#path} is gone`, { cause });
  }
}

/** Why a port could not be opened, as far as it can be told. */
async function openFailure(path: string, error: unknown): Promise<unknown> {
  if (isSystemError(error, "EBUSY", "EAGAIN")) {
    const holders = await holdersOf(path);
    return new JumpstarterError(
      "failed_precondition",
      `The port ${path} is in use by ${holders.join(" and ") || "another process"}`,
      { cause: error, hint: holders.length > 0 ? undefined : `sudo fuser -v ${path} tells who it is` },
    );
  }
  if (isSystemError(error, "ENOENT", "ENXIO", "ENODEV")) return noSuchPort(path, error);
  if (isSystemError(error, "EACCES", "EPERM")) return await permissionFailure(path, error);
  if (isSystemError(error, "ENOTTY", "EISDIR", "EINVAL")) {
    return new JumpstarterError("invalid_argument", `${path} is not a serial port`, { cause: error });
  }
  return new JumpstarterError("internal", `The port ${path} cannot be opened: ${messageOf(error)}`, { cause: error });
}

async function permissionFailure(path: string, cause: unknown): Promise<JumpstarterError> {
  const group = await groupOf(path);
  return new JumpstarterError("permission_denied", `This user may not open the port ${path}`, {
    cause,
    hint: group && `sudo usermod -aG ${group} "$USER", then log in anew`,
  });
}

/** The group that a device file is for, unless that is root's own. */
async function groupOf(path: string): Promise<string | undefined> {
  try {
    const { gid } = await Deno.stat(path);
    const groups = await Deno.readTextFile("/etc/group");
    return gid ? groups.split("\n").map((line) => line.split(":")).find(([, , id]) => id === `${gid}`)?.[0] : undefined;
  } catch {
    return undefined;
  }
}
