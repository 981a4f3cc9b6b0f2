/** Native messages as the plain values that drivers take and give, and back. @module */
import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { JumpstarterError } from "../../core/errors.ts";
import type { NativeField, NativeMessage, NativeMethod, NativeType } from "./description.ts";

type Fields = Record<string, unknown>;

/**
 * A request's arguments by the positions of the legacy wire, which are what drivers are called with.
 *
 * @throws {JumpstarterError} `invalid_argument` for an integer that a double cannot hold, or a rest that is no list.
 */
export function argumentsOf(method: NativeMethod, desc: DescMessage, message: Message): unknown[] {
  if (!method.input) return [];
  const values = valuesOf(method.input, desc, message as unknown as Fields);
  const positions = method.params.map((param) => values[param]);
  if (!method.rest) return positions;
  const rest = positions.pop() ?? [];
  if (Array.isArray(rest)) return [...positions, ...rest];
  throw new JumpstarterError(
    "invalid_argument",
    `${method.params.at(-1)}: Expected a list, got ${JSON.stringify(rest)}`,
  );
}

/** A driver's result as the message that answers the call. */
export function resultMessage(method: NativeMethod, desc: DescMessage, result: unknown): Message {
  if (!method.output) return create(desc);
  const values = method.wrapped ? { value: result } : result as Fields;
  return create(desc, fieldsOf(method.output, desc, values)) as Message;
}

function valuesOf(message: NativeMessage, desc: DescMessage, fields: Fields): Fields {
  const values: Fields = {};
  for (const field of message.fields) {
    const { localName, message: child } = descOf(desc, field);
    const given = fields[localName];
    if (given === undefined) continue;
    const one = (item: unknown) => valueOf(field, child, item);
    values[field.key] = field.repeated ? (given as unknown[]).map(one) : one(given);
  }
  return values;
}

function valueOf({ name, type }: NativeField, desc: DescMessage | undefined, given: unknown): unknown {
  switch (type.kind) {
    case "int64":
      return integerOf(name, given as bigint);
    case "value":
      return toJson(ValueSchema, given as Value);
    case "message":
      return valuesOf(type.message, desc!, given as Fields);
    case "enum":
      return type.enumeration.values.find(({ number }) => number === given)?.text ?? String(given);
    default:
      return given;
  }
}

function integerOf(name: string, given: bigint): number {
  const number = Number(given);
  if (Number.isSafeInteger(number)) return number;
  throw new JumpstarterError("invalid_argument", `${name}: Expected an integer within ±(2^53 - 1), got ${given}`);
}

function fieldsOf(message: NativeMessage, desc: DescMessage, values: Fields): Fields {
  const fields: Fields = {};
  for (const field of message.fields) {
    const value = values[field.key];
    if (value === undefined || value === null && field.type.kind !== "value") continue;
    const { localName, message: child } = descOf(desc, field);
    const one = (item: unknown) => fieldValue(field.type, child, item);
    fields[localName] = field.repeated ? (value as unknown[]).map(one) : one(value);
  }
  return fields;
}

function fieldValue(type: NativeType, desc: DescMessage | undefined, value: unknown): unknown {
  switch (type.kind) {
    case "int64":
      return BigInt(value as number);
    case "value":
      return fromJson(ValueSchema, value as JsonValue);
    case "message":
      return create(desc!, fieldsOf(type.message, desc!, value as Fields));
    case "enum":
      return type.enumeration.values.find(({ text }) => text === value)?.number ?? 0;
    default:
      return value;
  }
}

/** What protobuf-es knows of a field, the name of its property above all. */
function descOf(desc: DescMessage, { number }: NativeField): DescField {
  return desc.fields.find((field) => field.number === number)!;
}
