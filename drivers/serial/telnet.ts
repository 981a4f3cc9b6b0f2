/**
 * Telnet as far as a serial port needs it: bytes between commands, options, and their negotiation (RFC 854, 855, 1143).
 *
 * @module
 */
import { JumpstarterError } from "../../lib/core/errors.ts";

const IAC = 255;
const [DONT, DO, WONT, WILL] = [254, 253, 252, 251];
const SB = 250;
const SE = 240;

/** Options that are agreed to: bytes of eight bits, no "go ahead", and COM-PORT of RFC 2217. */
const BINARY = 0;
const SUPPRESS_GO_AHEAD = 3;
export const COM_PORT = 44;

/** Ours to do, and theirs. */
const ours = [BINARY, SUPPRESS_GO_AHEAD, COM_PORT];
const theirs = [BINARY, SUPPRESS_GO_AHEAD];

/** The longest subnegotiation that is believed, in bytes; those of RFC 2217 are short, but for a signature. */
const longestSub = 1024;

/** What a peer sends besides bytes. */
export interface TelnetEvents {
  /** Sends something back. */
  send(bytes: Uint8Array): void;
  /** The peer agreed to an option of ours, or did not. */
  onAgreed(option: number, yes: boolean): void;
  /** A subnegotiation: its option, and what it says. */
  onSub(option: number, content: Uint8Array): void;
}

/** One side of a connection. */
export class Telnet {
  readonly #events: TelnetEvents;
  /** What has been asked for or agreed to; an answer to it needs none in turn. */
  readonly #ours = new Set(ours);
  readonly #theirs = new Set(theirs);
  #state: "bytes" | "command" | "option" | "sub" | "sub-command" = "bytes";
  #command = 0;
  #sub: number[] = [];

  constructor(events: TelnetEvents) {
    this.#events = events;
  }

  /** Asks for the options. */
  begin(): void {
    const asked = [...ours.map((option) => [IAC, WILL, option]), ...theirs.map((option) => [IAC, DO, option])];
    this.#events.send(Uint8Array.from(asked.flat()));
  }

  /** The bytes in what has come; the rest of it is answered and told. */
  receive(chunk: Uint8Array): Uint8Array {
    if (this.#state === "bytes" && !chunk.includes(IAC)) return chunk;
    const bytes = new Uint8Array(chunk.length);
    let count = 0;
    for (const byte of chunk) {
      if (this.#isData(byte)) bytes[count++] = byte;
    }
    return bytes.subarray(0, count);
  }

  #isData(byte: number): boolean {
    switch (this.#state) {
      case "bytes":
        if (byte !== IAC) return true;
        this.#state = "command";
        return false;
      case "command":
        this.#state = "bytes";
        if (byte === IAC) return true;
        if (byte === SB) {
          this.#sub = [];
          this.#state = "sub";
        } else if (byte >= WILL) {
          this.#command = byte;
          this.#state = "option";
        }
        return false;
      case "option":
        this.#state = "bytes";
        this.#negotiate(byte);
        return false;
      case "sub":
        if (byte === IAC) this.#state = "sub-command";
        else this.#addToSub(byte);
        return false;
      case "sub-command":
        if (byte === IAC) {
          this.#state = "sub";
          this.#addToSub(byte);
        } else {
          this.#state = "bytes";
          const [option, ...content] = this.#sub;
          if (byte === SE && option !== undefined) this.#events.onSub(option, Uint8Array.from(content));
        }
        return false;
    }
  }

  #addToSub(byte: number): void {
    if (this.#sub.push(byte) > longestSub) {
      throw new JumpstarterError("internal", "The port's server does not speak telnet: a command has no end");
    }
  }

  #negotiate(option: number): void {
    switch (this.#command) {
      case DO:
        this.#answer(this.#ours, ours, option, WILL, WONT);
        if (ours.includes(option)) this.#events.onAgreed(option, true);
        break;
      case DONT:
        if (this.#ours.delete(option)) this.#send(WONT, option);
        if (ours.includes(option)) this.#events.onAgreed(option, false);
        break;
      case WILL:
        this.#answer(this.#theirs, theirs, option, DO, DONT);
        break;
      case WONT:
        if (this.#theirs.delete(option)) this.#send(DONT, option);
        break;
    }
  }

  #answer(active: Set<number>, allowed: readonly number[], option: number, yes: number, no: number): void {
    if (active.has(option)) return;
    if (!allowed.includes(option)) return this.#send(no, option);
    active.add(option);
    this.#send(yes, option);
  }

  #send(command: number, option: number): void {
    this.#events.send(Uint8Array.of(IAC, command, option));
  }
}

/** Bytes as they go over the line. */
export function escaped(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(IAC)) return bytes;
  const doubled: number[] = [];
  for (const byte of bytes) {
    doubled.push(byte);
    if (byte === IAC) doubled.push(IAC);
  }
  return Uint8Array.from(doubled);
}

/** A subnegotiation as it goes over the line. */
export function subnegotiation(option: number, content: readonly number[]): Uint8Array {
  return Uint8Array.of(IAC, SB, option, ...escaped(Uint8Array.from(content)), IAC, SE);
}
