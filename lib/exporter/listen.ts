/**
 * Listeners of an exporter: sockets whose connections are served by a session.
 *
 * @module
 */
import { hostname } from "node:os";
import { messageOf } from "../core/errors.ts";
import { hostPort } from "../core/host_port.ts";
import { serveConnection } from "../wire/rpc/server.ts";
import type { Router, ServedConnection } from "../wire/rpc/types.ts";
import type { Acceptor } from "../wire/http2/mod.ts";
import { authorityEndpoint } from "../wire/tls/authority_endpoint.ts";
import { guarded, PassphraseGuard } from "./passphrase.ts";
import type { Session } from "./session.ts";
import type { ServerSocket } from "./socket.ts";
import { webHandler } from "./web_service.ts";

/** Limits that keep strangers from using up the exporter's memory and descriptors. */
export interface ListenLimits {
  /** Connections at once. @default 512 */
  connections?: number;
  /** Served connections from one address that have not made a call yet; further ones wait. @default 64 */
  silentConnectionsPerAddress?: number;
}

/** A socket that is being served. */
export interface Listening {
  /** What a client's `--host` takes: `127.0.0.1:7000` or a path. */
  readonly address: string;
  /** Looks whether it is time for another certificate, as it does by itself from time to time. */
  renew(): Promise<void>;
  /** Stops listening, lets running calls finish within `graceMs` milliseconds, then drops the rest. */
  close(graceMs: number): Promise<void>;
}

/** Serves a session on a socket, which belongs to its listener from now on. */
export function serve(session: Session, socket: ServerSocket, limits: ListenLimits = {}): Listening {
  return new Listener(session, socket, limits);
}

/** Names that lead to this machine, in lower case. */
function namesOf(given: string): ReadonlySet<string> {
  const machine = hostname().toLowerCase();
  return new Set(["localhost", machine, `${machine}.local`, given.toLowerCase()]);
}

/** How often a certificate is looked after, in milliseconds: a clock that was wrong at the start is noticed soon. */
const renewalMs = 60_000;

class Listener implements Listening {
  readonly address: string;
  readonly #session: Session;
  readonly #socket: ServerSocket;
  /** Shows its certificate to clients that ask for it. */
  readonly #authority?: Acceptor;
  /** By which requests that a browser may have sent have to address it. */
  readonly #names?: ReadonlySet<string>;
  readonly #guard?: PassphraseGuard;
  readonly #limits: Required<ListenLimits>;
  readonly #connections = new Map<ServedConnection, string>();
  /** How many connections of an address have not made a call yet. */
  readonly #silent = new Map<string, number>();
  /** Connections that wait until a silent one of their address has made a call or left. */
  readonly #waiting: { host: string; connection: Deno.Conn }[] = [];
  readonly #accepting: Promise<void>;
  readonly #renewal?: ReturnType<typeof setInterval>;
  #closed = false;

  constructor(session: Session, socket: ServerSocket, limits: ListenLimits) {
    const { at } = socket;
    this.#session = session;
    this.#socket = socket;
    this.#limits = { connections: 512, silentConnectionsPerAddress: 64, ...limits };
    const { address } = this.#socket;
    // Deno 2.6 leaves the transport of a TLS listener's address out.
    this.address = "hostname" in address ? hostPort(address.hostname, address.port) : (address as Deno.UnixAddr).path;
    if ("hostname" in at) {
      const authority = at.identity?.authority;
      this.#authority = authority && authorityEndpoint(authority.certificate);
      // No page of another name gets through TLS: the certificate does not fit.
      if (!at.identity) this.#names = namesOf(at.hostname);
      this.#guard = at.passphrase === undefined ? undefined : new PassphraseGuard(at.passphrase);
      if (at.identity) this.#renewal = setInterval(() => void this.renew(), renewalMs);
    }
    this.#accepting = this.#accept();
  }

  async renew(): Promise<void> {
    try {
      if (await this.#socket.renew()) this.#session.log.info("certificate renewed");
    } catch (error) {
      this.#session.log.error("certificate not renewed", { error: messageOf(error) });
    }
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#socket.accept();
        if (this.#closed) return connection.close();
        this.#admit(connection);
      } catch (error) {
        // A peer that resets before it is accepted shows up here; the listener itself is fine.
        if (this.#closed || error instanceof Deno.errors.BadResource) return;
        this.#session.log.debug("connection lost before it was accepted", { error: messageOf(error) });
        // Out of descriptors, accept fails until some are free: do not spin.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  #admit(connection: Deno.Conn): void {
    const { remoteAddr } = connection;
    const host = "hostname" in remoteAddr ? remoteAddr.hostname : "unix";
    if (this.#connections.size + this.#waiting.length >= this.#limits.connections) {
      this.#session.log.warn("connection refused", { peer: host, reason: "too many connections" });
      connection.close();
    } else if ((this.#silent.get(host) ?? 0) >= this.#limits.silentConnectionsPerAddress) {
      this.#waiting.push({ host, connection });
    } else {
      this.#serve(connection, host);
    }
  }

  #serve(connection: Deno.Conn, host: string): void {
    const { remoteAddr } = connection;
    const peer = "hostname" in remoteAddr ? hostPort(host, remoteAddr.port) : "unix";
    let silent = true;
    this.#count(host, 1);
    const speak = () => {
      if (!silent) return;
      silent = false;
      this.#count(host, -1);
    };
    const { router, native, log } = this.#session;
    const admitted: Router = (path, headerOf) => {
      speak();
      return router(path, headerOf);
    };
    const onRefused = (method: string) =>
      log.warn("authentication failed: invalid or missing passphrase", { peer, method });
    const door = this.#guard?.door({ address: host, onRefused });
    const web = webHandler(native, { door, names: this.#names, onAdmitted: speak });
    if ("handshake" in connection) this.#watchHandshake(connection as Deno.TlsConn, peer);
    const served = serveConnection(connection, {
      peer,
      router: door ? guarded(admitted, door) : admitted,
      otherwise: this.#authority,
      web,
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

  /** Says why a peer did not get through; reading and writing fail as well, but quietly. */
  #watchHandshake(connection: Deno.TlsConn, peer: string): void {
    connection.handshake().catch((error) => {
      this.#session.log.warn("TLS handshake failed", { peer, error: messageOf(error) });
    });
  }

  #count(host: string, change: number): void {
    const count = (this.#silent.get(host) ?? 0) + change;
    if (count === 0) this.#silent.delete(host);
    else this.#silent.set(host, count);
    if (change > 0 || this.#closed) return;
    const next = this.#waiting.findIndex((waiting) => waiting.host === host);
    if (next >= 0) this.#serve(this.#waiting.splice(next, 1)[0].connection, host);
  }

  async close(graceMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#renewal);
    this.#socket.close();
    for (const { connection } of this.#waiting) connection.close();
    await Promise.all([...this.#connections.keys()].map((connection) => connection.shutdown(graceMs)));
    await this.#accepting;
  }
}
