/**
 * Protobuf's binary format, as little of it as the messages between client and exporter need: protobuf-es takes three
 * times as long for a driver call, six times for a frame of 64 KiB, and 25 ms to load.
 *
 * Source: protobuf.dev/programming-guides/encoding.
 *
 * @module
 */
import { JumpstarterError } from "../core/errors.ts";

/** How a field's value is laid out. */
export const WireType = { varint: 0, fixed64: 1, delimited: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/**
 * How many messages may lie inside the outermost one. It is the limit of Python's and C++'s decoders, which count map
 * entries as well.
 */
export const maxNesting = 100;

/** What stands before a field's value: its number and its wire type. */
export function fieldKey(field: number, wireType: number): number {
  return field << 3 | wireType;
}

/** Text up to this many bytes is converted by hand: below it a call of TextEncoder costs more than the loop. */
const shortText = 48;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Eight bytes seen as a double; used within one synchronous step only. */
const doubleView = new DataView(new ArrayBuffer(8));
const doubleBytes = new Uint8Array(doubleView.buffer);

/** Writes one message, field by field. */
export class ProtobufWriter {
  #bytes = new Uint8Array(256);
  #at = 0;
  #nesting = 0;

  /** How many messages lie around what is written next. */
  get nesting(): number {
    return this.#nesting;
  }

  /** A field of type `string`. Lone surrogates become U+FFFD. */
  string(field: number, text: string): void {
    this.#varint(fieldKey(field, WireType.delimited));
    if (text.length > shortText || !this.#shortAscii(text)) this.#delimited(encoder.encode(text));
  }

  /** A field of type `bytes`. */
  bytes(field: number, bytes: Uint8Array): void {
    this.#varint(fieldKey(field, WireType.delimited));
    this.#delimited(bytes);
  }

  /** A field of type `bool`, an enum, or an integer of at least 0 and below 2^32. */
  varint(field: number, value: number): void {
    this.#varint(fieldKey(field, WireType.varint));
    this.#varint(value);
  }

  /** A field of type `double`. */
  double(field: number, value: number): void {
    this.#varint(fieldKey(field, WireType.fixed64));
    this.#reserve(8);
    doubleView.setFloat64(0, value, true);
    this.#bytes.set(doubleBytes, this.#at);
    this.#at += 8;
  }

  /** Begins a field that is a message; what is written until {@linkcode close} with the mark returned is inside it. */
  open(field: number): number {
    this.#varint(fieldKey(field, WireType.delimited));
    this.#reserve(1);
    this.#nesting++;
    return ++this.#at; // One byte is left for the length: most messages need no more.
  }

  /** Ends the message that {@linkcode open} began. */
  close(mark: number): void {
    const length = this.#at - mark;
    const more = varintSize(length) - 1;
    if (more > 0) {
      this.#reserve(more);
      this.#bytes.copyWithin(mark + more, mark, this.#at);
    }
    this.#at = mark - 1;
    this.#varint(length);
    this.#at += length;
    this.#nesting--;
  }

  /** What was written. The writer is not used any further. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Whether the text was written: it is not when a character of it needs more than a byte. */
  #shortAscii(text: string): boolean {
    this.#reserve(1 + shortText);
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    bytes[this.#at] = text.length;
    this.#at = start + text.length;
    return true;
  }

  #delimited(bytes: Uint8Array): void {
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #varint(value: number): void {
    this.#reserve(5);
    while (value > 0x7f) {
      this.#bytes[this.#at++] = value & 0x7f | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.#at++] = value;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

/** How many bytes a length takes. */
export function varintSize(value: number): number {
  let size = 1;
  while (value > 0x7f) {
    value >>>= 7;
    size++;
  }
  return size;
}

/**
 * Reads one message, field by field: {@linkcode key} until {@linkcode done}, each followed by the method that fits the
 * field, or {@linkcode skip}. It never reads outside of its bytes.
 *
 * Every method throws a JumpstarterError `internal` where the bytes are no message: that is the code that gRPC gives to
 * a message which cannot be parsed.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #name: string;
  #at = 0;
  #end: number;
  #nesting = 0;

  /** `name` is the message's, for errors. */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#name = name;
    this.#end = bytes.length;
  }

  /** Whether the message is at its end. */
  get done(): boolean {
    return this.#at === this.#end;
  }

  /** The next field's {@linkcode fieldKey}. */
  key(): number {
    const key = this.#varint();
    if (key < 8 || key > 0xffff_ffff) throw this.#malformed("a field has an impossible number");
    return key;
  }

  /** The value of a `bytes` field, sharing the message's memory. */
  bytes(): Uint8Array {
    const length = this.#varint();
    if (length > this.#end - this.#at) throw this.#malformed("it is cut short");
    return this.#bytes.subarray(this.#at, this.#at += length);
  }

  /** The value of a `string` field. */
  string(): string {
    const bytes = this.bytes();
    if (bytes.length <= shortText) {
      const text = shortAscii(bytes);
      if (text !== undefined) return text;
    }
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.#malformed("a text is not UTF-8");
    }
  }

  /** The value of a `bool` field. */
  bool(): boolean {
    return this.#varint() !== 0;
  }

  /** The value of an unsigned integer; one beyond 2^53 loses precision. */
  uint(): number {
    return this.#varint();
  }

  /** The value of an enum. */
  int32(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw this.#malformed("a number is too long");
  }

  /** The value of a `double` field. */
  double(): number {
    if (this.#end - this.#at < 8) throw this.#malformed("it is cut short");
    for (let i = 0; i < 8; i++) doubleBytes[i] = this.#bytes[this.#at + i];
    this.#at += 8;
    return doubleView.getFloat64(0, true);
  }

  /** Enters a field that is a message: {@linkcode done} then speaks of that one, until {@linkcode leave}. */
  enter(): number {
    const length = this.#varint();
    if (length > this.#end - this.#at) throw this.#malformed("it is cut short");
    this.#deeper();
    const outerEnd = this.#end;
    this.#end = this.#at + length;
    return outerEnd;
  }

  /** Goes back to the message around, with what {@linkcode enter} returned. The inner one must be done. */
  leave(outerEnd: number): void {
    this.#end = outerEnd;
    this.#nesting--;
  }

  /** Passes over the value of a field that is not known, or known with another type. */
  skip(key: number): void {
    switch (key & 7) {
      case WireType.varint:
        this.#varint();
        break;
      case WireType.fixed64:
        this.#pass(8);
        break;
      case WireType.delimited:
        this.bytes();
        break;
      case WireType.startGroup:
        this.#skipGroup(key >>> 3);
        break;
      case WireType.fixed32:
        this.#pass(4);
        break;
      default:
        throw this.#malformed("a field has an impossible type");
    }
  }

  #skipGroup(field: number): void {
    this.#deeper();
    for (;;) {
      const key = this.key();
      if ((key & 7) !== WireType.endGroup) {
        this.skip(key);
      } else if (key >>> 3 === field) {
        this.#nesting--;
        return;
      } else {
        throw this.#malformed("a group ends that was not begun");
      }
    }
  }

  #deeper(): void {
    if (++this.#nesting > maxNesting) throw this.#malformed(`it nests deeper than ${maxNesting} messages`);
  }

  #pass(count: number): void {
    if (this.#end - this.#at < count) throw this.#malformed("it is cut short");
    this.#at += count;
  }

  /** Exact up to 2^53, which is all that keys, lengths and truth need. */
  #varint(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < 10; i++, scale *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw this.#malformed("a number is too long");
  }

  #byte(): number {
    if (this.#at >= this.#end) throw this.#malformed("it is cut short");
    return this.#bytes[this.#at++];
  }

  #malformed(why: string): JumpstarterError {
    return new JumpstarterError("internal", `Malformed ${this.#name}: ${why}`);
  }
}

/** Sets a key of a map; a mere assignment to `__proto__` would set the object's prototype. */
export function setEntry<T>(map: Record<string, T>, key: string, value: T): void {
  if (key !== "__proto__") map[key] = value;
  else Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
}

function shortAscii(bytes: Uint8Array): string | undefined {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] > 0x7f) return undefined;
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}
