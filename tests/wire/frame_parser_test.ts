import assert from "node:assert/strict";
import fc from "fast-check";
import { ConnectionError, ErrorCode } from "../../lib/wire/http2/error_code.ts";
import { FrameParser, type FrameSink } from "../../lib/wire/http2/frame_parser.ts";
import { Flag, FrameType } from "../../lib/wire/http2/frames.ts";
import { defaultLimits } from "../../lib/wire/http2/limits.ts";
import { frame, uint32 } from "./raw_peer.ts";

/** Writes down what a parser finds; the pieces of one DATA frame are joined. */
class Recorder implements FrameSink {
  readonly events: unknown[] = [];
  #data: number[] = [];

  onHeaders(streamId: number, block: Uint8Array, endStream: boolean): void {
    this.events.push(["headers", streamId, [...block], endStream]);
  }
  onDataStart(streamId: number, bytes: number): void {
    this.#data = [];
    this.events.push(["data", streamId, bytes]);
  }
  onDataChunk(chunk: Uint8Array): void {
    this.#data.push(...chunk);
  }
  onDataEnd(endStream: boolean): void {
    this.events.push(["data end", this.#data, endStream]);
  }
  onReset(streamId: number, errorCode: number): void {
    this.events.push(["reset", streamId, errorCode]);
  }
  onSettings(payload: Uint8Array): void {
    this.events.push(["settings", [...payload]]);
  }
  onSettingsAck(): void {
    this.events.push(["settings ack"]);
  }
  onPing(payload: Uint8Array, ack: boolean): void {
    this.events.push(["ping", [...payload], ack]);
  }
  onGoAway(lastStreamId: number, errorCode: number, debug: Uint8Array): void {
    this.events.push(["goaway", lastStreamId, errorCode, [...debug]]);
  }
  onWindowUpdate(streamId: number, increment: number): void {
    this.events.push(["window", streamId, increment]);
  }
  onIgnored(): void {
    this.events.push(["ignored"]);
  }
}

function parse(...chunks: Uint8Array[]): unknown[] {
  const recorder = new Recorder();
  const parser = new FrameParser(recorder, defaultLimits);
  for (const chunk of chunks) parser.feed(chunk);
  return recorder.events;
}

function joined(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const streamId = fc.integer({ min: 1, max: 0x7fff_ffff });
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => [...bytes]);
const padding = fc.integer({ min: 0, max: 20 });

/** The bytes of any valid frame, or of a header block in several frames. */
const anyFrame = fc.oneof(
  fc.tuple(streamId, payload, fc.boolean()).map(([id, data, end]) => frame(FrameType.DATA, end ? 1 : 0, id, data)),
  fc.tuple(streamId, payload, padding).map(([id, data, pad]) =>
    frame(FrameType.DATA, Flag.PADDED, id, [pad, ...data, ...Array(pad).fill(0)])
  ),
  fc.tuple(streamId, payload, padding).map(([id, block, pad]) =>
    frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.PADDED, id, [pad, ...block, ...Array(pad).fill(0)])
  ),
  fc.tuple(streamId, payload).map(([id, block]) =>
    frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.PRIORITY, id, [0, 0, 0, 0, 1, ...block])
  ),
  fc.tuple(streamId, payload, payload, payload).map(([id, a, b, c]) =>
    joined([
      frame(FrameType.HEADERS, Flag.END_STREAM, id, a),
      frame(FrameType.CONTINUATION, 0, id, b),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, id, c),
    ])
  ),
  streamId.map((id) => frame(FrameType.RST_STREAM, 0, id, uint32(8))),
  streamId.map((id) => frame(FrameType.WINDOW_UPDATE, 0, id, uint32(1000))),
  fc.constant(frame(FrameType.SETTINGS, 0, 0, [0, 4, 0, 1, 0, 0])),
  fc.constant(frame(FrameType.SETTINGS, Flag.ACK, 0)),
  fc.constant(frame(FrameType.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])),
  payload.map((debug) => frame(FrameType.GOAWAY, 0, 0, [...uint32(3), ...uint32(11), ...debug])),
  fc.tuple(fc.integer({ min: 10, max: 255 }), payload).map(([type, body]) => frame(type, 255, 0, body)),
);

Deno.test("FrameParser finds the same frames however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 400 })),
      (frames, cuts) => {
        const bytes = joined(frames);
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) chunks.push(bytes.slice(at, at += cut));
        chunks.push(bytes.slice(at));
        assert.deepEqual(parse(...chunks), parse(bytes));
        assert.deepEqual(parse(...Array.from(bytes, (byte) => Uint8Array.of(byte))), parse(bytes));
      },
    ),
  );
});

Deno.test("FrameParser takes any bytes without another error than ConnectionError", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }), (chunks) => {
    try {
      parse(...chunks);
    } catch (thrown) {
      assert.ok(thrown instanceof ConnectionError, String(thrown));
    }
  }));
});

Deno.test("FrameParser hands DATA on without padding, but counts the whole frame", () => {
  assert.deepEqual(parse(frame(FrameType.DATA, Flag.PADDED | Flag.END_STREAM, 1, [2, 7, 8, 9, 0, 0])), [
    ["data", 1, 6],
    ["data end", [7, 8, 9], true],
  ]);
});

const wrong: Record<string, [bytes: Uint8Array[], errorCode: number]> = {
  "DATA without a stream": [[frame(FrameType.DATA, 0, 0, [1])], ErrorCode.PROTOCOL_ERROR],
  "DATA with more padding than payload": [[frame(FrameType.DATA, Flag.PADDED, 1, [9, 1])], ErrorCode.PROTOCOL_ERROR],
  "HEADERS with more padding than payload": [
    [frame(FrameType.HEADERS, Flag.PADDED | Flag.END_HEADERS, 1, [9, 1])],
    ErrorCode.PROTOCOL_ERROR,
  ],
  "HEADERS of a stream that depends on itself": [
    [frame(FrameType.HEADERS, Flag.PRIORITY | Flag.END_HEADERS, 1, [...uint32(1), 0])],
    ErrorCode.PROTOCOL_ERROR,
  ],
  "CONTINUATION without HEADERS": [[frame(FrameType.CONTINUATION, 0, 1)], ErrorCode.PROTOCOL_ERROR],
  "a PING within a header block": [
    [frame(FrameType.HEADERS, 0, 1), frame(FrameType.PING, 0, 0, Array(8).fill(0))],
    ErrorCode.PROTOCOL_ERROR,
  ],
  "CONTINUATION of another stream": [
    [frame(FrameType.HEADERS, 0, 1), frame(FrameType.CONTINUATION, 0, 3)],
    ErrorCode.PROTOCOL_ERROR,
  ],
  "SETTINGS of a stream": [[frame(FrameType.SETTINGS, 0, 1)], ErrorCode.PROTOCOL_ERROR],
  "SETTINGS of an odd length": [[frame(FrameType.SETTINGS, 0, 0, [1])], ErrorCode.FRAME_SIZE_ERROR],
  "a SETTINGS acknowledgement with content": [
    [frame(FrameType.SETTINGS, Flag.ACK, 0, [0, 4, 0, 1, 0, 0])],
    ErrorCode.FRAME_SIZE_ERROR,
  ],
  "PUSH_PROMISE": [[frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, uint32(2))], ErrorCode.PROTOCOL_ERROR],
  "a PING of seven bytes": [[frame(FrameType.PING, 0, 0, Array(7).fill(0))], ErrorCode.FRAME_SIZE_ERROR],
  "a PING of a stream": [[frame(FrameType.PING, 0, 1, Array(8).fill(0))], ErrorCode.PROTOCOL_ERROR],
  "a GOAWAY of seven bytes": [[frame(FrameType.GOAWAY, 0, 0, Array(7).fill(0))], ErrorCode.FRAME_SIZE_ERROR],
  "a WINDOW_UPDATE of three bytes": [[frame(FrameType.WINDOW_UPDATE, 0, 0, [0, 0, 1])], ErrorCode.FRAME_SIZE_ERROR],
  "a RST_STREAM of three bytes": [[frame(FrameType.RST_STREAM, 0, 1, [0, 0, 1])], ErrorCode.FRAME_SIZE_ERROR],
  "a PRIORITY of four bytes": [[frame(FrameType.PRIORITY, 0, 1, uint32(3))], ErrorCode.FRAME_SIZE_ERROR],
};

for (const [what, [bytes, errorCode]] of Object.entries(wrong)) {
  Deno.test(`FrameParser refuses ${what}`, () => {
    assert.throws(() => parse(joined(bytes)), { name: "ConnectionError", errorCode });
  });
}
