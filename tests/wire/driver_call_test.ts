import assert from "node:assert/strict";
import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { isJumpstarterError } from "../../lib/core/errors.ts";
import {
  decodeDriverCallRequest,
  decodeDriverCallResponse,
  encodeDriverCallRequest,
  encodeDriverCallResponse,
} from "../../lib/wire/driver_call.ts";
import {
  DriverCallRequestSchema,
  DriverCallResponseSchema,
} from "../../lib/wire/messages/jumpstarter/v1/jumpstarter_pb.ts";
import type { Json } from "../../lib/wire/value.ts";
import { anyJson, damaged, nested } from "./values.ts";

const plain = { noNullPrototype: true };
const anyRequest = fc.record(
  { uuid: fc.string(), method: fc.string(), args: fc.array(anyJson, { maxLength: 4 }) },
  plain,
);
const anyResponse = fc.record({ uuid: fc.string(), result: anyJson }, plain);

Deno.test("A request is encoded to the same bytes as by protobuf-es", () => {
  fc.assert(fc.property(anyRequest, (call) => {
    assert.deepEqual(encodeDriverCallRequest(call), requestByLibrary(call));
  }));
});

Deno.test("A response is encoded to the same bytes as by protobuf-es", () => {
  fc.assert(fc.property(anyResponse, (response) => {
    assert.deepEqual(encodeDriverCallResponse(response), responseByLibrary(response));
  }));
});

Deno.test("A request comes back from its bytes as it was", () => {
  fc.assert(fc.property(anyRequest, (call) => {
    assert.deepEqual(decodeDriverCallRequest(requestByLibrary(call)), call);
  }));
});

Deno.test("A response comes back from its bytes as it was", () => {
  fc.assert(fc.property(anyResponse, (response) => {
    assert.deepEqual(decodeDriverCallResponse(responseByLibrary(response)), response);
  }));
});

Deno.test("An absent result is null", () => {
  assert.deepEqual(decodeDriverCallResponse(new Uint8Array()), { uuid: "", result: null });
});

Deno.test("An argument that cannot travel is named by its position", () => {
  const call = { uuid: "", method: "set", args: [1, { x: { y: NaN } }] };
  assert.throws(() => encodeDriverCallRequest(call), {
    code: "invalid_argument",
    message: "args[1].x.y: Expected a finite number, got NaN",
  });
});

Deno.test("Any bytes are either read or refused as malformed", () => {
  const anyBytes = fc.oneof(fc.uint8Array(), damaged(anyResponse.map(responseByLibrary)));
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        decodeDriverCallResponse(bytes);
      } catch (error) {
        assert.ok(isJumpstarterError(error, "internal"), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("Fields that are not known are passed over, whatever their type", () => {
  const unknown = new BinaryWriter()
    .tag(9, WireType.Varint).uint64(2n ** 64n - 1n)
    .tag(10, WireType.Bit64).double(1)
    .tag(11, WireType.Bit32).float(1)
    .tag(12, WireType.LengthDelimited).string("later")
    .tag(13, WireType.StartGroup).tag(1, WireType.Varint).uint32(1).tag(13, WireType.EndGroup)
    .tag(3, WireType.Varint).uint32(7) // A known number with another type.
    .finish();
  const call = { uuid: "u", method: "on", args: [] };
  assert.deepEqual(decodeDriverCallRequest(join(unknown, requestByLibrary(call), unknown)), call);
});

Deno.test("A field that comes twice is merged, as protobuf asks", () => {
  const first = responseByLibrary({ uuid: "1", result: { a: 1, list: [1] } });
  const second = responseByLibrary({ uuid: "2", result: { b: 2, list: [2] } });
  const third = responseByLibrary({ uuid: "2", result: [3] });
  assert.deepEqual(decodeDriverCallResponse(join(first, second)).result, { a: 1, b: 2, list: [2] });
  assert.deepEqual(decodeDriverCallResponse(join(first, third)).result, [3]);
  assert.deepEqual(decodeDriverCallResponse(join(third, third)).result, [3, 3]);
});

Deno.test("Malformed bytes are refused with their fault", () => {
  const malformed: [bytes: number[], fault: RegExp][] = [
    [[0x0a], /it is cut short/],
    [[0x0a, 5, 0x61], /it is cut short/],
    [[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], /it is cut short/],
    [[0x12, 3, 0x11, 0, 0], /it is cut short/],
    [[0x12, 2, 0x32, 9, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0], /it is cut short/], // An inner length beyond the outer end.
    [[0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], /a number is too long/],
    [[0x00, 0x00], /an impossible number/],
    [[0x80, 0x80, 0x80, 0x80, 0x10, 0x00], /an impossible number/],
    [[0x0f], /an impossible type/],
    [[0x4c], /an impossible type/], // The end of a group that was not begun.
    [[0x4b, 0x54], /a group ends that was not begun/],
    [[0x4b], /it is cut short/],
    [[0x0a, 1, 0xff], /a text is not UTF-8/],
    [Array(101).fill(0x4b), /nests deeper than 100 messages/],
  ];
  for (const [bytes, fault] of malformed) {
    assert.throws(() => decodeDriverCallResponse(Uint8Array.from(bytes)), { code: "internal", message: fault });
  }
});

Deno.test("A message that nests deeper than Python's protobuf allows is refused", () => {
  for (const [kind, deepest] of [["list", 49], ["object", 33]] as const) {
    const value = nested(kind, deepest);
    assert.deepEqual(decodeDriverCallResponse(encodeDriverCallResponse({ uuid: "", result: value })).result, value);
  }
  const tooDeep = responseByLibrary({ uuid: "", result: nested("object", 34) });
  assert.throws(() => decodeDriverCallResponse(tooDeep), { code: "internal", message: /nests deeper than 100/ });
});

function requestByLibrary({ uuid, method, args }: { uuid: string; method: string; args: readonly Json[] }) {
  const values = args.map((arg) => fromJson(ValueSchema, arg));
  return toBinary(DriverCallRequestSchema, create(DriverCallRequestSchema, { uuid, method, args: values }));
}

function responseByLibrary({ uuid, result }: { uuid: string; result: Json }) {
  return toBinary(
    DriverCallResponseSchema,
    create(DriverCallResponseSchema, { uuid, result: fromJson(ValueSchema, result) }),
  );
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
