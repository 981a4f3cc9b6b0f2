/** Keys of a terminal that are meant for the program and not for the device. @module */
import { usageError } from "../core/errors.ts";

const ctrlB = 0x02;

/** What somebody typed, up to a key that is meant for the program. */
export interface Keys {
  /** For the device. */
  readonly typed: Uint8Array;
  /** `menu`: the escape key was pressed; `leave`: three times Ctrl-B in a row, as upstream has it. */
  readonly asked?: "menu" | "leave";
  /** What was typed behind that. */
  readonly rest: Uint8Array;
}

/** Finds such keys. */
export class EscapeKeys {
  readonly #escape: number;
  #leaves = 0;

  /** `escape` is the byte of the escape key. */
  constructor(escape: number) {
    this.#escape = escape;
  }

  /** Looks at what was typed. The first two Ctrl-B go to the device, for they may be meant for it. */
  split(bytes: Uint8Array): Keys {
    for (const [at, byte] of bytes.entries()) {
      const found = (asked: Keys["asked"]) => ({ typed: bytes.subarray(0, at), asked, rest: bytes.subarray(at + 1) });
      if (byte === this.#escape) return found("menu");
      this.#leaves = byte === ctrlB ? this.#leaves + 1 : 0;
      if (this.#leaves === 3) return found("leave");
    }
    return { typed: bytes, rest: bytes.subarray(bytes.length) };
  }
}

/**
 * The byte of a key as people write it: `^]`, `Ctrl-]`, `ctrl-a`.
 *
 * @throws {JumpstarterError} `invalid_argument` for anything else, and for keys that end a line.
 */
export function controlKey(text: string): number {
  const letter = /^(?:\^|ctrl[-+])([@-_a-z])$/i.exec(text)?.[1].toUpperCase();
  if (letter === undefined || "JM".includes(letter)) {
    throw usageError(`Expected a key such as ^] or Ctrl-A, got ${text}`);
  }
  return letter.charCodeAt(0) & 0x1f;
}

/** `Ctrl-]` for its byte. */
export function nameOfControlKey(byte: number): string {
  return `Ctrl-${String.fromCharCode(byte | 0x40)}`;
}
