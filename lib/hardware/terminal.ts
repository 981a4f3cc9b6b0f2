/**
 * Settings of a terminal line as the kernel has them: eight data bits, raw, and a bit rate.
 *
 * Not through the C library's functions, whose structure and constants changed in glibc 2.42: the kernel's stay.
 *
 * @module
 */
import { checked, libc } from "./libc.ts";

// include/uapi/asm-generic/ioctls.h, alike for x86-64 and aarch64
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TCGETS2 = 0x802c542a;
const TCSETS2 = 0x402c542b;

// struct termios2 of include/uapi/asm-generic/termbits.h; struct termios is its beginning.
const at = { iflag: 0, oflag: 4, cflag: 8, lflag: 12, cc: 17, ispeed: 36, ospeed: 40 } as const;
const bytesOfTermios2 = 44;
const VTIME = 5;
const VMIN = 6;

const OPOST = 0o1;
const CBAUD = 0o10017;
const BOTHER = 0o10000;
const CIBAUD = 0o2003600000;
const CSIZE = 0o60;
const CS8 = 0o60;
const CSTOPB = 0o100;
const CREAD = 0o200;
const PARENB = 0o400;
const PARODD = 0o1000;
const HUPCL = 0o2000;
const CLOCAL = 0o4000;
const CMSPAR = 0o10000000000;
const CRTSCTS = 0o20000000000;

/** Bit rates that have a code of their own, in the order of the codes. */
const slowRates = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400];
// deno-fmt-ignore
const fastRates = [57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000,
  3000000, 3500000, 4000000];

/** How far a rate may be off: what the kernel itself calls the same, and what receivers take. */
const tolerance = 0.02;

/** What a line is set to. */
export interface LineSettings {
  /** Bits per second. Left out, it stays as it is. */
  baudRate?: number;
  /** Whether closing drops DTR and RTS. Left out, it stays as it is. */
  hangUpOnClose?: boolean;
}

/**
 * Makes a line raw: 8 data bits, no parity, 1 stop bit, no flow control, no modem lines that are waited for, and not a
 * byte changed.
 *
 * @returns what the device did not accept, for people; nothing when all is as it was asked for.
 * @throws {SystemError} when the descriptor is no terminal's.
 */
export function setLine(descriptor: number, settings: LineSettings = {}): string[] {
  const wanted = new Termios(descriptor);
  wanted.makeRaw();
  const { baudRate, hangUpOnClose } = settings;
  if (hangUpOnClose !== undefined) wanted.change(at.cflag, HUPCL, hangUpOnClose ? HUPCL : 0);
  if (baudRate !== undefined) wanted.baudRate = baudRate;
  wanted.apply();
  return new Termios(descriptor).differencesFrom(wanted);
}

/**
 * Remembers a line's settings. What it returns puts them back at once, whether or not the line still has output to send.
 *
 * @throws {SystemError} when the descriptor is no terminal's.
 */
export function rememberLine(descriptor: number): () => void {
  const now = new Termios(descriptor);
  return () => now.apply();
}

/**
 * Lets a terminal show what it is sent as it is: else a line feed begins a line at its left edge.
 *
 * @throws {SystemError} when the descriptor is no terminal's.
 */
export function showVerbatim(descriptor: number): void {
  const now = new Termios(descriptor);
  now.change(at.oflag, OPOST, 0);
  now.apply();
}

/** A line's settings as they are read. */
class Termios {
  readonly #descriptor: number;
  readonly #bytes = new Uint8Array(bytesOfTermios2);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    const { ioctl } = libc();
    // Emulators of other architectures do not know the newer call.
    if (ioctl(descriptor, TCGETS2, this.#bytes) < 0) checked("TCGETS", ioctl(descriptor, TCGETS, this.#bytes));
  }

  makeRaw(): void {
    for (const flags of [at.iflag, at.oflag, at.lflag]) this.#set(flags, 0);
    this.change(at.cflag, CSIZE | CSTOPB | PARENB | PARODD | CMSPAR | CRTSCTS, CS8);
    this.change(at.cflag, CREAD | CLOCAL, CREAD | CLOCAL);
    // A read gives what is there; with 0 it could not tell nothing from the end.
    this.#bytes[at.cc + VMIN] = 1;
    this.#bytes[at.cc + VTIME] = 0;
  }

  /** Bits per second; 0 where a rate without a code cannot be read. */
  get baudRate(): number {
    const code = this.#get(at.cflag) & CBAUD;
    if (code === BOTHER) return this.#get(at.ospeed);
    return code < BOTHER ? slowRates[code] : fastRates[(code & 0o17) - 1];
  }

  set baudRate(rate: number) {
    const [slow, fast] = [slowRates.indexOf(rate), fastRates.indexOf(rate)];
    const code = slow > 0 ? slow : fast >= 0 ? BOTHER + 1 + fast : BOTHER;
    this.change(at.cflag, CBAUD | CIBAUD, code);
    this.#set(at.ispeed, rate);
    this.#set(at.ospeed, rate);
  }

  /** Changes the bits of `mask`. */
  change(flags: number, mask: number, bits: number): void {
    this.#set(flags, this.#get(flags) & ~mask | bits);
  }

  apply(): void {
    const isOdd = (this.#get(at.cflag) & CBAUD) === BOTHER;
    const [name, operation] = isOdd ? ["TCSETS2", TCSETS2] as const : ["TCSETS", TCSETS] as const;
    checked(name, libc().ioctl(this.#descriptor, operation, this.#bytes));
  }

  differencesFrom(wanted: Termios): string[] {
    const found: string[] = [];
    const { baudRate } = wanted;
    if (Math.abs(this.baudRate - baudRate) > baudRate * tolerance) {
      found.push(`${this.baudRate} bits per second, not ${baudRate}`);
    }
    for (const [name, flags] of [["input", at.iflag], ["output", at.oflag], ["local", at.lflag]] as const) {
      const kept = this.#get(flags);
      if (kept) found.push(`${name} processing 0x${kept.toString(16)}, not raw`);
    }
    const differs = (mask: number) => ((this.#get(at.cflag) ^ wanted.#get(at.cflag)) & mask) !== 0;
    if (differs(CSIZE)) found.push(`${5 + ((this.#get(at.cflag) & CSIZE) >> 4)} data bits, not 8`);
    if (differs(PARENB | PARODD | CMSPAR)) found.push("a parity bit, not none");
    if (differs(CSTOPB)) found.push("2 stop bits, not 1");
    if (differs(CRTSCTS)) found.push("RTS/CTS flow control, not none");
    if (differs(HUPCL)) found.push(`closing ${wanted.#get(at.cflag) & HUPCL ? "keeps" : "drops"} DTR and RTS`);
    return found;
  }

  #get(flags: number): number {
    return this.#view.getUint32(flags, true);
  }

  #set(flags: number, value: number): void {
    this.#view.setUint32(flags, value, true);
  }
}
