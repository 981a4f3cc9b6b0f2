/**
 * A look at a peer without trusting it: to read its certificate, to ask for its authority, or because `--insecure` says
 * so. Only here is node's TLS used; Deno's own cannot leave the check out.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, type TLSSocket } from "node:tls";
import type { Pipe } from "../../core/pipe.ts";

/** A connection whose other end may be anybody. */
export interface Unverified extends Pipe {
  /** The certificate that the peer showed, as DER. */
  readonly certificate: Uint8Array<ArrayBuffer>;
}

/** There was nobody to speak TLS with. Its cause says why. */
export class NotReached extends Error {
  constructor(cause: unknown) {
    super("The peer was not reached", { cause });
  }
}

/**
 * Connects with TLS and checks nothing. Rejects when the peer does not speak TLS, or the signal aborts; with
 * {@linkcode NotReached} when there is no connection yet.
 */
export function connectUnverified(hostname: string, port: number, signal: AbortSignal): Promise<Unverified> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({
      host: hostname,
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      // An address cannot be asked for by name (RFC 6066 section 3).
      servername: /^[\d.]+$|:/.test(hostname) ? "" : hostname,
    });
    let isReached = false;
    socket.once("connect", () => isReached = true);
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", stop);
      socket.destroy();
      reject(isReached ? error : new NotReached(error));
    };
    const stop = () => fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    socket.on("error", fail);
    socket.once("close", () => fail(new Error("The peer closed the connection")));
    socket.once("secureConnect", () => {
      // Deno 2.6 announces a handshake that has failed, without a certificate.
      const { raw } = socket.getPeerCertificate() ?? {};
      if (!raw) return fail(new Error("The peer showed no certificate"));
      signal.removeEventListener("abort", stop);
      resolve(new SocketPipe(socket, new Uint8Array(raw)));
    });
  });
}

class SocketPipe implements Unverified {
  readonly certificate: Uint8Array<ArrayBuffer>;
  readonly #socket: TLSSocket;
  #held: Uint8Array[] = [];
  #ended = false;
  #error: unknown;
  #wake = () => {};

  constructor(socket: TLSSocket, certificate: Uint8Array<ArrayBuffer>) {
    this.#socket = socket;
    this.certificate = certificate;
    socket.on("data", (chunk: Uint8Array) => {
      this.#held.push(chunk);
      socket.pause();
      this.#wake();
    });
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    socket.on("error", (error: unknown) => {
      this.#error = error;
      this.#end();
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#held.length === 0) {
      if (this.#error) throw this.#error;
      if (this.#ended) return null;
      this.#socket.resume();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#held[0];
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#held.shift();
    else this.#held[0] = chunk.subarray(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      // The caller uses its buffer again.
      this.#socket.write(Buffer.from(bytes), (error?: Error | null) => error ? reject(error) : resolve(bytes.length));
    });
  }

  closeWrite(): Promise<void> {
    this.#socket.end();
    return Promise.resolve();
  }

  close(): void {
    this.#socket.destroy();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }
}
