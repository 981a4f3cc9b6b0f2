/**
 * Listeners of an exporter: sockets whose connections are served by a session.
 *
 * @module
 */
import { hostname } from "node:os";
import { messageOf } from "../core/errors.ts";
import { hostPort } from "../core/host_port.ts";
import { Turn } from "../core/turn.ts";
import { serveConnection } from "../wire/rpc/server.ts";
import type { Router, ServedConnection } from "../wire/rpc/types.ts";
import type { Acceptor } from "../wire/http2/mod.ts";
import { authorityEndpoint } from "../wire/tls/authority_endpoint.ts";
import { Admission } from "./admission.ts";
import { guarded, PassphraseGuard } from "./passphrase.ts";
import type { Session } from "./session.ts";
import type { ServerSocket } from "./socket.ts";
import { webHandler } from "./web_service.ts";

/** Limits that keep strangers from using up the exporter's memory and descriptors. */
export interface ListenLimits {
  /** Connections at once. @default 2048 */
  connections?: number;
}

/** A socket that is being served. */
export interface Listening {
  /** What a client's `--host` takes: `127.0.0.1:7000` or a path. */
  readonly address: string;
  /** Looks whether it is time for another certificate, as it does by itself from time to time. */
  renew(): Promise<void>;
  /**
   * Stops listening, lets running calls finish within `graceMs` milliseconds, then drops the rest. `why` is what clients
   * are told.
   */
  close(graceMs: number, why?: string): Promise<void>;
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
  readonly #admission: Admission;
  readonly #connections = new Set<ServedConnection>();
  readonly #accepting: Promise<void>;
  readonly #renewal?: ReturnType<typeof setInterval>;
  #closed = false;

  constructor(session: Session, socket: ServerSocket, limits: ListenLimits) {
    const { at } = socket;
    this.#session = session;
    this.#socket = socket;
    this.#admission = new Admission(limits.connections ?? 2_048);
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
    const turn = new Turn();
    while (!this.#closed) {
      try {
        const connection = await this.#socket.accept();
        if (this.#closed) return connection.close();
        this.#admit(connection);
        // However many come at once, those that are there are heard in between.
        const over = turn.over();
        if (over) await over;
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
    const { router, native, log } = this.#session;
    const { remoteAddr } = connection;
    const address = "hostname" in remoteAddr ? remoteAddr.hostname : "unix";
    const peer = "hostname" in remoteAddr ? hostPort(address, remoteAddr.port) : "unix";
    const guest = {
      address,
      drop: () => {
        log.debug("client dropped", { peer, reason: "silent while all places are taken" });
        void served.shutdown(0);
      },
    };
    if (!this.#admission.admit(guest)) {
      log.warn("connection refused", { peer, reason: "too many connections" });
      return connection.close();
    }
    const speaks = () => this.#admission.speaks(guest);
    const admitted: Router = (path, headerOf) => {
      speaks();
      return router(path, headerOf);
    };
    const onRefused = (method: string) =>
      log.warn("authentication failed: invalid or missing passphrase", { peer, method });
    const door = this.#guard?.door({ address, onRefused });
    const onForeign = (reason: string) => log.warn("request refused", { peer, reason });
    const web = webHandler(native, { door, names: this.#names, onAdmitted: speaks, onForeign });
    if ("handshake" in connection) this.#watchHandshake(connection as Deno.TlsConn, peer);
    const served = serveConnection(connection, {
      peer,
      router: door ? guarded(admitted, door) : admitted,
      otherwise: this.#authority,
      web,
      onWarning: (text, fields) => log.warn(text, fields),
    });
    this.#connections.add(served);
    log.info("client connected", { peer });
    served.closed.then(() => {
      this.#admission.leaves(guest);
      this.#connections.delete(served);
      log.debug("client disconnected", { peer });
    });
  }

  /** Says why a peer did not get through; reading and writing fail as well, but quietly. */
  #watchHandshake(connection: Deno.TlsConn, peer: string): void {
    connection.handshake().catch((error) => {
      this.#session.log.warn("TLS handshake failed", { peer, error: messageOf(error) });
    });
  }

  async close(graceMs: number, why?: string): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#renewal);
    this.#socket.close();
    await Promise.all([...this.#connections].map((connection) => connection.shutdown(graceMs, why)));
    await this.#accepting;
  }
}
