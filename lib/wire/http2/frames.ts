/**
 * The numbers of HTTP/2's frames (RFC 9113 sections 4 and 6).
 *
 * @module
 */

/** What a client sends first (RFC 9113 section 3.4). */
export const preface: Uint8Array<ArrayBuffer> = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Bytes of a frame's header: length (3), type (1), flags (1), stream (4). */
export const frameHeaderBytes = 9;

/** Frame types. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Frame flags. */
export const Flag = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Settings that are sent or obeyed. */
export const Setting = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

/** Bytes of a window before any SETTINGS (RFC 9113 section 6.9.2). */
export const defaultWindowBytes = 65_535;
/** Bytes that no window may exceed (section 6.9.1). */
export const maxWindowBytes = 0x7fff_ffff;
/** The highest number of a stream (section 5.1.1). */
export const maxStreamId = 0x7fff_ffff;
/** Smallest and default SETTINGS_MAX_FRAME_SIZE, in bytes. */
export const minMaxFrameBytes = 16_384;
/** Largest SETTINGS_MAX_FRAME_SIZE, in bytes. */
export const maxMaxFrameBytes = 0xff_ffff;

/** Reads the unsigned 32-bit number at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** Writes an unsigned 32-bit number at `at`. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
