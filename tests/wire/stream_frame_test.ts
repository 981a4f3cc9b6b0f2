import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import * as generated from "../../lib/wire/messages/jumpstarter/v1/router_pb.ts";
import { decodeStreamFrame, encodeStreamFrame, FrameType } from "../../lib/wire/stream_frame.ts";

const { StreamRequestSchema, StreamResponseSchema } = generated;

const anyPayload = fc.uint8Array({ maxLength: 20_000, size: "max" });
const anyType = fc.constantFrom(FrameType.DATA, FrameType.RST_STREAM, FrameType.PING, FrameType.GOAWAY);

Deno.test("The frame types are those of the protocol", () => {
  assert.deepEqual(FrameType, generated.FrameType);
});

Deno.test("A frame is encoded to the same bytes as by protobuf-es, in either direction", () => {
  fc.assert(fc.property(anyPayload, anyType, (payload, frameType) => {
    const bytes = encodeStreamFrame(payload, frameType);
    assert.deepEqual(bytes, toBinary(StreamRequestSchema, create(StreamRequestSchema, { payload, frameType })));
    const response = fromBinary(StreamResponseSchema, bytes);
    assert.deepEqual([response.payload, response.frameType], [payload, frameType]);
  }));
});

Deno.test("A frame comes back from its bytes as it was", () => {
  fc.assert(fc.property(anyPayload, anyType, (payload, frameType) => {
    assert.deepEqual(decodeStreamFrame(encodeStreamFrame(payload, frameType)), { payload, frameType });
  }));
});

Deno.test("A frame of no bytes is an empty DATA frame", () => {
  assert.deepEqual(decodeStreamFrame(new Uint8Array()), { payload: new Uint8Array(), frameType: FrameType.DATA });
});

Deno.test("Encoding copies the payload, decoding shares its memory", () => {
  const payload = Uint8Array.of(1, 2, 3);
  const bytes = encodeStreamFrame(payload, FrameType.DATA);
  payload.fill(0);
  const frame = decodeStreamFrame(bytes);
  assert.deepEqual(frame.payload, Uint8Array.of(1, 2, 3));
  assert.equal(frame.payload.buffer, bytes.buffer);
});

Deno.test("A frame type without a name is kept", () => {
  assert.equal(decodeStreamFrame(Uint8Array.of(0x10, 42)).frameType, 42);
  const minusOne = [...Array(9).fill(0xff), 1];
  assert.equal(decodeStreamFrame(Uint8Array.of(0x10, ...minusOne)).frameType, -1);
});

Deno.test("A frame that is cut short is refused", () => {
  const bytes = encodeStreamFrame(new Uint8Array(300), FrameType.GOAWAY);
  for (const length of [1, 2, 150, bytes.length - 1]) {
    assert.throws(() => decodeStreamFrame(bytes.subarray(0, length)), { code: "internal", message: /cut short/ });
  }
});
