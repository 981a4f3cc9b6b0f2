/**
 * The socket that an exporter listens on. With TLS it changes its certificate while it is open.
 *
 * @module
 */
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { hostPort } from "../core/host_port.ts";
import type { Identity } from "../wire/tls/identity.ts";
import { listenTls } from "../wire/tls/listen.ts";

/** A TCP address, port 0 for any free one, and what protects it. */
export interface TcpAddress {
  readonly hostname: string;
  readonly port: number;
  /** Left out, it is served without TLS. */
  readonly identity?: Identity;
  /** Left out, whoever reaches the port may call. */
  readonly passphrase?: string;
}

/** Where to listen: a TCP address, or the path of a unix socket, which its file's permissions protect. */
export type ListenAddress = TcpAddress | { readonly path: string };

/** A socket that is being listened on. */
export class ServerSocket {
  readonly at: ListenAddress;
  readonly #identity?: Identity;
  #listener: Deno.Listener;
  /** The certificate has been renewed, and the listener has to be as well; resolved when it is. */
  #renewal: PromiseWithResolvers<void> | undefined;
  #closed = false;

  /** @throws {JumpstarterError} `unavailable` when the address cannot be listened on. */
  constructor(at: ListenAddress) {
    this.at = at;
    this.#listener = open(at);
    this.#identity = "path" in at ? undefined : at.identity;
  }

  get address(): Deno.Addr {
    return this.#listener.addr;
  }

  /** The next connection. Rejects with BadResource once the socket is closed, and when a connection is lost early. */
  async accept(): Promise<Deno.Conn> {
    for (;;) {
      try {
        return await this.#listener.accept();
      } catch (error) {
        if (this.#closed || !this.#renewal) throw error;
      }
      // The port is free only now that nobody waits for the old listener any more.
      const { hostname, port } = this.#listener.addr as Deno.NetAddr;
      this.#listener = open({ hostname, port, identity: this.#identity });
      this.#renewal.resolve();
      this.#renewal = undefined;
    }
  }

  /**
   * Looks whether it is time for another certificate, and listens with that one from then on. Connections that are there
   * stay. `true` when there is another one.
   */
  async renew(): Promise<boolean> {
    if (this.#renewal || !await this.#identity?.renew() || this.#closed) return false;
    this.#renewal = Promise.withResolvers();
    closeQuietly(this.#listener);
    await this.#renewal.promise;
    return !this.#closed;
  }

  /** Frees the address. Safe to call twice: whoever has taken a path since then keeps it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#listener);
    this.#renewal?.resolve();
    const { addr } = this.#listener;
    if (addr.transport !== "unix") return;
    try {
      Deno.removeSync((addr as Deno.UnixAddr).path);
    } catch { /* Its folder may have been removed before. */ }
  }
}

/** Connections that the system may hold until they are accepted. One that finds no room tries again after a second. */
const tcpBacklog = 4_096;

function open(at: ListenAddress): Deno.Listener {
  try {
    if ("path" in at) return Deno.listen({ transport: "unix", path: at.path });
    const { hostname, port, identity } = at;
    const options = { hostname, port, tcpBacklog };
    return identity ? listenTls(options, identity.current) : Deno.listen(options);
  } catch (error) {
    if (error instanceof JumpstarterError) throw error;
    const address = "path" in at ? at.path : hostPort(at.hostname, at.port);
    const { why, hint } = whyNot(error);
    throw new JumpstarterError("unavailable", `Cannot listen on ${address}: ${why}`, {
      phase: "usage",
      hint,
      cause: error,
    });
  }
}

function whyNot(error: unknown): { why: string; hint?: string } {
  if (error instanceof Deno.errors.AddrInUse) {
    return { why: "the port is in use", hint: "--listen 127.0.0.1:0 picks a free port" };
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return { why: "this machine has no such address", hint: "--listen 0.0.0.0:PORT listens on all that it has" };
  }
  return { why: messageOf(error) };
}

function closeQuietly(listener: Deno.Listener): void {
  try {
    listener.close();
  } catch { /* It is being replaced. */ }
}
