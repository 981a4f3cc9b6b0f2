/** What a port's `url` means: one kind of line behind each of them. @module */
import { JumpstarterError } from "../../lib/core/errors.ts";
import { parsePortName } from "../../lib/hardware/port_name.ts";
import type { ConsoleLine } from "../../lib/streams/console/line.ts";
import { devicePort } from "./device.ts";
import { rfc2217Port } from "./rfc2217.ts";
import { socketPort } from "./socket.ts";

/** How a port is set. */
export interface PortSettings {
  /** Bits per second. */
  readonly baudRate: number;
  /** Whether closing leaves DTR and RTS as they are. */
  readonly keepLines: boolean;
  /** Hears what a device did not accept of it, for people. */
  onDifference(difference: string): void;
}

/** A port that can be opened, and opened again. */
export interface Port {
  open(settings: PortSettings, signal: AbortSignal): Promise<ConsoleLine>;
  /** Throws when the port is not there. Opens nothing. */
  check?(): void;
}

/** The port that is none: each connection hears what it sends itself. */
export const loopUrl = "loop://";

/**
 * Understands a `url`; nothing is opened.
 *
 * @throws {JumpstarterError} `invalid_argument` for one that means nothing here.
 */
export function parsePort(url: string): Port {
  const name = parsePortName(url);
  if (name) return devicePort(name);
  if (url.startsWith("socket://")) return socketPort(url);
  if (url.startsWith("rfc2217://")) return rfc2217Port(url);
  if (url.startsWith("spy://")) {
    throw new JumpstarterError("invalid_argument", `Expected the port itself, got ${url}; record: keeps what is said`);
  }
  throw new JumpstarterError(
    "invalid_argument",
    `Expected a path such as /dev/ttyUSB0, usb://?…, hwgrep://, socket://, rfc2217:// or loop://, got ${
      JSON.stringify(url)
    }`,
  );
}
