/** A port behind a TCP socket that passes its bytes and nothing else, as ser2net and QEMU serve them. @module */
import { byteStreamOfPipe } from "../../lib/core/byte_stream.ts";
import { JumpstarterError } from "../../lib/core/errors.ts";
import { hostPort, withoutBrackets } from "../../lib/core/host_port.ts";
import { deviceFailure } from "../../lib/interfaces/network_address.ts";
import type { Port } from "./port.ts";

/** How long a server may take to answer, in milliseconds. */
const connectMs = 5_000;

/** The port at `socket://HOST:PORT`. */
export function socketPort(url: string): Port {
  const { address } = parseAddress(url, "socket", []);
  return {
    async open(_, signal) {
      const connection = await dial(address, signal);
      return { bytes: byteStreamOfPipe(connection), [Symbol.asyncDispose]: () => close(connection) };
    },
  };
}

/** Where a server is. */
export interface SocketAddress {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Takes `SCHEME://HOST:PORT?OPTION` apart. pySerial's `logging` may stand among the options and is passed over.
 *
 * @throws {JumpstarterError} `invalid_argument`
 */
export function parseAddress(
  url: string,
  scheme: string,
  known: readonly string[],
): { address: SocketAddress; options: URLSearchParams } {
  const parts = URL.canParse(url) ? new URL(url) : undefined;
  const port = Number(parts?.port);
  if (!parts?.hostname || !port || (parts.pathname !== "" && parts.pathname !== "/")) {
    throw new JumpstarterError("invalid_argument", `Expected ${scheme}://HOST:PORT, got ${url}`);
  }
  for (const key of parts.searchParams.keys()) {
    if (key === "logging" || known.includes(key)) continue;
    const expected = known.length > 0 ? `Expected ${known.join(" or ")}` : "Expected no option";
    throw new JumpstarterError("invalid_argument", `${expected} after ${scheme}://HOST:PORT, got ${key}`);
  }
  return { address: { hostname: withoutBrackets(parts.hostname), port }, options: parts.searchParams };
}

/** Connects, and notices a server that went without a word. */
export async function dial(address: SocketAddress, signal: AbortSignal): Promise<Deno.TcpConn> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
  const connection = await Deno.connect({ ...address, signal: both }).catch((error) => {
    throw deviceFailure(hostPort(address.hostname, address.port), error);
  });
  connection.setNoDelay();
  connection.setKeepAlive();
  return connection;
}

/** Closes a connection that may have been closed already. */
export function close(connection: Deno.Conn): Promise<void> {
  try {
    connection.close();
  } catch { /* it has been */ }
  return Promise.resolve();
}
