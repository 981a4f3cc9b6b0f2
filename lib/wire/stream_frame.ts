/**
 * The frames of `RouterService.Stream`, written by hand so that a payload is not copied, neither on the way out nor on
 * the way in. `StreamRequest` and `StreamResponse` have the same fields, hence the same codec.
 *
 * @module
 */
import type { ByteSource } from "../core/byte_stream.ts";
import { withLimit } from "../core/limit.ts";
import { fieldKey, ProtobufReader, varintSize, WireType } from "./protobuf.ts";
import { recycle } from "./rpc/recycling.ts";
import type { ServerStream } from "./rpc/types.ts";

/** What a frame means. */
export enum FrameType {
  /** Bytes. An empty frame is legal and is not the end. */
  DATA = 0,
  /** Nobody sends it, and receivers ignore it. */
  RST_STREAM = 3,
  /** Keeps the stream alive. It is never answered, and counts as an empty frame. */
  PING = 6,
  /** The sender sends no more bytes; the other direction stays open. */
  GOAWAY = 7,
}

/** One frame of a byte stream. */
export interface StreamFrame {
  /** Empty is legal, and not the end. */
  payload: Uint8Array;
  /** A number that {@linkcode FrameType} does not name is kept. */
  frameType: FrameType;
}

const payloadKey = fieldKey(1, WireType.delimited);
const frameTypeKey = fieldKey(2, WireType.varint);

/** What stands before the payload in a DATA frame of `length` bytes. */
export function dataFrameHead(length: number): Uint8Array {
  const head = new Uint8Array(1 + varintSize(length));
  head[0] = payloadKey;
  writeVarint(head, 1, length);
  return head;
}

/** The frame that ends a direction. */
export const goAwayFrame: Uint8Array = new Uint8Array([frameTypeKey, FrameType.GOAWAY]);

/**
 * A frame of bytes. Its payload shares their memory.
 *
 * @throws {JumpstarterError} `internal` for malformed bytes.
 */
export function decodeStreamFrame(bytes: Uint8Array): StreamFrame {
  const reader = new ProtobufReader(bytes, "stream frame");
  let payload: Uint8Array = bytes.subarray(0, 0);
  let frameType = FrameType.DATA;
  while (!reader.done) {
    const key = reader.key();
    if (key === payloadKey) payload = reader.bytes();
    else if (key === frameTypeKey) frameType = reader.int32();
    else reader.skip(key);
  }
  return { payload, frameType };
}

/** Longest payload of one frame, in bytes; peers take messages of up to 4 MiB. */
const longestPayload = 1024 * 1024;

/** Sends bytes over a call in frames. Resolves when the next ones may follow, and the memory of these be used again. */
export async function sendBytes(call: Pick<ServerStream, "send">, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length; start += longestPayload) {
    const payload = bytes.subarray(start, start + longestPayload);
    const room = call.send(dataFrameHead(payload.length), payload);
    if (room) await room;
  }
}

/** The bytes that come over a call until their end, which is a GOAWAY or the end of that direction. */
export function receivedBytes(call: Pick<ServerStream, "receive">): ByteSource {
  let message: Uint8Array | undefined;
  let ended = false;
  return {
    async next() {
      while (!ended) {
        if (message) recycle(message);
        message = undefined;
        message = await call.receive();
        if (!message) break;
        const { payload, frameType } = decodeStreamFrame(message);
        if (frameType === FrameType.DATA && payload.length > 0) return payload;
        if (frameType === FrameType.GOAWAY) break;
      }
      ended = true;
      return undefined;
    },
  };
}

/** How long a caller may take to end its direction of a call after its GOAWAY, in milliseconds. */
const lastWordsMs = 5_000;

/**
 * Waits until the caller has ended its direction of the call as well, which it does right behind its GOAWAY. A call that
 * ends before is reset, and Python's gRPC then drops what has arrived but was not read yet.
 */
export async function endOfRequest(call: Pick<ServerStream, "receive">): Promise<void> {
  const rest = async () => {
    while (await call.receive()) { /* nothing of interest follows a GOAWAY */ }
  };
  await withLimit(rest(), lastWordsMs, "The end of the request").catch(() => {});
}

function writeVarint(bytes: Uint8Array, at: number, value: number): void {
  for (; value > 0x7f; value >>>= 7) bytes[at++] = value & 0x7f | 0x80;
  bytes[at] = value;
}
