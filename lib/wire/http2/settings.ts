import { ConnectionError, ErrorCode } from "./error_code.ts";
import {
  defaultWindowBytes,
  maxMaxFrameBytes,
  maxWindowBytes,
  minMaxFrameBytes,
  readUint32,
  Setting,
} from "./frames.ts";
import { defaultTableBytes } from "./hpack_table.ts";
import type { Limits } from "./limits.ts";

/** What the peer's SETTINGS say (RFC 9113 section 6.5.2), as far as it concerns us. */
export interface PeerSettings {
  headerTableBytes: number;
  maxConcurrentStreams: number;
  initialWindowBytes: number;
  maxFrameBytes: number;
}

/** What holds before the peer's SETTINGS arrive. The protocol has no limit of streams; 100 is what it advises at least. */
export const initialPeerSettings: Readonly<PeerSettings> = {
  headerTableBytes: defaultTableBytes,
  maxConcurrentStreams: 100,
  initialWindowBytes: defaultWindowBytes,
  maxFrameBytes: minMaxFrameBytes,
};

/** The settings that we announce. */
export function ownSettings(role: "server" | "client", limits: Limits): [id: number, value: number][] {
  return [
    role === "server" ? [Setting.MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams] : [Setting.ENABLE_PUSH, 0],
    [Setting.INITIAL_WINDOW_SIZE, limits.initialWindowBytes],
    [Setting.MAX_FRAME_SIZE, limits.maxFrameBytes],
    [Setting.MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
  ];
}

/**
 * The settings after a SETTINGS frame with that payload.
 *
 * @throws {ConnectionError} when a value is not allowed.
 */
export function withSettings(settings: PeerSettings, payload: Uint8Array): PeerSettings {
  const changed = { ...settings };
  for (let at = 0; at < payload.length; at += 6) {
    const id = payload[at] << 8 | payload[at + 1];
    const value = readUint32(payload, at + 2);
    switch (id) {
      case Setting.HEADER_TABLE_SIZE:
        changed.headerTableBytes = value;
        break;
      case Setting.ENABLE_PUSH:
        mustBe(value <= 1, ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH", value);
        break;
      case Setting.MAX_CONCURRENT_STREAMS:
        changed.maxConcurrentStreams = value;
        break;
      case Setting.INITIAL_WINDOW_SIZE:
        mustBe(value <= maxWindowBytes, ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE", value);
        changed.initialWindowBytes = value;
        break;
      case Setting.MAX_FRAME_SIZE:
        mustBe(
          value >= minMaxFrameBytes && value <= maxMaxFrameBytes,
          ErrorCode.PROTOCOL_ERROR,
          "MAX_FRAME_SIZE",
          value,
        );
        changed.maxFrameBytes = value;
        break;
    }
  }
  return changed;
}

function mustBe(condition: boolean, errorCode: number, name: string, value: number): void {
  if (!condition) throw new ConnectionError(errorCode, `The value ${value} is not allowed for SETTINGS_${name}`);
}
