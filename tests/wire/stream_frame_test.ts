import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import * as generated from "../../lib/wire/messages/jumpstarter/v1/router_pb.ts";
import { dataFrameHead, decodeStreamFrame, FrameType, goAwayFrame } from "../../lib/wire/stream_frame.ts";

const { StreamRequestSchema, StreamResponseSchema } = generated;

const anyPayload = fc.uint8Array({ maxLength: 20_000, size: "max" });
const anyType = fc.constantFrom(FrameType.DATA, FrameType.RST_STREAM, FrameType.PING, FrameType.GOAWAY);

Deno.test("The frame types are those of the protocol", () => {
  assert.deepEqual(FrameType, generated.FrameType);
});

/** A DATA frame as it goes out: what stands before the payload, and the payload. */
function dataFrame(payload: Uint8Array): Uint8Array {
  return new Uint8Array([...dataFrameHead(payload.length), ...payload]);
}

Deno.test("A DATA frame is encoded to the same bytes as by protobuf-es, but for an empty one's length", () => {
  fc.assert(fc.property(anyPayload, (payload) => {
    const bytes = toBinary(StreamRequestSchema, create(StreamRequestSchema, { payload }));
    if (payload.length > 0) assert.deepEqual(dataFrame(payload), bytes);
    const response = fromBinary(StreamResponseSchema, dataFrame(payload));
    assert.deepEqual([response.payload, response.frameType], [payload, FrameType.DATA]);
  }));
});

Deno.test("The frame that ends a direction is encoded to the same bytes as by protobuf-es", () => {
  const message = create(StreamRequestSchema, { frameType: FrameType.GOAWAY });
  assert.deepEqual(goAwayFrame, toBinary(StreamRequestSchema, message));
});

Deno.test("A frame is decoded as protobuf-es has encoded it", () => {
  fc.assert(fc.property(anyPayload, anyType, (payload, frameType) => {
    const bytes = toBinary(StreamResponseSchema, create(StreamResponseSchema, { payload, frameType }));
    assert.deepEqual(decodeStreamFrame(bytes), { payload, frameType });
  }));
});

Deno.test("A frame of no bytes is an empty DATA frame", () => {
  assert.deepEqual(decodeStreamFrame(new Uint8Array()), { payload: new Uint8Array(), frameType: FrameType.DATA });
});

Deno.test("A decoded payload shares the memory of its frame", () => {
  const bytes = dataFrame(Uint8Array.of(1, 2, 3));
  const { payload } = decodeStreamFrame(bytes);
  assert.deepEqual(payload, Uint8Array.of(1, 2, 3));
  assert.equal(payload.buffer, bytes.buffer);
});

Deno.test("A frame type without a name is kept", () => {
  assert.equal(decodeStreamFrame(Uint8Array.of(0x10, 42)).frameType, 42);
  const minusOne = [...Array(9).fill(0xff), 1];
  assert.equal(decodeStreamFrame(Uint8Array.of(0x10, ...minusOne)).frameType, -1);
});

Deno.test("A frame that is cut short is refused", () => {
  const payload = new Uint8Array(300);
  const bytes = toBinary(StreamRequestSchema, create(StreamRequestSchema, { payload, frameType: FrameType.GOAWAY }));
  for (const length of [1, 2, 150, bytes.length - 1]) {
    assert.throws(() => decodeStreamFrame(bytes.subarray(0, length)), { code: "internal", message: /cut short/ });
  }
});
