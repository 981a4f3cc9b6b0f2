import { ConnectionError, ErrorCode } from "./error_code.ts";
import { Flag, frameHeaderBytes, FrameType, readUint32 } from "./frames.ts";
import type { Limits } from "./limits.ts";

/** What a parser finds. Byte views are valid during the call only. */
export interface FrameSink {
  /** A complete header block: HEADERS with its CONTINUATION frames. */
  onHeaders(streamId: number, block: Uint8Array, endStream: boolean): void;
  /** A DATA frame begins; `bytes` is its whole length, which is what flow control counts. */
  onDataStart(streamId: number, bytes: number): void;
  /** A piece of the payload of the DATA frame that has begun. */
  onDataChunk(chunk: Uint8Array): void;
  /** The DATA frame is complete. */
  onDataEnd(endStream: boolean): void;
  onReset(streamId: number, errorCode: number): void;
  /** SETTINGS that are to be acknowledged: pairs of 16-bit identifier and 32-bit value. */
  onSettings(payload: Uint8Array): void;
  onSettingsAck(): void;
  onPing(payload: Uint8Array, ack: boolean): void;
  onGoAway(lastStreamId: number, errorCode: number, debug: Uint8Array): void;
  /** `increment` may be 0, which is the peer's mistake. */
  onWindowUpdate(streamId: number, increment: number): void;
  /** PRIORITY or a frame of unknown type, which are skipped. */
  onIgnored(): void;
}

/** Bytes of the buffer for cut-off frames that an idle connection keeps. */
const keptBytes = 64;

/**
 * Takes the bytes of a connection as they come and finds the frames in them. A frame that is whole is parsed in place;
 * DATA is handed on in pieces, so only a cut-off frame of another type is ever copied.
 *
 * It checks all that a frame shows by itself (RFC 9113 sections 4 and 6); what depends on streams is its sink's business.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #limits: Limits;

  /** The beginning of a frame whose end has not arrived. */
  #held = new Uint8Array(keptBytes);
  #heldLength = 0;

  /** Payload of the current DATA frame that is still to come. */
  #dataLeft = 0;
  #dataEndsStream = false;
  /** Bytes to be passed over: padding, or a frame that is ignored. */
  #skipLeft = 0;
  #inData = false;

  /** The header block that CONTINUATION frames complete. */
  #block = new Uint8Array();
  #blockLength = 0;
  #blockStream = 0;
  #blockEndsStream = false;
  #continuations = 0;

  constructor(sink: FrameSink, limits: Limits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /**
   * Parses the next bytes of the connection, of which nothing is kept.
   *
   * @throws {ConnectionError} when the peer broke a rule; the parser is of no use afterwards.
   */
  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#dataLeft > 0) at = this.#feedData(chunk, at);
      else if (this.#skipLeft > 0) at = this.#skip(chunk, at);
      else if (this.#heldLength > 0) at = this.#hold(chunk, at);
      else {
        const needed = this.#bytesNeeded(chunk, at, chunk.length - at);
        if (needed > chunk.length - at) at = this.#hold(chunk, at);
        else {
          this.#frame(chunk, at, at + needed);
          at += needed;
        }
      }
    }
  }

  #feedData(chunk: Uint8Array, at: number): number {
    const end = Math.min(at + this.#dataLeft, chunk.length);
    this.#dataLeft -= end - at;
    this.#sink.onDataChunk(chunk.subarray(at, end));
    if (this.#dataLeft === 0 && this.#skipLeft === 0) this.#endData();
    return end;
  }

  #skip(chunk: Uint8Array, at: number): number {
    const end = Math.min(at + this.#skipLeft, chunk.length);
    this.#skipLeft -= end - at;
    if (this.#skipLeft === 0 && this.#inData) this.#endData();
    return end;
  }

  #endData(): void {
    this.#inData = false;
    this.#sink.onDataEnd(this.#dataEndsStream);
  }

  #hold(chunk: Uint8Array, at: number): number {
    const needed = this.#bytesNeeded(this.#held, 0, this.#heldLength);
    const end = Math.min(at + needed - this.#heldLength, chunk.length);
    this.#held = appended(this.#held, this.#heldLength, chunk.subarray(at, end));
    this.#heldLength += end - at;
    // With its header complete, the frame may need more than was known before.
    if (this.#heldLength === this.#bytesNeeded(this.#held, 0, this.#heldLength)) {
      const frame = this.#held;
      this.#heldLength = 0;
      if (frame.length > keptBytes) this.#held = new Uint8Array(keptBytes);
      this.#frame(frame, 0, needed);
    }
    return end;
  }

  /** How many of the frame's bytes must be together before it can be handled, as far as `available` bytes of it tell. */
  #bytesNeeded(bytes: Uint8Array, at: number, available: number): number {
    if (available < frameHeaderBytes) return frameHeaderBytes;
    const length = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
    const type = bytes[at + 3];
    if (length > this.#limits.maxFrameBytes) {
      throw new ConnectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `A frame of ${length} bytes exceeds ${this.#limits.maxFrameBytes}`,
      );
    }
    if (type === FrameType.DATA) return frameHeaderBytes + (bytes[at + 4] & Flag.PADDED && length > 0 ? 1 : 0);
    if (type > FrameType.CONTINUATION || type === FrameType.PRIORITY && length !== 5) return frameHeaderBytes;
    if (length > this.#limits.maxHeaderBlockBytes) {
      throw new ConnectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `A frame of type ${type} with ${length} bytes is too long`,
      );
    }
    return frameHeaderBytes + length;
  }

  /** Handles the frame whose necessary part lies between `start` and `end`. */
  #frame(bytes: Uint8Array, start: number, end: number): void {
    const length = bytes[start] << 16 | bytes[start + 1] << 8 | bytes[start + 2];
    const type = bytes[start + 3];
    const flags = bytes[start + 4];
    const streamId = readUint32(bytes, start + 5) & 0x7fff_ffff;
    const at = start + frameHeaderBytes;

    if (this.#blockStream !== 0 && (type !== FrameType.CONTINUATION || streamId !== this.#blockStream)) {
      throw protocolError(`Expected CONTINUATION on stream ${this.#blockStream}, got a frame of type ${type}`);
    }
    switch (type) {
      case FrameType.DATA:
        return this.#data(streamId, flags, length, flags & Flag.PADDED ? bytes[at] : 0);
      case FrameType.HEADERS:
        return this.#headers(streamId, flags, bytes, at, end);
      case FrameType.CONTINUATION:
        return this.#continuation(streamId, flags, bytes.subarray(at, end));
      case FrameType.PRIORITY:
        mustNameStream(type, streamId);
        mustHaveLength(type, length, 5);
        if ((readUint32(bytes, at) & 0x7fff_ffff) === streamId) throw protocolError("A stream depends on itself");
        return this.#sink.onIgnored();
      case FrameType.RST_STREAM:
        mustNameStream(type, streamId);
        mustHaveLength(type, length, 4);
        return this.#sink.onReset(streamId, readUint32(bytes, at));
      case FrameType.SETTINGS:
        return this.#settings(streamId, flags, bytes.subarray(at, end));
      case FrameType.PUSH_PROMISE:
        throw protocolError("PUSH_PROMISE is not allowed on this connection");
      case FrameType.PING:
        mustNameConnection(type, streamId);
        mustHaveLength(type, length, 8);
        return this.#sink.onPing(bytes.subarray(at, end), (flags & Flag.ACK) !== 0);
      case FrameType.GOAWAY:
        mustNameConnection(type, streamId);
        if (length < 8) throw frameSizeError(type, length);
        return this.#sink.onGoAway(
          readUint32(bytes, at) & 0x7fff_ffff,
          readUint32(bytes, at + 4),
          bytes.subarray(at + 8, end),
        );
      case FrameType.WINDOW_UPDATE:
        mustHaveLength(type, length, 4);
        return this.#sink.onWindowUpdate(streamId, readUint32(bytes, at) & 0x7fff_ffff);
      default:
        // RFC 9113 section 4.1: frames of unknown type are discarded.
        this.#skipLeft = length;
        return this.#sink.onIgnored();
    }
  }

  #data(streamId: number, flags: number, length: number, padding: number): void {
    mustNameStream(FrameType.DATA, streamId);
    const overhead = flags & Flag.PADDED ? 1 + padding : 0;
    if (overhead > length) throw protocolError("The padding of a DATA frame is longer than the frame");
    this.#inData = true;
    this.#dataLeft = length - overhead;
    this.#skipLeft = padding;
    this.#dataEndsStream = (flags & Flag.END_STREAM) !== 0;
    this.#sink.onDataStart(streamId, length);
    if (this.#dataLeft === 0 && this.#skipLeft === 0) this.#endData();
  }

  #headers(streamId: number, flags: number, bytes: Uint8Array, at: number, end: number): void {
    mustNameStream(FrameType.HEADERS, streamId);
    if (flags & Flag.PADDED) end -= at < end ? bytes[at++] : 1;
    if (flags & Flag.PRIORITY) {
      if (at + 5 <= end && (readUint32(bytes, at) & 0x7fff_ffff) === streamId) {
        throw protocolError("A stream depends on itself");
      }
      at += 5;
    }
    if (at > end) throw protocolError("The padding of a HEADERS frame is longer than the frame");
    const endStream = (flags & Flag.END_STREAM) !== 0;
    const fragment = bytes.subarray(at, end);
    if (flags & Flag.END_HEADERS) return this.#sink.onHeaders(streamId, fragment, endStream);
    this.#blockStream = streamId;
    this.#blockEndsStream = endStream;
    this.#block = fragment.slice();
    this.#blockLength = fragment.length;
    this.#continuations = 0;
  }

  #continuation(streamId: number, flags: number, fragment: Uint8Array): void {
    if (this.#blockStream === 0) throw protocolError("CONTINUATION without HEADERS before it");
    const length = this.#blockLength + fragment.length;
    if (++this.#continuations > this.#limits.maxContinuations || length > this.#limits.maxHeaderBlockBytes) {
      throw new ConnectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `A header block of ${length} bytes in ${this.#continuations} CONTINUATION frames is too long`,
      );
    }
    this.#block = appended(this.#block, this.#blockLength, fragment);
    this.#blockLength = length;
    if ((flags & Flag.END_HEADERS) === 0) return;
    const block = this.#block.subarray(0, length);
    this.#block = new Uint8Array();
    this.#blockStream = 0;
    this.#sink.onHeaders(streamId, block, this.#blockEndsStream);
  }

  #settings(streamId: number, flags: number, payload: Uint8Array): void {
    mustNameConnection(FrameType.SETTINGS, streamId);
    if (flags & Flag.ACK) {
      mustHaveLength(FrameType.SETTINGS, payload.length, 0);
      return this.#sink.onSettingsAck();
    }
    if (payload.length % 6 !== 0) throw frameSizeError(FrameType.SETTINGS, payload.length);
    this.#sink.onSettings(payload);
  }
}

/** `buffer`, or a larger copy of it, with `more` behind its first `length` bytes. */
function appended(
  buffer: Uint8Array<ArrayBuffer>,
  length: number,
  more: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (length + more.length > buffer.length) {
    const larger = new Uint8Array(2 * (length + more.length));
    larger.set(buffer.subarray(0, length));
    buffer = larger;
  }
  buffer.set(more, length);
  return buffer;
}

function mustNameStream(type: number, streamId: number): void {
  if (streamId === 0) throw protocolError(`A frame of type ${type} names no stream`);
}

function mustNameConnection(type: number, streamId: number): void {
  if (streamId !== 0) throw protocolError(`A frame of type ${type} names stream ${streamId}`);
}

function mustHaveLength(type: number, length: number, expected: number): void {
  if (length !== expected) throw frameSizeError(type, length);
}

function frameSizeError(type: number, length: number): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `A frame of type ${type} cannot have ${length} bytes`);
}

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, message);
}
