import { defaultTableBytes, fieldSize, type HeaderList, staticTable } from "./hpack_table.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";

/** Names whose values hardly ever repeat: they would only fill the table. */
const volatileNames = new Set(["grpc-timeout", "grpc-message", "grpc-status-details-bin", "content-length", "date"]);

/** Index of each field in the static table by name, then by value; the first entry of a name stands under "". */
const staticIndexes = new Map<string, Map<string, number>>();
staticTable.forEach(([name, value], index) => {
  const values = staticIndexes.get(name) ?? new Map([["", index + 1]]);
  values.set(value, index + 1);
  staticIndexes.set(name, values);
});

/**
 * The sending half of HPACK (RFC 7541): one per connection. Its table takes fields until it is full and then keeps them:
 * a connection repeats the same few headers, and an entry that never moves out is found without any bookkeeping.
 */
export class HpackEncoder {
  /** Place of each inserted field in the order of insertion, by name and value. */
  #inserted = new Map<string, Map<string, number>>();
  #insertions = 0;
  #tableBytes = 0;
  #maxTableBytes = defaultTableBytes;
  #announceSize = false;
  #target = new Uint8Array(1024);
  #at = 0;

  /** Takes over the peer's SETTINGS_HEADER_TABLE_SIZE. We never use more than the protocol's default. */
  setMaxTableBytes(bytes: number): void {
    const size = Math.min(bytes, defaultTableBytes);
    if (size === this.#maxTableBytes) return;
    this.#maxTableBytes = size;
    this.#announceSize = true;
    this.#inserted.clear();
    this.#insertions = 0;
    this.#tableBytes = 0;
  }

  /** Encodes the lists as one block. The result is a view that the next call overwrites. */
  encode(...lists: HeaderList[]): Uint8Array {
    this.#at = 0;
    if (this.#announceSize) this.#encodeSize();
    for (const fields of lists) {
      for (const [name, value] of fields) this.#field(name, value);
    }
    return this.#target.subarray(0, this.#at);
  }

  #encodeSize(): void {
    this.#announceSize = false;
    this.#reserve(16);
    // The peer's table is emptied first (size 0): what it holds is forgotten on this side.
    this.#integer(0x20, 5, 0);
    this.#integer(0x20, 5, this.#maxTableBytes);
  }

  #field(name: string, value: string): void {
    this.#reserve(fieldSize(name, value));
    const known = this.#inserted.get(name)?.get(value);
    if (known !== undefined) return this.#integer(0x80, 7, staticTable.length + this.#insertions - known);
    const statics = staticIndexes.get(name);
    const exact = value === "" ? undefined : statics?.get(value);
    if (exact !== undefined) return this.#integer(0x80, 7, exact);

    const insert = !volatileNames.has(name) && this.#tableBytes + fieldSize(name, value) <= this.#maxTableBytes;
    this.#integer(insert ? 0x40 : 0x00, insert ? 6 : 4, statics?.get("") ?? 0);
    if (statics === undefined) this.#text(name);
    this.#text(value);
    if (insert) this.#insert(name, value);
  }

  #insert(name: string, value: string): void {
    const values = this.#inserted.get(name) ?? new Map<string, number>();
    values.set(value, this.#insertions++);
    this.#inserted.set(name, values);
    this.#tableBytes += fieldSize(name, value);
  }

  #text(text: string): void {
    const compressed = huffmanLength(text);
    if (compressed < text.length) {
      this.#integer(0x80, 7, compressed);
      this.#at = huffmanEncode(text, this.#target, this.#at);
    } else {
      this.#integer(0x00, 7, text.length);
      for (let i = 0; i < text.length; i++) this.#target[this.#at++] = text.charCodeAt(i);
    }
  }

  #integer(pattern: number, bits: number, value: number): void {
    const mask = (1 << bits) - 1;
    if (value < mask) {
      this.#target[this.#at++] = pattern | value;
      return;
    }
    this.#target[this.#at++] = pattern | mask;
    for (value -= mask; value >= 0x80; value >>>= 7) this.#target[this.#at++] = value & 0x7f | 0x80;
    this.#target[this.#at++] = value;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#target.length) return;
    const larger = new Uint8Array(2 * (this.#at + bytes));
    larger.set(this.#target.subarray(0, this.#at));
    this.#target = larger;
  }
}
