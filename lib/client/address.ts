/** Where an exporter is. @module */
import { JumpstarterError } from "../core/errors.ts";
import { hostPort, withoutBrackets } from "../core/host_port.ts";

/** A TCP address or the path of a unix socket. */
export type Address = { readonly hostname: string; readonly port: number } | { readonly path: string };

/**
 * Reads an address as every Jumpstarter program does: what ends in `:` and a number from 1 to 65535 is a TCP address,
 * anything else a path. IPv6 addresses may stand in brackets.
 *
 * @throws {JumpstarterError} `invalid_argument` for text that is neither.
 */
export function parseAddress(text: string): Address {
  const [, host, digits] = /^(.*):(\d+)$/.exec(text) ?? [];
  const port = Number(digits);
  if (host && port >= 1 && port <= 65535) return { hostname: withoutBrackets(host), port };
  if (text.includes("/")) return { path: text };
  throw new JumpstarterError(
    "invalid_argument",
    `Expected HOST:PORT or the path of a socket, got ${JSON.stringify(text)}`,
    {
      phase: "usage",
      hint: text && !text.includes(":") ? `--host ${text}:7000` : undefined,
    },
  );
}

/** The address as it is written. */
export function renderAddress(address: Address): string {
  return "path" in address ? address.path : hostPort(address.hostname, address.port);
}

/** Whether nobody but this machine can be at the other end. */
export function isLocal(address: Address): boolean {
  return "path" in address || isLoopback(address.hostname);
}

/** Whether only this machine can be reached by a host name. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(hostname);
}
