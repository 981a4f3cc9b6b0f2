/**
 * The Huffman code of HPACK (RFC 7541 appendix B). The code is canonical: shorter codes come first, equally long ones in
 * the order of their symbols, so the lengths are the whole table.
 *
 * @module
 */

/** Bits of each byte's code. */
// deno-fmt-ignore
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/** Bits of the longest code of a byte. All ones in as many bits are the end-of-string symbol, which must not occur. */
const longest = 30;

const codes = new Uint32Array(256);

/** All bytes in the order of their codes. */
const symbols = symbolsByLength();
/** By length: what a code of that length is ahead of its symbol's place in the order. */
const leads = new Int32Array(longest + 1);
/** By length: the first number that is no code of that length any more. */
const ends = new Int32Array(longest + 1);

/** Symbols with short codes first, those of one length in their order. */
function symbolsByLength(): number[] {
  const groups: number[][] = [];
  codeLengths.forEach((length, symbol) => (groups[length] ??= []).push(symbol));
  return groups.flat();
}

function assignCodes(): void {
  let code = 0;
  let length = 0;
  symbols.forEach((symbol, place) => {
    if (codeLengths[symbol] > length) {
      code <<= codeLengths[symbol] - length;
      length = codeLengths[symbol];
      leads[length] = code - place;
    }
    codes[symbol] = code++;
    ends[length] = code;
  });
}

assignCodes();

/** Bytes that `text`, whose characters are bytes, takes when it is encoded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeLengths[text.charCodeAt(i) & 0xff];
  return (bits + 7) >> 3;
}

/** Encodes `text`, whose characters are bytes, into `target` at `offset`, and returns the offset behind it. */
export function huffmanEncode(text: string, target: Uint8Array, offset: number): number {
  let byte = 0;
  let free = 8;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    const code = codes[symbol];
    let left = codeLengths[symbol];
    while (left > 0) {
      const take = Math.min(left, free);
      byte = byte << take | code >>> left - take & (1 << take) - 1;
      left -= take;
      free -= take;
      if (free === 0) {
        target[offset++] = byte;
        byte = 0;
        free = 8;
      }
    }
  }
  // The padding is the beginning of the end-of-string code, which is all ones.
  if (free < 8) target[offset++] = byte << free | (1 << free) - 1;
  return offset;
}

/** Decodes a string of byte characters, or returns `undefined` when it is not a valid code. */
export function huffmanDecode(source: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let code = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = source[at];
    for (let bit = 7; bit >= 0; bit--) {
      code = code << 1 | byte >> bit & 1;
      length++;
      if (code < ends[length]) {
        text += String.fromCharCode(symbols[code - leads[length]]);
        code = 0;
        length = 0;
      } else if (length === longest) {
        return undefined;
      }
    }
  }
  // RFC 7541 section 5.2: padding is shorter than a byte, and all ones.
  return length < 8 && code === (1 << length) - 1 ? text : undefined;
}
