/**
 * Opens the pipe to an exporter: name, connection, TLS. Each failure says which of these it was.
 *
 * @module
 */
import { isJumpstarterError, JumpstarterError } from "../core/errors.ts";
import { withLimit } from "../core/limit.ts";
import type { Pipe } from "../core/pipe.ts";
import type { Trust } from "../wire/tls/trust.ts";
import { type Address, renderAddress } from "./address.ts";

/** An address that this process connects to itself. */
export type OpenAddress = Exclude<Address, { ssh: unknown }>;

/**
 * Connects to an address, with TLS where there is somebody to trust.
 *
 * @throws {JumpstarterError} in the phase `resolve`, `connect` or `tls`.
 */
export async function openPipe(address: OpenAddress, trust: Trust | undefined, limitMs: number): Promise<Pipe> {
  const started = performance.now();
  if ("path" in address) return await open(Deno.connect({ transport: "unix", path: address.path }), address, limitMs);
  const connection = await open(Deno.connect(address), address, limitMs);
  if (trust === undefined) return connection;
  // The wire does it for a plain connection, and cannot reach through TLS.
  connection.setNoDelay();
  // Most commands go without TLS, and should not have to load it.
  const { secure } = await import("../wire/tls/trust.ts");
  return await secure(connection, address, trust, Math.max(1, limitMs - (performance.now() - started)));
}

/** The error for a plain connection that led nowhere, if that is because the peer speaks TLS; else the same error. */
export async function plainFailure(error: unknown, address: Address): Promise<unknown> {
  if (!("hostname" in address) || !isJumpstarterError(error, "unavailable", "internal")) {
    return error;
  }
  const { speaksTls } = await import("../wire/tls/trust.ts");
  if (!await speaksTls(address, 2_000)) return error;
  return new JumpstarterError("unavailable", `${renderAddress(address)} speaks TLS, and this connection does not`, {
    phase: "tls",
    hint: "--tls-fingerprint SHA256 as the exporter prints it, or --tls-ca FILE; leave --plaintext out",
    cause: error,
  });
}

async function open<T extends Deno.Conn>(opening: Promise<T>, address: Address, limitMs: number): Promise<T> {
  const target = renderAddress(address);
  try {
    return await withLimit(opening, limitMs, `Connecting to ${target}`);
  } catch (error) {
    opening.then((late) => late.close(), () => {});
    const { connectFailure } = await import("../core/connect_failure.ts");
    throw connectFailure(target, error);
  }
}
