/** Text for a device as people write it on a command line. @module */
import { usageError } from "../core/errors.ts";

const letters: Record<string, number> = { n: 10, r: 13, t: 9, "\\": 92 };

/**
 * The bytes of a text in which `\n`, `\r`, `\t`, `\\` and `\xNN` stand for single bytes.
 *
 * @throws {JumpstarterError} `invalid_argument` for any other backslash.
 */
export function unescaped(text: string): Uint8Array {
  const encoder = new TextEncoder();
  const parts = [...text.matchAll(/\\(?:x([0-9a-fA-F]{2})|(.?))|[^\\]+/gs)].map(([plain, hex, letter]) => {
    if (hex !== undefined) return Uint8Array.of(parseInt(hex, 16));
    if (letter === undefined) return encoder.encode(plain);
    if (letter in letters) return Uint8Array.of(letters[letter]);
    throw usageError(`Expected \\n, \\r, \\t, \\\\ or \\xNN in the text to send, got ${plain}`);
  });
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
