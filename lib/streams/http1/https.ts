/** TLS to web servers. @module */
import { systemRoots } from "../../core/system_roots.ts";

/** Makes a connection to a web server trusted: by the public authorities and the system's, for the host's name. */
export async function secureWeb(connection: Deno.TcpConn, hostname: string): Promise<Deno.TlsConn> {
  const tls = await Deno.startTls(connection, { hostname, caCerts: systemRoots(), alpnProtocols: ["http/1.1"] });
  try {
    await tls.handshake();
    return tls;
  } catch (error) {
    tls.close();
    throw error;
  }
}
