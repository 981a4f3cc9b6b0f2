/**
 * The passphrase that guards a TCP port: everything on it, whether it exists or not. Sockets in the file system have the
 * file system's permissions instead.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { JumpstarterError } from "../core/errors.ts";
import { pause } from "../core/limit.ts";
import { oneMessage } from "../wire/rpc/one_message.ts";
import type { Handler, Router, ServerStream } from "../wire/rpc/types.ts";

/** The header that carries the passphrase, as upstream names it. */
const header = "x-jumpstarter-passphrase";

/** After a wrong guess an address waits this long for the next one, twice as long after the next, and so on. */
const firstDelayMs = 100;
const longestDelayMs = 2_000;
/** Guesses that would have to wait longer are refused unseen. */
const longestQueueMs = 10_000;
/** Peace after which an address is as good as new, in milliseconds. */
const forgetMs = 60_000;
/** Addresses that are remembered. */
const mostAddresses = 4_096;

/** Time, for tests that do not want to wait. */
export interface Clock {
  /** Milliseconds since any moment. */
  now(): number;
  pause(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** Who is calling. */
export interface Caller {
  /** The address that pays for wrong guesses. */
  readonly address: string;
  /** A call was refused; of those that bring no passphrase, only a connection's first is told. */
  onRefused(path: string): void;
}

/**
 * Looks at a request's path and headers. `undefined` lets it in at once; otherwise the caller is let in when the promise
 * resolves, and refused when it rejects.
 */
export type Door = (
  path: string,
  header: (name: string) => string | undefined,
) => ((signal: AbortSignal) => Promise<void>) | undefined;

interface Penalty {
  failures: number;
  /** When the next guess is looked at. */
  freeAt: number;
}

/** Lets calls in that carry the passphrase. One for all connections of a port. */
export class PassphraseGuard {
  readonly #digest: Uint8Array;
  readonly #clock: Clock;
  readonly #penalties = new Map<string, Penalty>();

  constructor(passphrase: string, clock: Clock = { now: () => performance.now(), pause }) {
    this.#digest = digestOf(passphrase);
    this.#clock = clock;
  }

  /**
   * The door of one connection. Wrong guesses of an address are answered, and its next ones looked at, one after the other
   * with growing pauses.
   */
  door(caller: Caller): Door {
    let accepted: string | undefined;
    let isTold = false;
    const isRight = (given: string) => {
      if (!this.#guess(given, caller.address)) return false;
      accepted = given;
      return true;
    };
    return (path, headerOf) => {
      const given = headerOf(header);
      // What was right once is right for as long as the connection.
      if (given !== undefined && given === accepted) return undefined;
      const refuse = () => {
        caller.onRefused(path);
        return refusal();
      };
      if (given === undefined) {
        // Such calls cost their caller nothing, and would fill the log.
        const error = isTold ? refusal() : refuse();
        isTold = true;
        return () => Promise.reject(error);
      }
      const waitMs = this.#queue(caller.address);
      if (waitMs > longestQueueMs) return () => Promise.reject(tooMany());
      if (waitMs === 0) {
        if (isRight(given)) return undefined;
        const delayMs = this.#delayOf(caller.address);
        return (signal) => this.#clock.pause(delayMs, signal).then(() => Promise.reject(refuse()));
      }
      return async (signal) => {
        await this.#clock.pause(waitMs, signal);
        if (!isRight(given)) throw refuse();
      };
    };
  }

  /** How long a guess has to wait for its turn, in milliseconds. */
  #queue(address: string): number {
    const penalty = this.#penalties.get(address);
    if (penalty === undefined) return 0;
    const waitMs = Math.max(0, penalty.freeAt - this.#clock.now());
    if (waitMs > 0 && waitMs <= longestQueueMs) penalty.freeAt += this.#delayOf(address);
    return waitMs;
  }

  #guess(given: string, address: string): boolean {
    if (timingSafeEqual(digestOf(given), this.#digest)) {
      this.#penalties.delete(address);
      return true;
    }
    this.#forgetOld();
    const failures = (this.#penalties.get(address)?.failures ?? 0) + 1;
    const freeAt = this.#penalties.get(address)?.freeAt ?? 0;
    // The one that failed last stands last, so that the first are the oldest.
    this.#penalties.delete(address);
    this.#penalties.set(address, { failures, freeAt });
    this.#penalties.get(address)!.freeAt = Math.max(freeAt, this.#clock.now() + this.#delayOf(address));
    return false;
  }

  #delayOf(address: string): number {
    const failures = this.#penalties.get(address)?.failures ?? 0;
    return failures === 0 ? 0 : Math.min(firstDelayMs * 2 ** (failures - 1), longestDelayMs);
  }

  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [address, { freeAt }] of this.#penalties) {
      if (freeAt + forgetMs > now && this.#penalties.size < mostAddresses) return;
      this.#penalties.delete(address);
    }
  }
}

function refusal(): JumpstarterError {
  return new JumpstarterError("unauthenticated", "invalid or missing passphrase");
}

function tooMany(): JumpstarterError {
  return new JumpstarterError(
    "resource_exhausted",
    "Too many wrong passphrases came from this address; try again later",
  );
}

/** Puts a door before a router. It decides by a request's headers, before its body arrives. */
export function guarded(router: Router, door: Door): Router {
  return (path, headerOf) => {
    const waiting = door(path, headerOf);
    if (!waiting) return router(path, headerOf);
    return {
      kind: "streaming",
      async handle(stream) {
        await waiting(stream.signal);
        await run(router(path, headerOf), stream);
      },
    };
  };
}

/** Answers a call that had to wait for its handler. */
async function run(handler: Handler | undefined, stream: ServerStream): Promise<void> {
  if (handler === undefined) throw new JumpstarterError("unimplemented", `There is no method ${stream.path}`);
  if (handler.kind === "streaming") return await handler.handle(stream);
  await stream.send(await handler.handle(await oneMessage(stream), stream));
}

function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
