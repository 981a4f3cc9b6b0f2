/**
 * `google.protobuf.Value`, in which arguments and results travel: any value that JSON can express.
 *
 * Every number is a double, so an integer reaches a Python peer as a float. Bytes have no place in it.
 *
 * @module
 */
import { JumpstarterError } from "../core/errors.ts";
import { renderPath } from "../core/issues.ts";
import { fieldKey, maxNesting, type ProtobufReader, type ProtobufWriter, setEntry, WireType } from "./protobuf.ts";

/** What a Value holds. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Writes a field of type Value, for a value made of null, booleans, finite numbers, strings, arrays and plain objects.
 * Further, a `Date` becomes its ISO 8601 text, a `bigint` its number, `undefined` is left out of an object and null
 * elsewhere.
 *
 * @param place What the value is, for errors: `"result"`, or `"args", 1`.
 * @throws {JumpstarterError} `invalid_argument` with the place, for anything else: NaN, infinities, integers beyond
 * 2^53 given as `bigint`, bytes, text with half a surrogate pair, other objects, and nesting that a peer's protobuf
 * would refuse (about 49 arrays or 33 objects inside each other; a value that contains itself ends up here).
 */
export function writeValue(writer: ProtobufWriter, field: number, value: unknown, ...place: PropertyKey[]): void {
  new ValueWriter(writer, place).field(field, value);
}

/**
 * Reads a field of type Value. One without content is null, and keys such as `__proto__` are keys like any other.
 *
 * `before` is what the field held already: a message field that occurs twice is merged.
 *
 * @throws {JumpstarterError} `internal` for malformed bytes.
 */
export function readValue(reader: ProtobufReader, before: Json = null): Json {
  const outer = reader.enter();
  const value = readContent(reader, before);
  reader.leave(outer);
  return value;
}

/** Field numbers of google/protobuf/struct.proto. */
const ValueField = { null: 1, number: 2, string: 3, bool: 4, struct: 5, list: 6 } as const;
const structEntries = 1;
const EntryField = { key: 1, value: 2 } as const;
const listValues = 1;

class ValueWriter {
  readonly #writer: ProtobufWriter;
  readonly #path: PropertyKey[];

  /** `path` leads to the value; it is changed on the way and is as before afterwards. */
  constructor(writer: ProtobufWriter, path: PropertyKey[]) {
    this.#writer = writer;
    this.#path = path;
  }

  field(field: number, value: unknown): void {
    const mark = this.#open(field);
    this.#content(value);
    this.#writer.close(mark);
  }

  #content(value: unknown): void {
    switch (typeof value) {
      case "string":
        if (!value.isWellFormed()) throw this.#refusal("well-formed text", "half a surrogate pair");
        return this.#writer.string(ValueField.string, value);
      case "number":
        if (!Number.isFinite(value)) throw this.#refusal("a finite number", String(value));
        return this.#writer.double(ValueField.number, value);
      case "boolean":
        return this.#writer.varint(ValueField.bool, value ? 1 : 0);
      case "bigint":
        if (!Number.isSafeInteger(Number(value))) throw this.#refusal("an integer within 2^53", String(value));
        return this.#writer.double(ValueField.number, Number(value));
      case "undefined":
        return this.#writer.varint(ValueField.null, 0);
      case "object":
        if (value === null) return this.#writer.varint(ValueField.null, 0);
        if (Array.isArray(value)) return this.#list(value);
        if (isPlain(value)) return this.#struct(value);
        if (value instanceof Date) return this.#date(value);
        if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) throw this.#refusal(textForBytes, "bytes");
        throw this.#refusal("a plain value", `a ${value.constructor?.name || "object of a class"}`);
      default:
        throw this.#refusal("a plain value", `a ${typeof value}`);
    }
  }

  #date(date: Date): void {
    if (Number.isNaN(date.getTime())) throw this.#refusal("a valid date", "an invalid one");
    this.#writer.string(ValueField.string, date.toISOString());
  }

  #list(values: readonly unknown[]): void {
    const list = this.#open(ValueField.list);
    for (let i = 0; i < values.length; i++) {
      this.#path.push(i);
      this.field(listValues, values[i]);
      this.#path.pop();
    }
    this.#writer.close(list);
  }

  #struct(object: Record<string, unknown>): void {
    const struct = this.#open(ValueField.struct);
    for (const key of Object.keys(object)) {
      const value = object[key];
      if (value === undefined) continue;
      this.#path.push(key);
      if (!key.isWellFormed()) throw this.#refusal("a key of well-formed text", "half a surrogate pair");
      const entry = this.#open(structEntries);
      this.#writer.string(EntryField.key, key);
      this.field(EntryField.value, value);
      this.#writer.close(entry);
      this.#path.pop();
    }
    this.#writer.close(struct);
  }

  #open(field: number): number {
    if (this.#writer.nesting === maxNesting) throw this.#refusal("less nesting", `more than ${maxNesting} messages`);
    return this.#writer.open(field);
  }

  #refusal(expected: string, got: string): JumpstarterError {
    return new JumpstarterError("invalid_argument", `${renderPath(this.#path)}: Expected ${expected}, got ${got}`);
  }
}

const textForBytes = "text (bytes travel as a stream, or as base64)";

/** Whether an object is one by `{}` or `Object.create(null)`, of this realm or another. */
function isPlain(object: object): object is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(object);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

const nullKey = fieldKey(ValueField.null, WireType.varint);
const numberKey = fieldKey(ValueField.number, WireType.fixed64);
const stringKey = fieldKey(ValueField.string, WireType.delimited);
const boolKey = fieldKey(ValueField.bool, WireType.varint);
const structKey = fieldKey(ValueField.struct, WireType.delimited);
const listKey = fieldKey(ValueField.list, WireType.delimited);

/** The fields are alternatives: the last one counts. */
function readContent(reader: ProtobufReader, value: Json): Json {
  while (!reader.done) {
    const key = reader.key();
    switch (key) {
      case nullKey:
        reader.skip(key);
        value = null;
        break;
      case numberKey:
        value = reader.double();
        break;
      case stringKey:
        value = reader.string();
        break;
      case boolKey:
        value = reader.bool();
        break;
      case structKey:
        value = readStruct(reader, isObject(value) ? value : {});
        break;
      case listKey:
        value = readList(reader, Array.isArray(value) ? value : []);
        break;
      default:
        reader.skip(key);
    }
  }
  return value;
}

const listValuesKey = fieldKey(listValues, WireType.delimited);

function readList(reader: ProtobufReader, list: Json[]): Json[] {
  const outer = reader.enter();
  while (!reader.done) {
    const key = reader.key();
    if (key === listValuesKey) list.push(readValue(reader));
    else reader.skip(key);
  }
  reader.leave(outer);
  return list;
}

const structEntriesKey = fieldKey(structEntries, WireType.delimited);

function readStruct(reader: ProtobufReader, struct: Record<string, Json>): Record<string, Json> {
  const outer = reader.enter();
  while (!reader.done) {
    const key = reader.key();
    if (key === structEntriesKey) readEntry(reader, struct);
    else reader.skip(key);
  }
  reader.leave(outer);
  return struct;
}

const entryKeyKey = fieldKey(EntryField.key, WireType.delimited);
const entryValueKey = fieldKey(EntryField.value, WireType.delimited);

function readEntry(reader: ProtobufReader, struct: Record<string, Json>): void {
  const outer = reader.enter();
  let name = "";
  let value: Json = null;
  while (!reader.done) {
    const key = reader.key();
    if (key === entryKeyKey) name = reader.string();
    else if (key === entryValueKey) value = readValue(reader, value);
    else reader.skip(key);
  }
  reader.leave(outer);
  setEntry(struct, name, value);
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
