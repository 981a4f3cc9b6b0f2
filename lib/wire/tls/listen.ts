/** Listeners that speak TLS. @module */
import { JumpstarterError, messageOf } from "../../core/errors.ts";
import type { KeyedCertificate } from "./x509.ts";

/**
 * Listens on a TCP address with TLS, for HTTP/2 only. A connection's handshake runs with its first read or write.
 *
 * @throws {JumpstarterError} `invalid_argument` when certificate and key do not go together; what `Deno.listen` throws
 * for the address.
 */
export function listenTls(
  at: Deno.TcpListenOptions,
  { certificate, key }: KeyedCertificate,
): Deno.TlsListener {
  try {
    return Deno.listenTls({ ...at, cert: certificate, key, alpnProtocols: ["h2"] });
  } catch (error) {
    const ofSystem = error instanceof Error && !(error instanceof Deno.errors.InvalidData) &&
      Object.values(Deno.errors).some((kind) => error instanceof kind);
    if (ofSystem) throw error;
    throw new JumpstarterError("invalid_argument", `Certificate and key cannot be used: ${messageOf(error)}`, {
      phase: "config",
      cause: error,
    });
  }
}
