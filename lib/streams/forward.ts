/**
 * Forwards: a local listener, each of whose connections is joined to a stream of its own.
 *
 * @module
 */
import { type ByteStream, byteStreamOfPipe } from "../core/byte_stream.ts";
import { JumpstarterError, messageOf } from "../core/errors.ts";
import { hostPort } from "../core/host_port.ts";
import { pause } from "../core/limit.ts";
import { join } from "./pump.ts";

/** A listener that forwards. Disposing closes it and every connection that came through it. */
export interface Forward extends AsyncDisposable {
  /** `127.0.0.1:8080`, `[::1]:8080` or the socket's path. */
  readonly address: string;
}

/** What a forward is made of. */
export interface ForwardOptions {
  /** Opens the far end for one connection; the signal aborts when the forward is disposed. */
  open(signal: AbortSignal): Promise<ByteStream>;
  /** Told why the far end of a connection failed, or that one is waited for. The forward itself goes on. */
  onFailure?(message: string): void;
  /** How long the far end may take before that is told, in milliseconds. @default 5000 */
  patienceMs?: number;
}

/**
 * Forwards a local TCP port. Port 0 picks a free one.
 *
 * @throws {JumpstarterError} `unavailable` when the port cannot be listened on.
 */
export function forwardTcp(at: { hostname: string; port: number }, options: ForwardOptions): Forward {
  const listener = listen(hostPort(at.hostname, at.port), portHint, () => Deno.listen(at));
  const { hostname, port } = listener.addr as Deno.NetAddr;
  return new Listening(listener, hostPort(hostname, port), options);
}

/**
 * Forwards a local unix socket that only this user can use. Its folder must exist, the path itself must not
 * (the socket of a run that was killed is in the way).
 *
 * @throws {JumpstarterError} `unavailable` when the path cannot be listened on.
 */
export function forwardUnix(at: { path: string }, options: ForwardOptions): Forward {
  const listener = listen(
    at.path,
    "Choose another path",
    () => privately(() => Deno.listen({ transport: "unix", path: at.path })),
  );
  return new Listening(listener, at.path, options, () => {
    try {
      Deno.removeSync(at.path);
    } catch { /* Its folder may have been removed before. */ }
  });
}

const portHint = "Choose another one, or port 0 for any free port";

class Listening implements Forward {
  readonly address: string;
  readonly #listener: Deno.Listener;
  readonly #options: ForwardOptions;
  readonly #cleanUp: () => void;
  readonly #end = new AbortController();
  readonly #connections = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #isWaitTold = false;

  constructor(listener: Deno.Listener, address: string, options: ForwardOptions, cleanUp = () => {}) {
    this.#listener = listener;
    this.address = address;
    this.#options = options;
    this.#cleanUp = cleanUp;
    this.#accepting = this.#accept();
  }

  async #accept(): Promise<void> {
    while (!this.#end.signal.aborted) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        // A peer that resets before it is accepted must not end the forward (Deno reports it here).
        if (this.#end.signal.aborted || error instanceof Deno.errors.BadResource) return;
        // Out of descriptors, accept fails until some are free: do not spin.
        await pause(10, this.#end.signal).catch(() => {});
        continue;
      }
      if (this.#end.signal.aborted) return connection.close();
      const serving = this.#serve(connection).finally(() => this.#connections.delete(serving));
      this.#connections.add(serving);
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const near = byteStreamOfPipe(connection);
    const { signal } = this.#end;
    const stop = () => void near[Symbol.asyncDispose]();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await using far = await this.#open(signal);
      await join(near, far);
    } catch (error) {
      if (!signal.aborted && !isHangup(error)) this.#options.onFailure?.(messageOf(error));
    } finally {
      signal.removeEventListener("abort", stop);
      await near[Symbol.asyncDispose]();
    }
  }

  /** Opens the far end. That it takes long is told of one connection at a time, since others will wait as well. */
  async #open(signal: AbortSignal): Promise<ByteStream> {
    const { open, onFailure, patienceMs = 5_000 } = this.#options;
    const wait = setTimeout(() => {
      if (this.#isWaitTold) return;
      this.#isWaitTold = true;
      const others = this.#connections.size - 1;
      onFailure?.(`A connection has waited ${patienceMs / 1_000} s for its other end, beside ${others} more`);
    }, patienceMs);
    try {
      const far = await open(signal);
      this.#isWaitTold = false;
      return far;
    } finally {
      clearTimeout(wait);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort(new JumpstarterError("canceled", "The forward has ended"));
    this.#listener.close();
    this.#cleanUp();
    await this.#accepting;
    await Promise.allSettled(this.#connections);
  }
}

/** Whether somebody at this end has gone without a word, which is theirs to do. What the far end says is no such error. */
function isHangup(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

/** Makes what only this user can use, whatever the umask says: the mode of a socket can be given in no other way. */
function privately<T>(make: () => T): T {
  if (Deno.build.os === "windows") return make();
  const before = Deno.umask(0o077);
  try {
    return make();
  } finally {
    Deno.umask(before);
  }
}

function listen(what: string, hint: string, start: () => Deno.Listener): Deno.Listener {
  try {
    return start();
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    throw new JumpstarterError(
      "unavailable",
      `Cannot listen on ${what}: ${taken ? "it is in use" : messageOf(error)}`,
      {
        hint: taken ? hint : undefined,
        phase: "usage",
        cause: error,
      },
    );
  }
}
