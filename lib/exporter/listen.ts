/**
 * Listeners of an exporter: sockets whose connections are served by a session.
 *
 * @module
 */
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { hostPort } from "../core/host_port.ts";
import { serveConnection } from "../wire/rpc/server.ts";
import type { ServedConnection } from "../wire/rpc/types.ts";
import type { Session } from "./session.ts";

/** Where to listen: a TCP address, port 0 for any free one, or the path of a unix socket. */
export type ListenAddress = { readonly hostname: string; readonly port: number } | { readonly path: string };

/** Limits that keep strangers from using up the exporter's memory and descriptors. */
export interface ListenLimits {
  /** Connections at once. @default 512 */
  connections?: number;
  /** Connections from one address that have not made a call yet. @default 64 */
  silentConnectionsPerAddress?: number;
}

/** A socket that is being served. */
export interface Listening {
  /** What a client's `--host` takes: `127.0.0.1:7000` or a path. */
  readonly address: string;
  /** Stops listening, lets running calls finish within `graceMs` milliseconds, then drops the rest. */
  close(graceMs: number): Promise<void>;
}

/**
 * Serves a session on a socket.
 *
 * @throws {JumpstarterError} `unavailable` when the address cannot be listened on.
 */
export function listen(session: Session, at: ListenAddress, limits: ListenLimits = {}): Listening {
  return new Listener(session, open(at), limits);
}

function open(at: ListenAddress): Deno.Listener {
  try {
    return "path" in at ? Deno.listen({ transport: "unix", path: at.path }) : Deno.listen(at);
  } catch (error) {
    const address = "path" in at ? at.path : hostPort(at.hostname, at.port);
    const taken = error instanceof Deno.errors.AddrInUse;
    throw new JumpstarterError(
      "unavailable",
      `Cannot listen on ${address}: ${taken ? "the port is in use" : messageOf(error)}`,
      { phase: "usage", hint: taken ? "--listen 127.0.0.1:0 picks a free port" : undefined, cause: error },
    );
  }
}

class Listener implements Listening {
  readonly address: string;
  readonly #session: Session;
  readonly #listener: Deno.Listener;
  readonly #limits: Required<ListenLimits>;
  readonly #connections = new Map<ServedConnection, string>();
  /** How many connections of an address have not made a call yet. */
  readonly #silent = new Map<string, number>();
  readonly #accepting: Promise<void>;
  #closed = false;

  constructor(session: Session, listener: Deno.Listener, limits: ListenLimits) {
    this.#session = session;
    this.#listener = listener;
    this.#limits = { connections: 512, silentConnectionsPerAddress: 64, ...limits };
    const { addr } = listener;
    this.address = addr.transport === "tcp" ? hostPort(addr.hostname, addr.port) : (addr as Deno.UnixAddr).path;
    this.#accepting = this.#accept();
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#serve(await this.#listener.accept());
      } catch (error) {
        // A peer that resets before it is accepted shows up here; the listener itself is fine.
        if (this.#closed || error instanceof Deno.errors.BadResource) return;
        this.#session.log.debug("connection lost before it was accepted", { error: messageOf(error) });
        // Out of descriptors, accept fails until some are free: do not spin.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  #serve(connection: Deno.Conn): void {
    const { remoteAddr } = connection;
    const isTcp = remoteAddr.transport === "tcp";
    const host = isTcp ? remoteAddr.hostname : "unix";
    const peer = isTcp ? hostPort(host, remoteAddr.port) : "unix";
    const refusal = this.#refusal(host);
    if (refusal) {
      this.#session.log.warn("connection refused", { peer, reason: refusal });
      return connection.close();
    }
    if (isTcp) (connection as Deno.TcpConn).setNoDelay();
    let silent = true;
    this.#count(host, 1);
    const speak = () => {
      if (!silent) return;
      silent = false;
      this.#count(host, -1);
    };
    const served = serveConnection(connection, {
      peer,
      router: (path) => {
        speak();
        return this.#session.router(path);
      },
      onWarning: (text, fields) => this.#session.log.warn(text, fields),
    });
    this.#connections.set(served, host);
    this.#session.log.info("client connected", { peer });
    served.closed.then(() => {
      speak();
      this.#connections.delete(served);
      this.#session.log.debug("client disconnected", { peer });
    });
  }

  #refusal(host: string): string | undefined {
    if (this.#connections.size >= this.#limits.connections) return "too many connections";
    const silent = this.#silent.get(host) ?? 0;
    return silent >= this.#limits.silentConnectionsPerAddress
      ? "too many idle connections from this address"
      : undefined;
  }

  #count(host: string, change: number): void {
    const count = (this.#silent.get(host) ?? 0) + change;
    if (count === 0) this.#silent.delete(host);
    else this.#silent.set(host, count);
  }

  async close(graceMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    if (this.#listener.addr.transport === "unix") removeSocket((this.#listener.addr as Deno.UnixAddr).path);
    await Promise.all([...this.#connections.keys()].map((connection) => connection.shutdown(graceMs)));
    await this.#accepting;
  }
}

function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* Its folder may have been removed before. */ }
}
