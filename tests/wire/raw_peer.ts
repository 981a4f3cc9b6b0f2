/**
 * A peer for tests that puts HTTP/2 frames together by hand, also wrong ones, and shows what comes back.
 *
 * @module
 */

import assert from "node:assert/strict";
import { memoryPipe, type Pipe, writeAll } from "../../lib/core/pipe.ts";
import { serveConnection } from "../../lib/wire/rpc/mod.ts";
import type { Handlers } from "./pipes.ts";
import { Flag, FrameType, preface, readUint32, writeUint32 } from "../../lib/wire/http2/frames.ts";
import { HpackDecoder } from "../../lib/wire/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../lib/wire/http2/hpack_encoder.ts";
import type { HeaderList } from "../../lib/wire/http2/hpack_table.ts";

export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  payload: Uint8Array;
}

/** The bytes of one frame. */
export function frame(type: number, flags: number, streamId: number, payload: Iterable<number> = []): Uint8Array {
  const body = Uint8Array.from(payload);
  const bytes = new Uint8Array(9 + body.length);
  bytes.set([body.length >>> 16, body.length >>> 8, body.length, type, flags]);
  writeUint32(bytes, 5, streamId);
  bytes.set(body, 9);
  return bytes;
}

export function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff];
}

/** A gRPC message with its prefix. */
export function message(...content: number[]): number[] {
  return [0, ...uint32(content.length), ...content];
}

export function grpcRequest(path: string, ...more: HeaderList): HeaderList {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "test"],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ...more,
  ];
}

export class RawPeer implements Disposable {
  readonly #pipe: Pipe;
  readonly #encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder(Infinity);
  #received = new Uint8Array();

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
  }

  /** Greets as a client does. */
  async greet(): Promise<void> {
    await this.send(preface, frame(FrameType.SETTINGS, 0, 0));
  }

  /** Sends bytes as they are. */
  async send(...parts: Uint8Array[]): Promise<void> {
    for (const part of parts) await writeAll(this.#pipe, part);
  }

  /** The bytes of a HEADERS frame. */
  headers(streamId: number, list: HeaderList, end = false): Uint8Array {
    const flags = Flag.END_HEADERS | (end ? Flag.END_STREAM : 0);
    return frame(FrameType.HEADERS, flags, streamId, this.#encoder.encode(list));
  }

  /** The list of a received HEADERS frame. Every one must be read, in order. */
  list({ type, payload }: Frame): HeaderList {
    assert.equal(type, FrameType.HEADERS);
    return this.#decoder.decode(payload)!;
  }

  /** The next frame, or `undefined` at the end. */
  async next(): Promise<Frame | undefined> {
    const head = await this.bytes(9);
    if (head === undefined) return undefined;
    const payload = await this.bytes(head[0] << 16 | head[1] << 8 | head[2]);
    return { type: head[3], flags: head[4], streamId: readUint32(head, 5), payload: payload! };
  }

  /** The next frame of that type (and stream); others are passed over. */
  async until(type: number, streamId?: number): Promise<Frame> {
    for (let frame; (frame = await this.next()) !== undefined;) {
      if (frame.type === type && (streamId === undefined || frame.streamId === streamId)) return frame;
    }
    throw new Error(`The connection ended before a frame of type ${type}`);
  }

  /** The error code with which the other side says goodbye; then it must end the connection. */
  async goAway(): Promise<number> {
    const { payload } = await this.until(FrameType.GOAWAY);
    while (await this.next() !== undefined);
    this.#pipe.close();
    return readUint32(payload, 4);
  }

  /** The next `count` bytes, or `undefined` at the end. */
  async bytes(count: number): Promise<Uint8Array | undefined> {
    while (this.#received.length < count && await this.#more());
    if (this.#received.length < count) return undefined;
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }

  /** Everything up to the end, as text. */
  async text(): Promise<string> {
    while (await this.#more());
    return new TextDecoder().decode(this.#received);
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#pipe.read(buffer);
    if (count === null) return false;
    this.#received = Uint8Array.from([...this.#received, ...buffer.subarray(0, count)]);
    return true;
  }

  [Symbol.dispose](): void {
    this.#pipe.close();
  }
}

/** Serves handlers to a raw peer. */
export function serveRaw(
  handlers: Handlers,
  onWarning?: (text: string, fields: Record<string, unknown>) => void,
): { peer: RawPeer; closed: Promise<void> } {
  const [near, far] = memoryPipe();
  const served = serveConnection(far, { peer: "test", router: (path) => handlers[path], onWarning });
  return { peer: new RawPeer(near), closed: served.closed };
}
