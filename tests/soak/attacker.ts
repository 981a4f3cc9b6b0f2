/**
 * Whoever attacks an exporter: any number of connections at once.
 *
 * @module
 */
import { writeAll } from "../../lib/core/pipe.ts";

/** One connection of an attacker. It rejects when the exporter has had enough of it. */
export class Stranger {
  readonly #connection: Deno.TcpConn;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  async send(...parts: Uint8Array[]): Promise<void> {
    for (const part of parts) await writeAll(this.#connection, part);
  }

  /** The next piece of what the exporter says, as text. */
  async read(): Promise<string> {
    const buffer = new Uint8Array(4_096);
    const count = await this.#connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  }

  /** Throws away what the exporter says until it ends the connection. Never rejects. */
  async discard(): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      while (await this.#connection.read(buffer) !== null);
    } catch { /* It has been reset. */ }
  }

  close(): void {
    try {
      this.#connection.close();
    } catch { /* It is closed already. */ }
  }
}

/** The source of an attack. */
export class Attacker {
  /** What the exporter did that it must not. */
  readonly complaints = new Set<string>();
  /** Connections that were made. */
  connections = 0;
  /** Whether it is time to stop. */
  over = false;
  /** Resolves with the first connection. */
  readonly begun: Promise<void>;
  readonly #begin: () => void;
  readonly #target: Deno.ConnectOptions;
  readonly #strangers = new Set<Stranger>();

  constructor(target: Deno.ConnectOptions) {
    this.#target = target;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    this.#begin = resolve;
  }

  /** So many connections at once; where one has ended, the next one follows until the time is over. */
  async crowd(size: number, act: (stranger: Stranger) => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: size }, async () => {
      while (!this.over) {
        await this.#once(act);
        // The exporter's work is to be measured, not that of the kernel with new connections.
        await this.pause(20 + size);
      }
    }));
  }

  async #once(act: (stranger: Stranger) => Promise<void>): Promise<void> {
    let stranger: Stranger;
    try {
      stranger = new Stranger(await Deno.connect(this.#target));
    } catch {
      return; // It is full.
    }
    this.connections++;
    this.#begin();
    this.#strangers.add(stranger);
    try {
      await act(stranger);
    } catch { /* The exporter has ended the connection. */ }
    this.#strangers.delete(stranger);
    stranger.close();
  }

  pause(ms: number): Promise<void> {
    return new Promise((wake) => setTimeout(wake, ms));
  }

  /** Ends it all. */
  stop(): void {
    this.over = true;
    for (const stranger of this.#strangers) stranger.close();
  }
}
