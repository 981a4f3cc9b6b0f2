/**
 * Every limit of a connection, in one place.
 *
 * @module
 */

import { defaultWindowBytes, minMaxFrameBytes } from "./frames.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** What one connection may cost. Each limit has a test in `tests/wire/limits_test.ts`. */
export interface Limits {
  /**
   * Milliseconds until the peer's first SETTINGS frame must have arrived; 0 waits for ever. A connection inside a
   * router's stream waits: its peer may arrive much later.
   */
  handshakeMs: number;
  /**
   * Milliseconds of silence after which a PING asks the peer whether it is still there; when nothing comes for as long
   * again, the connection is given up. 0 never asks: a Python exporter counts PINGs on its unix sockets, and on what is
   * tunnelled to them, as abuse.
   */
  keepaliveMs: number;
  /** Milliseconds for which a connection that is being closed waits for the peer to take the last bytes. */
  lingerMs: number;

  /** Bytes of one received gRPC message. It is stored as its bytes arrive, never by its declared length. */
  maxMessageBytes: number;

  /** Bytes of one header list as RFC 9113 section 6.5.2 counts them. A longer one is refused with its stream. */
  maxHeaderListBytes: number;
  /** Bytes of one compressed header block. A longer one ends the connection: it would have to be held to be decoded. */
  maxHeaderBlockBytes: number;
  /** CONTINUATION frames of one header block; more end the connection. */
  maxContinuations: number;

  /** Streams that a peer may have open at once; it is announced, and more are refused. */
  maxConcurrentStreams: number;
  /**
   * Calls of one connection whose handlers still run, those that the caller has already given up included. More are
   * refused, so that opening and resetting streams costs no more than leaving them open (CVE-2023-44487).
   */
  maxRunningCalls: number;
  /** Streams that the peer may reset, or make us reset (CVE-2025-8671), in a burst; more end the connection. */
  resetBurst: number;
  /** Resets by which that burst recovers in a second. */
  resetsPerSecond: number;
  /** Frames that cost an answer or nothing at all (PING, SETTINGS, PRIORITY, empty DATA) that may come in a burst. */
  controlBurst: number;
  /** Such frames by which that burst recovers in a second. */
  controlsPerSecond: number;
  /** Bytes that may wait to be written; a peer that asks but does not read what it asked for is given up. */
  maxQueuedBytes: number;

  /** Bytes that a peer may send on a new stream before anything was read from it. */
  initialWindowBytes: number;
  /** Bytes to which a stream's window may grow while the budget of the process allows it. */
  maxWindowBytes: number;
  /** Bytes that may be under way on the connection; they are credited on receipt. */
  connectionWindowBytes: number;
  /** Bytes of one frame, announced to the peer. DATA frames are not held, so this costs no memory. */
  maxFrameBytes: number;
}

/** The limits that hold where a caller names none. */
export const defaultLimits: Readonly<Limits> = {
  handshakeMs: 10_000,
  keepaliveMs: 0,
  lingerMs: 500,
  maxMessageBytes: 32 * MiB,
  maxHeaderListBytes: 16 * KiB,
  maxHeaderBlockBytes: 64 * KiB,
  maxContinuations: 32,
  maxConcurrentStreams: 256,
  maxRunningCalls: 1024,
  resetBurst: 2_000,
  resetsPerSecond: 1_000,
  controlBurst: 10_000,
  controlsPerSecond: 1_000,
  maxQueuedBytes: 4 * MiB,
  initialWindowBytes: 256 * KiB,
  maxWindowBytes: 4 * MiB,
  connectionWindowBytes: 16 * MiB,
  maxFrameBytes: 256 * KiB,
};

/**
 * Bytes that messages which no handler has got yet may take together, in all connections of a process that serves. It is
 * no less than the longest message.
 */
export const unreadMessageBytes = 32 * MiB;

/** Calls whose handlers may run in all connections of a process that serves. One costs some 8 KiB before it has sent anything. */
export const runningCallsMost = 8_192;

/**
 * Bytes that the stream windows of all connections of the process may grow to together. It is less than what unread
 * messages may take: readers that pause after a quick start, as devices do, then hold their senders back, and no stream
 * has to go for it.
 */
export const windowBudgetBytes = unreadMessageBytes / 4 * 3;

/**
 * Fills in the default of every limit that is not named, and raises those that a peer could not keep, since it may send
 * before it has heard of them.
 */
export function withDefaults(limits: Partial<Limits> = {}): Limits {
  const all = { ...defaultLimits, ...limits };
  return {
    ...all,
    initialWindowBytes: Math.max(all.initialWindowBytes, defaultWindowBytes),
    connectionWindowBytes: Math.max(all.connectionWindowBytes, defaultWindowBytes),
    maxFrameBytes: Math.max(all.maxFrameBytes, minMaxFrameBytes),
  };
}
