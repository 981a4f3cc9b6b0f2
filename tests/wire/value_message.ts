/**
 * `google.protobuf.Value` as protobuf-es has it, to hold our codec to it.
 *
 * @module
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ListValueSchema, type Value } from "@bufbuild/protobuf/wkt";
import { ProtobufReader, ProtobufWriter } from "../../lib/wire/protobuf.ts";
import { type Json, readValue, writeValue } from "../../lib/wire/value.ts";

/** The field of a ListValue, in which the value travels between the two codecs. */
const values = 1;

/** The message for a value; what is accepted, and the errors, are those of {@linkcode writeValue}. */
export function toValue(value: unknown, ...place: PropertyKey[]): Value {
  const writer = new ProtobufWriter();
  writeValue(writer, values, value, ...place.length > 0 ? place : ["value"]);
  return fromBinary(ListValueSchema, writer.finish()).values[0];
}

/** The value that a message holds, by the rules of {@linkcode readValue}. */
export function fromValue(value: Value): Json {
  const bytes = toBinary(ListValueSchema, create(ListValueSchema, { values: [value] }));
  const reader = new ProtobufReader(bytes, "google.protobuf.Value");
  reader.key();
  return readValue(reader);
}
