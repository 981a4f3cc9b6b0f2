/**
 * Messages as plain objects, described by a table of their fields: the few that a client needs with every command, to
 * which protobuf-es would add 25 ms of loading.
 *
 *     const user = new MessageCodec("User", { name: string(1), nick: optional(string(2)), dogs: repeated(3, dog) });
 *     user.decode(user.encode({ name: "Ada" }));
 *
 * @module
 */
import { fieldKey, ProtobufReader, ProtobufWriter, setEntry, WireType } from "./protobuf.ts";

/** One field of a message, whose value is a `T`. */
export interface Field<T> {
  readonly number: number;
  readonly wireType: number;
  /** The value of a field that is not there. */
  absent(): T;
  /** Whether a value is left out. */
  isAbsent(value: T): boolean;
  write(writer: ProtobufWriter, value: T): void;
  /** `before` is what the field held already. */
  read(reader: ProtobufReader, before: T): T;
}

/** A message's fields by their names. */
// deno-lint-ignore no-explicit-any -- fields of any type; a field both takes and gives its value
type Fields = Record<string, Field<any>>;

/** The object that stands for a message with these fields. */
type ValuesOf<F extends Fields> = { [Name in keyof F]: F[Name] extends Field<infer T> ? T : never };

/** The object that a codec encodes and decodes. */
export type MessageOf<Codec> = Codec extends MessageCodec<infer F> ? ValuesOf<F> : never;

/** The codec of one message. */
export class MessageCodec<F extends Fields> {
  readonly #name: string;
  readonly #fields: [name: string, field: F[string]][];
  readonly #byKey: Map<number, [name: string, field: F[string]]>;

  /** `name` is the message's, for errors; `fields` are in the order of their numbers. */
  constructor(name: string, fields: F) {
    this.#name = name;
    this.#fields = Object.entries(fields) as [string, F[string]][];
    this.#byKey = new Map(this.#fields.map((entry) => [fieldKey(entry[1].number, entry[1].wireType), entry]));
  }

  /** Bytes of a message. What is not given is absent. */
  encode(message: Partial<ValuesOf<F>>): Uint8Array<ArrayBuffer> {
    const writer = new ProtobufWriter();
    this.write(writer, message);
    return writer.finish();
  }

  /** @throws {JumpstarterError} `internal` for malformed bytes. */
  decode(bytes: Uint8Array): ValuesOf<F> {
    return this.read(new ProtobufReader(bytes, this.#name));
  }

  /** Writes the message's fields. */
  write(writer: ProtobufWriter, message: Partial<ValuesOf<F>>): void {
    for (const [name, field] of this.#fields) {
      const value = message[name];
      if (value !== undefined && !field.isAbsent(value)) field.write(writer, value);
    }
  }

  /** Reads fields up to the end of the message; those that are not known are passed over. */
  read(reader: ProtobufReader): ValuesOf<F> {
    const message: Record<string, unknown> = {};
    for (const [name, field] of this.#fields) message[name] = field.absent();
    while (!reader.done) {
      const key = reader.key();
      const entry = this.#byKey.get(key);
      if (entry) message[entry[0]] = entry[1].read(reader, message[entry[0]]);
      else reader.skip(key);
    }
    return message as ValuesOf<F>;
  }
}

/** A text; absent means empty. */
export function string(number: number): Field<string> {
  return {
    number,
    wireType: WireType.delimited,
    absent: () => "",
    isAbsent: (value) => value === "",
    write: (writer, value) => writer.string(number, value),
    read: (reader) => reader.string(),
  };
}

/** A truth; absent means false. */
export function bool(number: number): Field<boolean> {
  return {
    number,
    wireType: WireType.varint,
    absent: () => false,
    isAbsent: (value) => !value,
    write: (writer, value) => writer.varint(number, value ? 1 : 0),
    read: (reader) => reader.bool(),
  };
}

/** An integer of at least 0; absent means 0. Below 2^32 when written, exact up to 2^53 when read. */
export function uint(number: number): Field<number> {
  return {
    number,
    wireType: WireType.varint,
    absent: () => 0,
    isAbsent: (value) => value === 0,
    write: (writer, value) => writer.varint(number, value),
    read: (reader) => reader.uint(),
  };
}

/** A value of an enum; absent means its 0. Numbers without a name are kept. */
export function enumeration<E extends number>(number: number): Field<E> {
  return {
    number,
    wireType: WireType.varint,
    absent: () => 0 as E,
    isAbsent: (value) => value === 0,
    write: (writer, value) => writer.varint(number, value),
    read: (reader) => reader.int32() as E,
  };
}

/** A field of which absent and empty differ. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    ...field,
    absent: () => undefined,
    isAbsent: () => false, // What is undefined is not asked about.
    write: (writer, value) => field.write(writer, value!),
    read: (reader, before) => field.read(reader, before ?? field.absent()),
  };
}

/** Texts by name. */
export function stringMap(number: number): Field<Record<string, string>> {
  const entry = new MessageCodec("map entry", { key: string(1), value: string(2) });
  return {
    number,
    wireType: WireType.delimited,
    absent: () => ({}),
    isAbsent: () => false, // No entries, no bytes.
    write: (writer, map) => {
      for (const [key, value] of Object.entries(map)) {
        const mark = writer.open(number);
        writer.string(1, key); // Both are written even when they are empty, as everybody does.
        writer.string(2, value);
        writer.close(mark);
      }
    },
    read: (reader, map) => {
      const outer = reader.enter();
      const { key, value } = entry.read(reader);
      reader.leave(outer);
      setEntry(map, key, value);
      return map;
    },
  };
}

/** Any number of messages. */
export function repeated<F extends Fields>(number: number, codec: MessageCodec<F>): Field<ValuesOf<F>[]> {
  return {
    number,
    wireType: WireType.delimited,
    absent: () => [],
    isAbsent: () => false, // No messages, no bytes.
    write: (writer, messages) => {
      for (const message of messages) {
        const mark = writer.open(number);
        codec.write(writer, message);
        writer.close(mark);
      }
    },
    read: (reader, messages) => {
      const outer = reader.enter();
      messages.push(codec.read(reader));
      reader.leave(outer);
      return messages;
    },
  };
}

/** A `google.protobuf.Timestamp` from 1970 on, to the millisecond. */
export function timestamp(number: number): Field<Date | undefined> {
  const codec = new MessageCodec("google.protobuf.Timestamp", { seconds: uint(1), nanos: uint(2) });
  return {
    number,
    wireType: WireType.delimited,
    absent: () => undefined,
    isAbsent: () => false,
    write: (writer, date) => {
      const mark = writer.open(number);
      const seconds = Math.floor(date!.getTime() / 1000);
      codec.write(writer, { seconds, nanos: (date!.getTime() - seconds * 1000) * 1_000_000 });
      writer.close(mark);
    },
    read: (reader) => {
      const outer = reader.enter();
      const { seconds, nanos } = codec.read(reader);
      reader.leave(outer);
      return new Date(seconds * 1000 + Math.floor(nanos / 1_000_000));
    },
  };
}
