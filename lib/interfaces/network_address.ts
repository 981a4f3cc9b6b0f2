/** What all network drivers say the same way: their address, and why they could not connect. @module */
import { lookup } from "node:dns/promises";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { hostPort } from "../core/host_port.ts";

/**
 * Makes sure that clients may know the address.
 *
 * @throws {JumpstarterError} `invalid_argument` when the config keeps the address to itself; Python's clients know the
 * text and fall back to forwarding.
 */
export function addressAllowed(enabled: boolean): void {
  if (enabled) return;
  throw new JumpstarterError("invalid_argument", "enable_address mode is not true in the exporter configuration", {
    hint: "Use forward-tcp",
  });
}

/**
 * The URL of a device's port, its name resolved to an address: `tcp://192.0.2.7:22`. IPv6 stands in brackets, and a
 * name that does not resolve is given as it is.
 *
 * @throws {JumpstarterError} as {@linkcode addressAllowed}.
 */
export async function networkAddress(scheme: string, host: string, port: number, enabled: boolean): Promise<string> {
  addressAllowed(enabled);
  const address = await lookup(host).then((found) => found.address, () => host);
  return `${scheme}://${hostPort(address, port)}`;
}

/** Why the device could not be connected to. */
export function deviceFailure(target: string, error: unknown): JumpstarterError {
  return new JumpstarterError("unavailable", `Cannot connect to the device at ${target}: ${messageOf(error)}`, {
    phase: "driver",
    cause: error,
  });
}
