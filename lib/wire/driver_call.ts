/**
 * The messages of driver calls, written by hand: plain values to bytes and back without a message object in between,
 * in a third of the time. `StreamingDriverCallRequest` and `StreamingDriverCallResponse` have the same fields, hence
 * the same codec.
 *
 * @module
 */
import { fieldKey, ProtobufReader, ProtobufWriter, WireType } from "./protobuf.ts";
import { type Json, readValue, writeValue } from "./value.ts";

/** A call of a method. */
export interface DriverCallRequest<Argument = Json> {
  /** The driver's, from its report. */
  uuid: string;
  method: string;
  /** By position. */
  args: readonly Argument[];
}

/** One value that a method returned or yielded. */
export interface DriverCallResponse<Result = Json> {
  /** Of the answer, not of the driver. */
  uuid: string;
  result: Result;
}

/** Field numbers of jumpstarter/v1/jumpstarter.proto. */
const RequestField = { uuid: 1, method: 2, args: 3 } as const;
const ResponseField = { uuid: 1, result: 2 } as const;

/**
 * Bytes of a request.
 *
 * @throws {JumpstarterError} `invalid_argument` for an argument that cannot travel, with its place (`args[1].x`); see
 * `writeValue` for what can.
 */
export function encodeDriverCallRequest(call: DriverCallRequest<unknown>): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter();
  if (call.uuid) writer.string(RequestField.uuid, call.uuid);
  if (call.method) writer.string(RequestField.method, call.method);
  for (let i = 0; i < call.args.length; i++) writeValue(writer, RequestField.args, call.args[i], "args", i);
  return writer.finish();
}

const requestUuidKey = fieldKey(RequestField.uuid, WireType.delimited);
const requestMethodKey = fieldKey(RequestField.method, WireType.delimited);
const requestArgsKey = fieldKey(RequestField.args, WireType.delimited);

/** @throws {JumpstarterError} `internal` for malformed bytes. */
export function decodeDriverCallRequest(bytes: Uint8Array): DriverCallRequest {
  const reader = new ProtobufReader(bytes, "DriverCallRequest");
  let uuid = "";
  let method = "";
  const args: Json[] = [];
  while (!reader.done) {
    const key = reader.key();
    if (key === requestUuidKey) uuid = reader.string();
    else if (key === requestMethodKey) method = reader.string();
    else if (key === requestArgsKey) args.push(readValue(reader));
    else reader.skip(key);
  }
  return { uuid, method, args };
}

/**
 * Bytes of a response.
 *
 * @throws {JumpstarterError} `invalid_argument` for a result that cannot travel, with its place (`result.x`); see
 * `writeValue` for what can.
 */
export function encodeDriverCallResponse({ uuid, result }: DriverCallResponse<unknown>): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter();
  if (uuid) writer.string(ResponseField.uuid, uuid);
  writeValue(writer, ResponseField.result, result, "result");
  return writer.finish();
}

const responseUuidKey = fieldKey(ResponseField.uuid, WireType.delimited);
const responseResultKey = fieldKey(ResponseField.result, WireType.delimited);

/**
 * A response of bytes. An absent result is null.
 *
 * @throws {JumpstarterError} `internal` for malformed bytes.
 */
export function decodeDriverCallResponse(bytes: Uint8Array): DriverCallResponse {
  const reader = new ProtobufReader(bytes, "DriverCallResponse");
  let uuid = "";
  let result: Json = null;
  while (!reader.done) {
    const key = reader.key();
    if (key === responseUuidKey) uuid = reader.string();
    else if (key === responseResultKey) result = readValue(reader, result);
    else reader.skip(key);
  }
  return { uuid, result };
}
