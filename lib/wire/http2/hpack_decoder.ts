import { ConnectionError, ErrorCode } from "./error_code.ts";
import { defaultTableBytes, fieldSize, type HeaderField, type HeaderList, staticTable } from "./hpack_table.ts";
import { huffmanDecode } from "./huffman.ts";

/**
 * The receiving half of HPACK (RFC 7541): one per connection, and every header block of the peer must go through it in
 * order, or the two tables fall apart.
 */
export class HpackDecoder {
  readonly #maxListBytes: number;
  /** The dynamic table, oldest entry first. */
  #table: HeaderField[] = [];
  #tableBytes = 0;
  #maxTableBytes = defaultTableBytes;
  #block: Uint8Array = new Uint8Array();
  #at = 0;

  /** `maxListBytes` bounds what {@linkcode decode} returns, counted as RFC 7541 section 4.1 does. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /**
   * Decodes one whole block. Returns `undefined` for a list that is longer than allowed; the table is in step all the
   * same.
   *
   * @throws {ConnectionError} COMPRESSION_ERROR when the block is not valid.
   */
  decode(block: Uint8Array): HeaderList | undefined {
    this.#block = block;
    this.#at = 0;
    const fields: HeaderField[] = [];
    let bytes = 0;
    while (this.#at < block.length) {
      const first = block[this.#at];
      if ((first & 0xe0) === 0x20) {
        this.#resize(fields.length > 0 || bytes > 0);
        continue;
      }
      const field = first & 0x80 ? this.#entry(this.#integer(7)) : this.#literal(first);
      bytes += fieldSize(field[0], field[1]);
      if (bytes <= this.#maxListBytes) fields.push(field);
    }
    this.#block = new Uint8Array();
    return bytes <= this.#maxListBytes ? fields : undefined;
  }

  #literal(first: number): HeaderField {
    const indexed = (first & 0x40) !== 0;
    const nameIndex = this.#integer(indexed ? 6 : 4);
    const name = nameIndex === 0 ? this.#text() : this.#entry(nameIndex)[0];
    const field: HeaderField = [name, this.#text()];
    if (indexed) this.#insert(field);
    return field;
  }

  #entry(index: number): HeaderField {
    const field = index <= staticTable.length
      ? staticTable[index - 1]
      : this.#table[this.#table.length - (index - staticTable.length)];
    if (field === undefined) throw invalid(`There is no header table entry ${index}`);
    return field;
  }

  #insert(field: HeaderField): void {
    this.#table.push(field);
    this.#tableBytes += fieldSize(field[0], field[1]);
    this.#evict();
  }

  #resize(late: boolean): void {
    const size = this.#integer(5);
    // RFC 7541 section 4.2: only at the beginning of a block, and never above what was announced.
    if (late || size > defaultTableBytes) throw invalid(`Unexpected header table size ${size}`);
    this.#maxTableBytes = size;
    this.#evict();
  }

  #evict(): void {
    while (this.#tableBytes > this.#maxTableBytes) {
      const [name, value] = this.#table.shift()!;
      this.#tableBytes -= fieldSize(name, value);
    }
  }

  /** An integer whose first byte has `bits` bits of it (RFC 7541 section 5.1). */
  #integer(bits: number): number {
    const mask = (1 << bits) - 1;
    const first = this.#byte() & mask;
    if (first < mask) return first;
    let value = mask;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw invalid("A header's integer is too large");
  }

  #text(): string {
    if (this.#at >= this.#block.length) throw invalid("A header block ends within a field");
    const huffman = (this.#block[this.#at] & 0x80) !== 0;
    const start = this.#at;
    const length = this.#integer(7);
    const from = this.#at;
    const to = from + length;
    if (to > this.#block.length) throw invalid(`A header string of ${length} bytes at ${start} does not fit its block`);
    this.#at = to;
    if (huffman) {
      const text = huffmanDecode(this.#block, from, to);
      if (text === undefined) throw invalid("A header string is not valid Huffman code");
      return text;
    }
    let text = "";
    for (let at = from; at < to; at++) text += String.fromCharCode(this.#block[at]);
    return text;
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw invalid("A header block ends within a field");
    return this.#block[this.#at++];
  }
}

function invalid(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, message);
}
